# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: pushing the proof's image from the host, through the Engine, and taking it away again."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import os
import re
import socket
import tarfile
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils import _run_mark
from ansible_collections.kubelocal.registry.plugins.module_utils._distribution import OCI_MANIFEST, Registry, digest_of
from ansible_collections.kubelocal.registry.plugins.module_utils._distribution_errors import RegistryError
from ansible_collections.kubelocal.registry.plugins.module_utils._docker import explain
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError

with contextlib.suppress(ImportError):  # told by the module, from _docker.DOCKER_IMPORT_ERROR
    from docker.errors import APIError, DockerException, NotFound
    from requests.exceptions import RequestException

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.kubelocal.registry.plugins.module_utils._access import Access
    from ansible_collections.kubelocal.registry.plugins.module_utils._proof_image import Image

REPOSITORY = "kubelocal/proof"
TAG = "1"
_FRESH = "fresh-"
_FRESH_TAG = re.compile(rf"{_FRESH}(?P<machine>[0-9a-f]{{8}})-(?P<process>[0-9]+)-(?P<time>[0-9a-f]+)-[0-9a-f]{{8}}$")
_LONG_AGO = 900
_PUSHES = 4
_UNTAGGED = ("does not exist locally", "tag does not exist")


@dataclass(frozen=True)
class Place:
    """A registry's container and its addresses."""

    name: str
    host: str | None
    port: int | None
    inside_port: int
    networks: tuple[str, ...]

    @property
    def host_from_cluster_network(self) -> str:
        return f"{self.name}:{self.inside_port}"


def find_place(client: Any, name: str) -> Place:
    """The running registry of that name, or ExpectedError."""
    try:
        container = client.api.inspect_container(name)
    except NotFound:
        raise ExpectedError(
            f"there is no container '{name}' with a registry; run the playbook kubelocal.registry.up, or set registry_name."
        ) from None
    except (APIError, DockerException, RequestException) as error:
        raise ExpectedError(f"the Engine does not tell about container '{name}': {explain(error)}.") from error
    state = container["State"]
    if not state.get("Running") or state.get("Paused"):
        raise ExpectedError(
            f"the registry's container '{name}' is {state.get('Status')}; run the playbook kubelocal.registry.up, which starts it."
        )
    return place_of(name, container)


def place_of(name: str, container: Mapping[str, Any]) -> Place:
    """The addresses in what the Engine tells about a container."""
    settings = container.get("NetworkSettings") or {}
    bindings = settings.get("Ports") or (container.get("HostConfig") or {}).get("PortBindings") or {}
    host, port, inside = None, None, 5000
    for inner in sorted(bindings, key=lambda text: (not text.startswith("5000/"), text)):
        published = bindings[inner] or []
        if inner.endswith("/tcp") and published and published[0].get("HostPort"):
            inside, port = int(inner.split("/")[0]), int(published[0]["HostPort"])
            address = published[0].get("HostIp") or ""
            local = address in ("", "0.0.0.0", "::", "::1") or address.startswith("127.")
            host = f"{'localhost' if local else address}:{port}"
            break
    networks = tuple(sorted(settings.get("Networks") or {}))
    return Place(name, host, port, inside, networks)


def push(client: Any, place: Place, image: Image, access: Access) -> str:
    """Push the image to the registry through the Engine; its digest there."""
    if place.host is None:
        raise ExpectedError(
            f"the registry's container '{place.name}' publishes no port; set registry_port and run kubelocal.registry.up."
        )
    repository = f"{place.host}/{REPOSITORY}"
    login = {"username": access.username, "password": access.password} if access.username else {}
    for left in reversed(range(_PUSHES)):
        _have(client, place, image, repository)
        digest, told = _push_tagged(client, repository, login)
        if not told:
            return digest
        # another proof at the same moment took the tag away when it was done
        if not left or not any(words in told for words in _UNTAGGED):
            raise ExpectedError(_refused(repository, told))
    raise AssertionError("unreachable")


def _have(client: Any, place: Place, image: Image, repository: str) -> None:
    """Have it in the Engine under the name that it is pushed by."""
    try:
        if image.layer is None:
            client.api.tag(image.known, repository, TAG)
            return
        told = list(client.api.load_image(image.archive(f"{repository}:{TAG}")))
    except NotFound as error:
        raise ExpectedError(
            f"the image that '{place.name}' runs from is not in the Engine any more ({explain(error)}); pull it again."
        ) from error
    except (APIError, DockerException, RequestException) as error:
        raise ExpectedError(_refused(repository, explain(error))) from error
    for line in told:
        if line.get("error"):
            raise ExpectedError(_refused(repository, str(line["error"])))


