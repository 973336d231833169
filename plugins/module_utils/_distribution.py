# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: the HTTP API of a registry (OCI distribution)."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import re
import urllib.parse
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils._distribution_errors import (
    MISSING,
    OTHER,
    TLS,
    RegistryError,
)
from ansible_collections.kubelocal.registry.plugins.module_utils._distribution_http import Answer, Connection

if TYPE_CHECKING:
    from collections.abc import Iterator

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
INDEX_TYPES = frozenset({OCI_INDEX, DOCKER_INDEX})
MANIFEST_TYPES = (OCI_INDEX, DOCKER_INDEX, OCI_MANIFEST, DOCKER_MANIFEST)

_PAGE = 1000


@dataclass(frozen=True)
class Manifest:
    """A manifest or index as the registry keeps it."""

    digest: str
    media_type: str
    content: bytes

    @property
    def data(self) -> dict[str, Any]:
        value = json.loads(self.content)
        return value if isinstance(value, dict) else {}


def digest_of(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


class Registry(Connection):
    """What a registry can be asked."""

    def ping(self) -> None:
        """``/v2/`` with credentials: an error unless this registry lets us in."""
        answer = self.request("GET", "/v2/")
        if answer.status != 200:
            raise self._unexpected(answer, "answer as a registry does")

    def catalog(self) -> list[str]:
        """The names of all repositories, emptied ones too."""
        return [
            str(name)
            for page in self._pages("/v2/_catalog", "list repositories")
            for name in page.get("repositories") or []
        ]

    def tags(self, repository: str) -> list[str]:
        """The tags of a repository; none when the registry doesn't know it."""
        try:
            pages = list(self._pages(f"/v2/{repository}/tags/list", f"list the tags of {repository}"))
        except RegistryError as error:
            if error.reason == MISSING:
                return []
            raise
        return [str(tag) for page in pages for tag in page.get("tags") or []]

    def head_manifest(self, repository: str, reference: str) -> str | None:
        """The digest behind a tag or digest, or None when the registry does not have it."""
        answer = self.request("HEAD", f"/v2/{repository}/manifests/{reference}", headers=_ACCEPT)
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise self._unexpected(answer, f"tell about {repository}:{reference}")
        digest = answer.header("Docker-Content-Digest")
        return digest or self.manifest(repository, reference).digest

    def manifest(self, repository: str, reference: str) -> Manifest:
        answer = self.request("GET", f"/v2/{repository}/manifests/{reference}", headers=_ACCEPT)
        if answer.status != 200:
            raise self._unexpected(answer, f"give {_joined(repository, reference)}")
        media_type = answer.header("Content-Type").partition(";")[0].strip()
        return Manifest(answer.header("Docker-Content-Digest") or digest_of(answer.content), media_type, answer.content)

    def put_manifest(self, repository: str, reference: str, content: bytes, media_type: str = OCI_MANIFEST) -> str:
        """Store a manifest under a tag or its digest; the digest."""
        answer = self.request("PUT", f"/v2/{repository}/manifests/{reference}", content, {"Content-Type": media_type})
        if answer.status not in (200, 201, 202):
            raise self._unexpected(answer, f"take {_joined(repository, reference)}")
        return answer.header("Docker-Content-Digest") or digest_of(content)

    def delete_manifest(self, repository: str, reference: str) -> bool:
        """Delete a manifest by digest, or only a tag (registry 3 and newer); False when it was not there."""
        answer = self.request("DELETE", f"/v2/{repository}/manifests/{reference}")
        if answer.status == 404:
            return False
        if answer.status == 405:
            raise RegistryError(
                f"the registry at {self.host} allows no deletion; set storage.delete.enabled in its configuration.",
                OTHER,
                405,
            )
        if answer.status not in (200, 202):
            raise self._unexpected(answer, f"delete {_joined(repository, reference)}")
        return True

    def blob_size(self, repository: str, digest: str) -> int | None:
        """How many bytes a blob has, or None when the registry does not have it."""
        answer = self.request("HEAD", f"/v2/{repository}/blobs/{digest}")
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise self._unexpected(answer, f"tell about {repository}@{digest}")
        return int(answer.header("Content-Length") or 0)

    def blob(self, repository: str, digest: str) -> bytes:
        with self.open_blob(repository, digest) as stream:
            return stream.read()

    @contextlib.contextmanager
    def open_blob(self, repository: str, digest: str) -> Iterator[IO[bytes]]:
        """A blob as a stream, for what should not be held in memory."""
        response = self.send("GET", f"/v2/{repository}/blobs/{digest}", None, {})
        if isinstance(response, Answer):
            raise self._unexpected(response, f"give {repository}@{digest}")
        with response:
            yield response

    def put_blob(
        self, repository: str, content: bytes | IO[bytes], digest: str | None = None, size: int | None = None
    ) -> str:
        """Upload a blob unless it is there; its digest. A stream must be seekable, and have its digest named."""
        if isinstance(content, bytes):
            digest = digest or digest_of(content)
            size = len(content)
        if digest is None:
            raise ValueError("a stream needs its digest")
        if self.blob_size(repository, digest) is not None:
            return digest
        if size is None and not isinstance(content, bytes):
            size = content.seek(0, io.SEEK_END)
            content.seek(0)
        started = self.request("POST", f"/v2/{repository}/blobs/uploads/", b"")
        if started.status != 202:
            raise self._unexpected(started, f"take an upload to {repository}")
        location = self.location(started.header("Location"))
        joiner = "&" if "?" in location else "?"
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        done = self.request("PUT", f"{location}{joiner}digest={urllib.parse.quote(digest)}", content, headers)
        if done.status not in (201, 204):
            raise self._unexpected(done, f"take a blob of {repository}")
        return digest

    def mount_blob(self, repository: str, digest: str, source: str) -> bool:
        """Take a blob over from another repository of the same registry; False when it has to be uploaded."""
        query = urllib.parse.urlencode({"mount": digest, "from": source})
        answer = self.request("POST", f"/v2/{repository}/blobs/uploads/?{query}", b"")
        if answer.status == 202:  # it opened an upload instead: close that again
            self.request("DELETE", self.location(answer.header("Location")))
            return False
        if answer.status != 201:
            raise self._unexpected(answer, f"take {digest} over from {source}")
        return True

    def _pages(self, path: str, what: str) -> Iterator[dict[str, Any]]:
        path = f"{path}?n={_PAGE}"
        seen: set[str] = set()
        while path and path not in seen:
            seen.add(path)
            answer = self.request("GET", path)
            if answer.status != 200:
                raise self._unexpected(answer, what)
            try:
                page = json.loads(answer.content)
            except ValueError:
                page = None
            if not isinstance(page, dict):
                raise RegistryError(f"what answers at {self.host} is no registry: its list is not JSON.")
            yield page
            following = re.search(r'<([^>]+)>\s*;\s*rel="?next', answer.header("Link"))
            path = self.location(following.group(1)) if following else ""

    def _unexpected(self, answer: Answer, what: str) -> RegistryError:
        said = ""
        with contextlib.suppress(ValueError, TypeError, KeyError, IndexError, AttributeError):
            first = json.loads(answer.content)["errors"][0]
            said = ": " + str(first.get("message") or first.get("code")).rstrip(".")
            detail = first.get("detail")
            if isinstance(detail, str) and detail:
                said += f" ({detail})"
        if answer.status == 400 and b"HTTP request to an HTTPS server" in answer.content:
            return RegistryError(f"the registry at {self.host} speaks HTTPS; use https:// in its address.", TLS, 400)
        reason = MISSING if answer.status == 404 else OTHER
        return RegistryError(
            f"the registry at {self.host} does not {what} ({answer.status}{said}).", reason, answer.status
        )


_ACCEPT = {"Accept": ", ".join(MANIFEST_TYPES)}


def _joined(repository: str, reference: str) -> str:
    return f"{repository}{'@' if ':' in reference else ':'}{reference}"
