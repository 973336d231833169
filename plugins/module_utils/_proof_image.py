# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: the image that a proof pushes: the registry's own busybox alone, which every node pulls in no time.

Where the registry's image has none that stands alone, it is that image as a whole. The archive is what ``docker load`` reads (the Docker
image specification v1.2, "Combined Image JSON + Filesystem Changeset Format"), the same for the same busybox, byte by byte.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import re
import struct
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils import _docker
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError

with contextlib.suppress(ImportError):  # told by the module, from _docker.DOCKER_IMPORT_ERROR
    from docker.errors import DockerException
    from requests.exceptions import RequestException

if TYPE_CHECKING:
    from collections.abc import Mapping

_BUSYBOX = "bin/busybox"
_NEEDED = ("sh", "true", "wget", "date", "sleep", "tail")
_USEFUL = ("nslookup", "nc", "sed")
_MUSL = re.compile(r"/(lib/ld-musl-([a-z0-9_]+)\.so\.1)")
_INTERPRETER = 3  # PT_INTERP of elf(5)
_EPOCH = "1970-01-01T00:00:00Z"


@dataclass(frozen=True)
class Image:
    """What is pushed: an image to be loaded as ``reference``, or the one with the ID ``known``; ``command`` shows that it runs."""

    known: str
    command: tuple[str, ...] = ("registry", "--version")
    layer: bytes | None = None
    architecture: str = ""

    def archive(self, reference: str) -> bytes:
        """For the Engine to load."""
        layer = self.layer or b""
        config = {
            "architecture": self.architecture,
            "os": "linux",
            "created": _EPOCH,
            "config": {"Env": ["PATH=/bin"], "Cmd": ["true"]},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
            "history": [{"created": _EPOCH, "created_by": "kubelocal.registry"}],
        }
        configured = json.dumps(config).encode()
        name = f"{hashlib.sha256(configured).hexdigest()}.json"
        listed = json.dumps([{"Config": name, "RepoTags": [reference], "Layers": ["layer.tar"]}]).encode()
        return _tar({name: configured, "layer.tar": layer, "manifest.json": listed})


def of(client: Any, registry_name: str) -> Image:
    """The proof's image for the registry in the container of that name."""
    try:
        container = client.containers.get(registry_name)
        files = _alone(container)
        architecture = str(client.api.version().get("Arch"))
    except (DockerException, RequestException) as error:
        raise ExpectedError(
            f"the files of container '{registry_name}' can't be read: {_docker.explain(error)}."
        ) from error
    known = str(container.attrs.get("Image"))
    if files is None:
        return Image(known)
    links = {f"bin/{name}": "busybox" for name in (*_NEEDED, *_USEFUL) if _has(files[_BUSYBOX], name)}
    for path in list(files):
        musl = _MUSL.fullmatch(f"/{path}")
        if musl:  # one file is both, the loader and the library
            links[f"lib/libc.musl-{musl[2]}.so.1"] = path.rpartition("/")[2]
    return Image(known, ("true",), _tar(files, links, 0o755), architecture)


def _alone(container: Any) -> dict[str, bytes] | None:
    """The busybox and what it needs to start; None where there is none, or more than musl's loader would be needed."""
    busybox = _read(container, _BUSYBOX)
    if busybox is None or not all(_has(busybox, name) for name in _NEEDED):
        return None
    loader = interpreter(busybox)
    if loader == "":
        return {_BUSYBOX: busybox}
    musl = _MUSL.fullmatch(loader or "")
    library = _read(container, musl[1]) if musl else None
    return {_BUSYBOX: busybox, musl[1]: library} if musl and library is not None else None


def _read(container: Any, path: str) -> bytes | None:
    found = _docker.read_file(container, f"/{path}")
    return found.content if found else None


def _has(busybox: bytes, applet: str) -> bool:
    return b"\0%s\0" % applet.encode() in busybox


def interpreter(program: bytes) -> str | None:
    """The loader that a program asks for, "" for one that needs none; None for what is no 64-bit little-endian ELF file."""
    if program[:6] != b"\x7fELF\x02\x01" or len(program) < 64:
        return None
    (first,) = struct.unpack_from("<Q", program, 32)
    size, count = struct.unpack_from("<HH", program, 54)
    try:
        for number in range(count):
            kind, offset, length = struct.unpack_from("<I4xQ16xQ", program, first + number * size)
            if kind == _INTERPRETER:
                return program[offset : offset + length].rstrip(b"\0").decode(errors="replace")
    except struct.error:  # its end is missing
        return None
    return ""


def _tar(files: Mapping[str, bytes], links: Mapping[str, str] | None = None, mode: int = 0o644) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for folder in sorted({path.rpartition("/")[0] for path in files} - {""}):
            info = tarfile.TarInfo(folder)
            info.type, info.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(info)
        for path, content in sorted(files.items()):
            info = tarfile.TarInfo(path)
            info.size, info.mode = len(content), mode
            tar.addfile(info, io.BytesIO(content))
        for path, target in sorted((links or {}).items()):
            info = tarfile.TarInfo(path)
            info.type, info.linkname, info.mode = tarfile.SYMTYPE, target, 0o777
            tar.addfile(info)
    return buffer.getvalue()
