# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layers, and archives of images as 'docker save' writes them, which Docker and containerd both load."""

from __future__ import annotations

import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


class Layer:
    """A tar file that is being written; all in it is root's and has no date, so that equal content is equal bytes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._tar = tarfile.open(path, "w")  # noqa: SIM115
        self._folders: set[str] = set()

    def folder(self, name: str, mode: int = 0o755) -> None:
        """A folder, and those above it."""
        parent = str(Path(name).parent)
        if parent != "." and parent not in self._folders:
            self.folder(parent)
        self._folders.add(name)
        self._add(name, tarfile.DIRTYPE, mode)

    def content(self, name: str, content: bytes, mode: int = 0o644) -> None:
        """A file."""
        self._above(name)
        self._add(name, tarfile.REGTYPE, mode, io.BytesIO(content), len(content))

    def file(self, name: str, source: Path, mode: int = 0o755) -> None:
        """A copy of a file, by default a program's."""
        self._above(name)
        with source.open("rb") as content:
            self._add(name, tarfile.REGTYPE, mode, content, source.stat().st_size)

    def link(self, name: str, target: str) -> None:
        """A symbolic link."""
        self._above(name)
        self._add(name, tarfile.SYMTYPE, 0o777, target=target)

    def tree(self, name: str, source: Path) -> None:
        """A copy of a folder's files and folders."""
        self.folder(name)
        for path in sorted(source.rglob("*")):
            below = f"{name}/{path.relative_to(source)}"
            if path.is_symlink():
                self.link(below, str(path.readlink()))
            elif path.is_dir():
                self.folder(below)
            else:
                self.file(below, path, path.stat().st_mode & 0o777)

    def close(self) -> Path:
        """The finished file."""
        self._tar.close()
        return self.path

    def _above(self, name: str) -> None:
        parent = str(Path(name).parent)
        if parent != "." and parent not in self._folders:
            self.folder(parent)

    def _add(self, name: str, kind: bytes, mode: int, content: Any = None, size: int = 0, target: str = "") -> None:
        info = tarfile.TarInfo(name)
        info.type, info.mode, info.size, info.linkname = kind, mode, size, target
        self._tar.addfile(info, content)


@dataclass(frozen=True)
class ImageContent:
    """An image's names, its layers and its configuration in Docker's words (Entrypoint, Env, Labels ...)."""

    names: list[str]
    layers: list[Path]
    config: dict[str, Any] = field(default_factory=dict)


def write(path: Path, images: Iterable[ImageContent]) -> Path:
    """Write an archive of images; a layer that several have is in it once."""
    manifest, digests = [], {}
    with tarfile.open(path, "w") as tar:
        for image in images:
            for layer in image.layers:
                if layer not in digests:
                    digests[layer] = _sha256(layer)
                    tar.add(layer, f"{digests[layer]}/layer.tar", filter=_plain)
            configuration = {
                "architecture": architecture(),
                "os": "linux",
                "created": "1970-01-01T00:00:00Z",
                "config": image.config,
                "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digests[layer]}" for layer in image.layers]},
                "history": [{"created": "1970-01-01T00:00:00Z", "created_by": "tests/testbed"} for _ in image.layers],
            }
            blob = json.dumps(configuration).encode()
            name = f"{hashlib.sha256(blob).hexdigest()}.json"
            _put(tar, name, blob)
            layers = [f"{digests[layer]}/layer.tar" for layer in image.layers]
            manifest.append({"Config": name, "RepoTags": image.names, "Layers": layers})
        _put(tar, "manifest.json", json.dumps(manifest).encode())
    return path


def architecture() -> str:
    """This machine's, in Docker's words."""
    return _ARCHITECTURES.get(platform.machine(), platform.machine())


def _put(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))


def _plain(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.mtime = info.uid = info.gid = 0
    info.uname = info.gname = ""
    return info


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