def _push_tagged(client: Any, repository: str, login: Mapping[str, str | None]) -> tuple[str, str]:
    """The digest, or what went wrong."""
    digest = ""
    try:
        for line in client.api.push(repository, TAG, stream=True, decode=True, auth_config=login):
            if line.get("error"):
                return "", str(line["error"])
            digest = (line.get("aux") or {}).get("Digest") or digest
    except (APIError, DockerException, RequestException) as error:
        return "", explain(error)
    finally:
        with contextlib.suppress(APIError):
            client.api.remove_image(f"{repository}:{TAG}", noprune=True)
    return digest, ""


def _refused(repository: str, told: str) -> str:
    return (
        f"pushing {repository}:{TAG} from the host failed: {told.strip().rstrip('.')}; "
        "the playbook kubelocal.registry.status shows which link is broken."
    )


def registry_at(host: str, access: Access, timeout: float = 10) -> Registry:
    """The registry's HTTP API at the address where it is published, over TLS if that is what it speaks."""
    # the Engine too trusts whatever listens on this machine's own addresses
    verify = not host.startswith(("localhost:", "127."))
    registry = Registry(f"http://{host}", None, access.username, access.password, timeout)
    try:
        status = registry.probe()
    except RegistryError:
        status = 400
    if status == 400:
        return Registry(f"https://{host}", access.ca, access.username, access.password, timeout, verify)
    return registry


def fresh_tag() -> str:
    """A tag for an image that is only there for a while; it tells who made it, and when."""
    return f"{_FRESH}{_machine()}-{os.getpid()}-{int(time.time()):x}-{os.urandom(4).hex()}"


def push_fresh(registry: Registry) -> str:
    """The proof's image again, with a layer that nobody has yet; its tag."""
    base = registry.manifest(REPOSITORY, TAG)
    data = base.data
    if "layers" not in data:  # an index: the first image that it lists
        first = data["manifests"][0]["digest"]
        base = registry.manifest(REPOSITORY, first)
        data = base.data
    layer, diff = _layer()
    configuration = json.loads(registry.blob(REPOSITORY, data["config"]["digest"]))
    configuration["rootfs"]["diff_ids"].append(diff)
    configuration.pop("history", None)
    blob = json.dumps(configuration).encode()
    docker_types = base.media_type != OCI_MANIFEST
    layer_type = (
        "application/vnd.docker.image.rootfs.diff.tar.gzip"
        if docker_types
        else "application/vnd.oci.image.layer.v1.tar+gzip"
    )
    data["layers"].append({"mediaType": layer_type, "size": len(layer), "digest": registry.put_blob(REPOSITORY, layer)})
    data["config"].update(size=len(blob), digest=registry.put_blob(REPOSITORY, blob))
    tag = fresh_tag()
    registry.put_manifest(REPOSITORY, tag, json.dumps(data).encode(), base.media_type)
    return tag


def remove_fresh(registry: Registry, own: str = "") -> None:
    """Take away our ``own`` fresh image and what killed proofs left; one of a proof that goes on elsewhere stays.

    A registry that allows no deletion keeps a few bytes.
    """
    with contextlib.suppress(RegistryError):
        for tag in registry.tags(REPOSITORY):
            if tag == own or is_left_behind(tag):
                digest = registry.head_manifest(REPOSITORY, tag)
                if digest:
                    registry.delete_manifest(REPOSITORY, digest)


def is_left_behind(tag: str) -> bool:
    """Whether a tag is of a proof that no longer runs: its process here is gone, or it is long ago."""
    match = _FRESH_TAG.match(tag)
    if match is None:
        return tag.startswith(_FRESH)
    gone = match["machine"] == _machine() and not _run_mark.lives(int(match["process"]))
    return gone or time.time() - int(match["time"], 16) > _LONG_AGO


def _machine() -> str:
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]


def _layer() -> tuple[bytes, str]:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as archive:
        info = tarfile.TarInfo("kubelocal-proof")
        content = os.urandom(32)
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return gzip.compress(plain.getvalue()), digest_of(plain.getvalue())
