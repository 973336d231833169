# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the proof's image is made of; that it runs is in tests/integration/test_proof_image.py."""

from __future__ import annotations

import io
import json
import struct
import tarfile
from typing import Any

import pytest
from docker.errors import NotFound

from ansible_collections.kubelocal.registry.plugins.module_utils import _proof_image as module
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError

APPLETS = b"\0" + b"\0".join([b"sh", b"true", b"wget", b"date", b"sleep", b"tail", b"nc"]) + b"\0"
MUSL = "/lib/ld-musl-x86_64.so.1"


def program(loader: str = "", applets: bytes = APPLETS, form: bytes = b"\x7fELF\x02\x01") -> bytes:
    """A file with the headers of elf(5): one part to be loaded, and the loader's name."""
    parts = [(1, 0, 0), *([(3, 200, len(loader) + 1)] if loader else [])]
    head = form.ljust(32, b"\0") + struct.pack("<Q", 64)
    head = head.ljust(54, b"\0") + struct.pack("<HH", 56, len(parts))
    table = b"".join(struct.pack("<I4xQ16xQ", *part).ljust(56, b"\0") for part in parts)
    return (head.ljust(64, b"\0") + table).ljust(200, b"\0") + loader.encode() + applets


class Engine:
    """Its own ``api``, ``containers`` and the only container; ``files`` are what is in that."""

    id, attrs = "0", {"Image": "sha256:1", "State": {"Pid": 0}}

    def __init__(self, **files: bytes) -> None:
        self.api = self.containers = self
        self.files = {f"/{name.replace('__', '/')}": content for name, content in files.items()}

    def get(self, name: str) -> Engine:
        if name == "gone":
            raise NotFound("No such container: gone")
        return self

    def version(self) -> dict[str, Any]:
        return {"Arch": "arm64"}

    def get_archive(self, path: str) -> tuple[list[bytes], dict[str, Any]]:
        if path not in self.files:
            raise NotFound("no such file")
        return [module._tar({path.rpartition("/")[2]: self.files[path]})], {}


def names(image: module.Image) -> dict[str, str]:
    assert image.layer is not None
    with tarfile.open(fileobj=io.BytesIO(image.layer)) as tar:
        return {member.name: member.linkname for member in tar if not member.isdir()}


def test_a_busybox_that_needs_nothing() -> None:
    image = module.of(Engine(bin__busybox=program()), "registry")
    assert (image.command, image.architecture) == (("true",), "arm64")
    links = dict.fromkeys(("bin/date", "bin/nc", "bin/sh", "bin/sleep", "bin/tail", "bin/true", "bin/wget"), "busybox")
    assert names(image) == {"bin/busybox": "", **links}


def test_one_of_musl_comes_with_its_loader() -> None:
    engine = Engine(bin__busybox=program(MUSL))
    engine.files[MUSL] = b"loader"
    found = names(module.of(engine, "registry"))
    assert found["lib/ld-musl-x86_64.so.1"] == ""
    assert found["lib/libc.musl-x86_64.so.1"] == "ld-musl-x86_64.so.1"


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"bin__busybox": program("/lib64/ld-linux-x86-64.so.2")},
        {"bin__busybox": program(MUSL)},  # the loader is not there
        {"bin__busybox": program("/lib/../../etc/ld-musl-x86_64.so.1")},
        {"bin__busybox": program(applets=APPLETS.replace(b"wget", b"wgot"))},
        {"bin__busybox": program(form=b"\x7fELF\x01\x01")},
        {"bin__busybox": program()[:56] + b"\xff\xff" + program()[58:]},  # more headers than there are bytes
        {"bin__busybox": b"#!/bin/sh\n" + APPLETS},
        {"bin__busybox": b""},
    ],
)
def test_what_does_not_stand_alone_is_pushed_with_all_of_its_image(files: dict[str, bytes]) -> None:
    assert module.of(Engine(**files), "registry") == module.Image("sha256:1", ("registry", "--version"))


def test_the_archive_is_the_same_again() -> None:
    image = module.of(Engine(bin__busybox=program()), "registry")
    archive = image.archive("localhost:5001/kubelocal/proof:1")
    assert archive == module.of(Engine(bin__busybox=program()), "other").archive("localhost:5001/kubelocal/proof:1")
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        content = {member.name: tar.extractfile(member) for member in tar}
        listed = json.load(content["manifest.json"] or io.BytesIO())
        assert listed[0]["RepoTags"] == ["localhost:5001/kubelocal/proof:1"]
        assert set(content) == {"manifest.json", listed[0]["Config"], *listed[0]["Layers"]}
        config = json.load(content[listed[0]["Config"]] or io.BytesIO())
    assert (config["architecture"], config["os"]) == ("arm64", "linux")


def test_a_container_that_is_gone_meanwhile_is_told() -> None:
    with pytest.raises(ExpectedError, match="container 'gone' can't be read: No such container: gone"):
        module.of(Engine(), "gone")
