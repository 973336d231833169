# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layers and archives of the testbed."""

from __future__ import annotations

import hashlib
import json
import tarfile
from pathlib import Path

from tests.testbed import archive


def _layer(path: Path, content: bytes = b"one") -> Path:
    layer = archive.Layer(path)
    layer.content("usr/local/bin/program", content, 0o755)
    layer.link("usr/local/bin/other", "program")
    return layer.close()


def test_equal_content_is_equal_bytes(tmp_path: Path) -> None:
    first, again, other = _layer(tmp_path / "a"), _layer(tmp_path / "b"), _layer(tmp_path / "c", b"two")
    assert first.read_bytes() == again.read_bytes() != other.read_bytes()
    with tarfile.open(first) as tar:
        assert tar.getnames() == [
            "usr",
            "usr/local",
            "usr/local/bin",
            "usr/local/bin/program",
            "usr/local/bin/other",
        ]


def test_an_archive_has_a_shared_layer_once(tmp_path: Path) -> None:
    layer = _layer(tmp_path / "layer")
    images = [archive.ImageContent(["a:1", "b:1"], [layer], {"Cmd": ["x"]}), archive.ImageContent(["c:1"], [layer])]
    with tarfile.open(archive.write(tmp_path / "archive", images)) as tar:
        manifest = json.loads(tar.extractfile("manifest.json").read())  # type: ignore[union-attr]
        configuration = json.loads(tar.extractfile(manifest[0]["Config"]).read())  # type: ignore[union-attr]
        names = tar.getnames()
    assert manifest[0]["RepoTags"] == ["a:1", "b:1"]
    assert manifest[0]["Layers"] == manifest[1]["Layers"]
    assert len(names) == len(set(names)) == 4  # layer, two configurations, manifest
    digest = hashlib.sha256(layer.read_bytes()).hexdigest()
    assert configuration["rootfs"]["diff_ids"] == [f"sha256:{digest}"]
    assert configuration["config"] == {"Cmd": ["x"]}
