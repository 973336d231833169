# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: image references as Docker reads them (``nginx`` is ``docker.io/library/nginx:latest``)."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError

DEFAULT_HOST = "docker.io"
_ALIASES = {"index.docker.io": DEFAULT_HOST, "registry-1.docker.io": DEFAULT_HOST}

_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*", re.ASCII)
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", re.ASCII)
_DIGEST = re.compile(r"[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[0-9a-fA-F]{32,}", re.ASCII)
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_HOST = re.compile(rf"(?:{_LABEL}(?:[._]{_LABEL})*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{{1,5}})?", re.ASCII)
_LONGEST = 255


class ImageRefError(ExpectedError):
    """A reference that Docker would refuse too."""


@dataclass(frozen=True)
class ImageRef:
    """A whole reference: nothing is left to defaults, except that a digest needs no tag."""

    host: str
    repository: str
    tag: str | None = None
    digest: str | None = None

    @property
    def reference(self) -> str:
        """What the registry is asked for: the digest if there is one, else the tag."""
        return self.digest or self.tag or "latest"

    @property
    def name(self) -> str:
        """Host and repository."""
        return f"{self.host}/{self.repository}"

    @property
    def familiar(self) -> str:
        """As Docker shows it to people: without what it adds by itself."""
        name = self.name
        if self.host == DEFAULT_HOST:
            name = self.repository.removeprefix("library/") if self.repository.count("/") == 1 else self.repository
        return self._with_reference(name)

    def on(self, host: str) -> ImageRef:
        """The same image in another registry."""
        return replace(self, host=host)

    def __str__(self) -> str:
        return self._with_reference(self.name)

    def _with_reference(self, name: str) -> str:
        return name + (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")


def parse(text: str) -> ImageRef:
    """A reference as Docker's CLI reads it, or ImageRefError."""
    rest, at, digest = text.partition("@")
    if at and not _DIGEST.fullmatch(digest):
        raise _error(text, f"'{digest}' is no digest (sha256: and 64 hexadecimal digits)")
    head, slash, path = rest.partition("/")
    if slash and (any(mark in head for mark in ".:") or head == "localhost" or head != head.lower()):
        host, rest = _ALIASES.get(head, head), path
        if not valid_host(head):
            raise _error(text, f"'{head}' is no host with an optional port")
    else:
        host = DEFAULT_HOST
    repository, colon, tag = rest.partition(":")
    if colon and not _TAG.fullmatch(tag):
        raise _error(text, f"'{tag}' is no tag (letters, digits, '_', '.' and '-', at most 128)")
    if not _REPOSITORY.fullmatch(repository):
        raise _error(
            text, f"'{repository}' is no repository (lower case letters and digits, parted by '/', '.', '_' or '-')"
        )
    if host == DEFAULT_HOST and "/" not in repository:
        repository = f"library/{repository}"
    if len(f"{host}/{repository}") > _LONGEST:
        raise _error(text, f"its name is longer than {_LONGEST} characters")
    return ImageRef(host, repository, tag if colon else (None if at else "latest"), digest if at else None)


def valid_host(text: str) -> bool:
    """Whether this is a host name or address with an optional port, as it stands in image references."""
    if not _HOST.fullmatch(text):
        return False
    port = re.search(r":(\d+)$", text.rpartition("]")[2] if text.startswith("[") else text)
    return port is None or 0 < int(port.group(1)) < 65536


def same_image(one: str, other: str) -> bool:
    """Whether two references mean the same, however familiar each is written."""
    try:
        return parse(one) == parse(other)
    except ImageRefError:
        return one == other


def _error(text: str, why: str) -> ImageRefError:
    return ImageRefError(f"'{text}' is no image reference: {why}; write it like host:port/repository:tag.")
