# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import IO
from urllib.error import URLError

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils import _tools, _workstation
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError

URL = "https://example.org/{version}/kind-{os}-{arch}"
ADDRESS = "https://example.org/v1.2.3/kind-linux-amd64"
SUM = "a" * 64


def program(version: str) -> bytes:
    return f"#!/bin/sh\necho kind {version} go1.26\n".encode()


def box(
    folder: Path, pages: Mapping[str, bytes] | None = None, check: bool = False, on_difference: str = "warn"
) -> _tools.Toolbox:
    def opener(url: str) -> IO[bytes]:
        if url not in (pages or {}):
            raise URLError("no such host")
        return io.BytesIO((pages or {})[url])

    system = _workstation.System("Debian", "debian", "12", "debian", True, "linux", "amd64", "none")
    return _tools.Toolbox(folder, system, opener, check, on_difference)


def kind(**options: str) -> _tools.Spec:
    return _tools.Spec("kind", **{"version": "1.2.3", "url": URL, "checksum": URL + ".sha256sum", **options})


@pytest.fixture(autouse=True)
def _no_tools_on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")


@pytest.fixture
def pages() -> dict[str, bytes]:
    digest = hashlib.sha256(program("v1.2.3")).hexdigest()
    return {ADDRESS: program("v1.2.3"), f"{ADDRESS}.sha256sum": f"{digest}  kind-linux-amd64\n".encode()}


def test_download_again_change_remove(tmp_path: Path, pages: dict[str, bytes]) -> None:
    folder = tmp_path / "bin"
    planned = box(folder, {}, check=True).present([kind()])
    assert planned.actions == [f"installed kind v1.2.3 at {folder}/kind from {ADDRESS}"]
    assert not folder.exists()
    assert box(folder, pages).present([kind()]).actions == planned.actions
    assert (folder / "kind").stat().st_mode & 0o777 == 0o755
    assert sorted(path.name for path in folder.iterdir()) == [".kubelocal.registry.json", "kind"]
    # nothing is fetched again
    again = box(folder, {}).present([kind()])
    assert (again.actions, again.tools) == ([], {"kind": {"path": f"{folder}/kind", "version": "v1.2.3"}})
    # an older one of ours is replaced without being asked
    newer = program("v2.0.0")
    newer_pages = {"https://example.org/v2.0.0/kind-linux-amd64": newer}
    spec = kind(version="v2.0.0", checksum=f"sha256:{hashlib.sha256(newer).hexdigest()}")
    assert box(folder, newer_pages).present([spec]).after == {"kind": f"{folder}/kind v2.0.0"}
    assert len(box(folder, check=True).absent(["kind"]).actions) == 1
    assert box(folder).absent(["kind", "kubectl"]).actions == [f"removed {folder}/kind"]
    assert list(folder.iterdir()) == []
    assert box(folder).absent(["kind"]).actions == []


def test_a_changed_one_is_not_removed(tmp_path: Path, pages: dict[str, bytes]) -> None:
    box(tmp_path, pages).present([kind()])
    (tmp_path / "kind").write_bytes(program("v9.9.9"))
    result = box(tmp_path).absent(["kind"])
    assert result.actions == []
    assert "changed since" in result.warnings[0]
    assert (tmp_path / "kind").exists()


def test_a_foreign_one_of_another_version(tmp_path: Path, pages: dict[str, bytes]) -> None:
    (tmp_path / "kind").write_bytes(program("v0.1.0"))
    (tmp_path / "kind").chmod(0o755)
    kept = box(tmp_path, pages).present([kind()])
    assert kept.actions == []
    assert "v0.1.0" in kept.warnings[0]
    assert "v1.2.3" in kept.warnings[0]
    with pytest.raises(ExpectedError, match=r"v0\.1\.0.*workstation_on_difference=replace"):
        box(tmp_path, pages, on_difference="fail").present([kind()])
    assert len(box(tmp_path, pages, on_difference="replace").present([kind()]).actions) == 1
    assert (tmp_path / "kind").read_bytes() == program("v1.2.3")


