# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pushes and pulls images by a registry's HTTP API, without Docker's own client between."""

from __future__ import annotations

import functools
import hashlib
import io
import json
import os
import tarfile
from typing import Any

import docker
import requests
from docker.errors import ImageNotFound

from tests.support import testbed

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar"


class Registry:
    """The registry at ``host``: over TLS when a ``ca`` (a file's path) is given."""

    def __init__(self, host: str, user: str = "", password: str = "", ca: str = "") -> None:
        self.base = f"{'https' if ca else 'http'}://{host}"
        self._session = requests.Session()
        self._session.trust_env = False
        if user:
            self._session.auth = (user, password)
        if ca:
            self._session.verify = ca

    def call(self, method: str, path: str, **arguments: Any) -> requests.Response:
        """The answer to one request, whatever its status."""
        url = path if "://" in path else self.base + path
        return self._session.request(method, url, timeout=60, **arguments)

    def push_blob(self, repository: str, content: bytes) -> str:
        """The digest of a blob that the registry has now."""
        digest = _digest(content)
        if self.call("HEAD", f"/v2/{repository}/blobs/{digest}").status_code == 200:
            return digest
        begun = _good(self.call("POST", f"/v2/{repository}/blobs/uploads/"))
        where = begun.headers["Location"]
        _good(self.call("PUT", f"{where}{'&' if '?' in where else '?'}digest={digest}", data=content))
        return digest

    def push_manifest(self, repository: str, reference: str, content: bytes, media_type: str = _MANIFEST) -> str:
        """The digest of a manifest that the registry has now."""
        path = f"/v2/{repository}/manifests/{reference}"
        _good(self.call("PUT", path, data=content, headers={"Content-Type": media_type}))
        return _digest(content)


def push_image(
    host: str, repository: str, tag: str, size: int = 1024, user: str = "", password: str = "", ca: str = ""
) -> str:
    """Push a runnable image, busybox and a fresh layer of ``size`` random bytes; its manifest's digest."""
    registry = Registry(host, user, password, ca)
    base, layers = _busybox()
    layers = [*layers, _random_layer(size)]
    configuration = {**base, "rootfs": {"type": "layers", "diff_ids": [_digest(layer) for layer in layers]}}
    configuration.pop("history", None)
    blob = json.dumps(configuration).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": {"mediaType": _CONFIG, "size": len(blob), "digest": registry.push_blob(repository, blob)},
        "layers": [
            {"mediaType": _LAYER, "size": len(layer), "digest": registry.push_blob(repository, layer)}
            for layer in layers
        ],
    }
    return registry.push_manifest(repository, tag, json.dumps(manifest).encode())


def pull(host: str, reference: str, user: str = "", password: str = "", ca: str = "") -> str:
    """Read all of an image (``repository:tag`` or ``repository@digest``), check its digests; its manifest's digest."""
    registry = Registry(host, user, password, ca)
    repository, wanted = reference.split("@") if "@" in reference else reference.rsplit(":", 1)
    answer = _good(registry.call("GET", f"/v2/{repository}/manifests/{wanted}", headers={"Accept": _MANIFEST}))
    manifest = answer.json()
    for blob in [manifest["config"], *manifest["layers"]]:
        content = _good(registry.call("GET", f"/v2/{repository}/blobs/{blob['digest']}")).content
        assert _digest(content) == blob["digest"], f"{blob['digest']} came with another content"
    digest = _digest(answer.content)
    assert wanted in (digest, reference.rsplit(":", 1)[-1]), f"asked for {wanted}, got {digest}"
    return digest


def tags(host: str, repository: str, user: str = "", password: str = "", ca: str = "") -> list[str]:
    """A repository's tags; none when there is no such repository."""
    answer = Registry(host, user, password, ca).call("GET", f"/v2/{repository}/tags/list")
    return [] if answer.status_code == 404 else sorted(_good(answer).json()["tags"] or [])


@functools.lru_cache(maxsize=1)
def _busybox() -> tuple[dict[str, Any], list[bytes]]:
    """Configuration and layers of the testbed's busybox, as the Engine has it."""
    name = testbed.load().busybox_image
    client = docker.from_env(version="auto")
    try:
        image = client.images.get(name)
    except ImageNotFound:
        image = client.images.pull(name)
    with tarfile.open(fileobj=io.BytesIO(b"".join(image.save()))) as archive:
        manifest = json.loads(_read(archive, "manifest.json"))[0]
        return json.loads(_read(archive, manifest["Config"])), [_read(archive, path) for path in manifest["Layers"]]


def _read(archive: tarfile.TarFile, path: str) -> bytes:
    file = archive.extractfile(path)
    assert file is not None, path
    return file.read()


def _random_layer(size: int) -> bytes:
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as archive:
        info = tarfile.TarInfo("fresh")
        info.size = size
        archive.addfile(info, io.BytesIO(os.urandom(size)))
    return layer.getvalue()


def _digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def _good(answer: requests.Response) -> requests.Response:
    assert answer.ok, f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text}"
    return answer