@pytest.mark.parametrize(
    ("changed", "options", "said"),
    [
        ({ADDRESS: b"evil"}, {}, "nothing was installed"),
        ({}, {"checksum": SUM}, f"and not {SUM} as workstation_kind_checksum says"),
        ({f"{ADDRESS}.sha256sum": b"<html>"}, {}, "has no SHA-256 for kind-linux-amd64"),
        ({f"{ADDRESS}.sha256sum": SUM.encode() + b"  kind-darwin-arm64"}, {}, "has no SHA-256 for kind-linux-amd64"),
        ({}, {"url": "https://example.org/gone", "checksum": SUM}, "can't be had: no such host"),
        ({}, {"checksum": "https://example.org/gone"}, "can't be had: no such host"),
    ],
)
def test_what_can_not_be_trusted_is_not_installed(
    tmp_path: Path, pages: dict[str, bytes], changed: dict[str, bytes], options: dict[str, str], said: str
) -> None:
    with pytest.raises(ExpectedError, match=said):
        box(tmp_path, {**pages, **changed}).present([kind(**options)])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "said"), [(b"no program", "does not run as kind"), (program("v9.9.9"), r"says that it is v9\.9\.9")]
)
def test_what_is_something_else_is_not_installed(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(ExpectedError, match=said):
        box(tmp_path, {ADDRESS: content}).present([kind(checksum=hashlib.sha256(content).hexdigest())])
    assert list(tmp_path.iterdir()) == []


def test_path(tmp_path: Path) -> None:
    source, folder = tmp_path / "given", tmp_path / "bin"
    source.write_bytes(program("v0.33.0-alpha"))
    spec = kind(source="path", path=str(source))
    assert box(folder).present([spec]).actions == [f"installed kind v0.33.0-alpha at {folder}/kind from {source}"]
    assert box(folder).present([spec]).actions == []
    source.write_bytes(program("v0.34.0"))
    assert len(box(folder).present([spec]).actions) == 1
    assert box(folder).present([spec]).actions == []


BAD = [
    ({"version": "latest"}, "workstation_kind_version: 'vlatest'"),
    ({"version": "1.2.3; reboot"}, "workstation_kind_version"),
    ({"version": "../../x"}, "workstation_kind_version"),
    ({"url": ""}, "workstation_kind_url: '' is no URL"),
    ({"url": "ftp://example.org/kind"}, "workstation_kind_url"),
    ({"url": "https://example.org/a b"}, "workstation_kind_url"),
    ({"url": "file:///etc/passwd"}, "workstation_kind_url"),
    ({"checksum": ""}, "workstation_kind_checksum: '' is no SHA-256"),
    ({"checksum": "md5:" + "a" * 32}, "workstation_kind_checksum"),
    ({"checksum": "sha256:abc"}, "workstation_kind_checksum"),
    ({"checksum": "http://example.org/sums"}, "without TLS"),
    ({"source": "path"}, "workstation_kind_path is not set"),
    ({"source": "path", "path": "/nonexistent/kind"}, "workstation_kind_path: '/nonexistent/kind' is no file"),
    ({"source": "go", "version": ""}, "workstation_kind_version is not set"),
]


@pytest.mark.parametrize(("options", "said"), BAD)
def test_bad_input_is_told_before_anything_is_touched(
    tmp_path: Path, pages: dict[str, bytes], options: dict[str, str], said: str
) -> None:
    source = tmp_path / "kubectl"
    source.write_text('#!/bin/sh\necho \'{"clientVersion": {"gitVersion": "v1.0.0"}}\'\n')
    good = _tools.Spec("kubectl", "path", path=str(source))
    with pytest.raises(ExpectedError, match=said):
        box(tmp_path / "bin", pages).present([good, kind(**options)])
    assert not (tmp_path / "bin").exists()


def test_only_kind_comes_from_go() -> None:
    with pytest.raises(ExpectedError, match="workstation_k3d_source: 'k3d' can't be had from Go"):
        _tools.validate(_tools.Spec("k3d", "go", "v5.9.0"))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (SUM, SUM),
        (SUM.upper() + "\n", SUM),
        (f"{'b' * 64}  other\n{SUM} *kind\n", SUM),
        (f"{SUM}  _dist/kind\n", SUM),
        (f"{SUM}  other\n", None),
        (f"{SUM}\n{'b' * 64}\n", None),
        ("", None),
    ],
)
def test_checksum_in(text: str, found: str | None) -> None:
    assert _tools.checksum_in(text, "kind") == found
