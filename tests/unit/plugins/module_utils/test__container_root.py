# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file system by way of its root folder; that of real containers is in tests/integration/test_container_root.py."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils import _container_root as module
from ansible_collections.kubelocal.registry.plugins.module_utils._node_tree import NewFile, Plan


@pytest.fixture
def root(tmp_path: Path) -> Iterator[module.Root]:
    found = module.Root(os.open(tmp_path, os.O_RDONLY))
    yield found
    found.close()


def test_it_reads_files_folders_and_links_as_they_are(root: module.Root, tmp_path: Path) -> None:
    (tmp_path / "etc" / "a").mkdir(parents=True, mode=0o750)
    (tmp_path / "etc" / "a" / "x").write_bytes(b"\0\xff")
    (tmp_path / "etc" / "a" / "x").chmod(0o600)
    (tmp_path / "etc" / "a" / "away").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "etc" / "a" / "pipe")
    found = {each.path: each for each in root.read("/etc/a")}
    assert sorted(found) == ["/etc/a", "/etc/a/away", "/etc/a/pipe", "/etc/a/x"]
    assert found["/etc/a/x"].content == b"\0\xff"
    assert [stat.S_IMODE(found[path].told.st_mode) for path in ("/etc/a", "/etc/a/x")] == [0o750, 0o600]
    assert (stat.S_ISLNK(found["/etc/a/away"].told.st_mode), found["/etc/a/away"].content) == (True, b"/etc/passwd")
    assert stat.S_ISFIFO(found["/etc/a/pipe"].told.st_mode)
    assert root.read("/etc/a/x") == [found["/etc/a/x"]]
    assert (root.read("/etc/b"), root.read("/none/b")) == ([], [])
    assert (root.is_dir("/etc/a"), root.is_dir("/etc/b")) == (True, False)


def test_nothing_behind_a_link_is_read_or_written(root: module.Root, tmp_path: Path) -> None:
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    outside.mkdir()
    (outside / "secret").write_text("1")
    (tmp_path / "link").symlink_to(outside)
    (tmp_path / "certs.d").mkdir()
    for asked in ("/link/secret", "/link/none"):
        with pytest.raises(NotADirectoryError):
            root.read(asked)
    with pytest.raises(NotADirectoryError):
        root.is_dir("/link")
    # neither a folder, nor the one where files are put first
    for folder, stage in (("/link", "/certs.d/.new"), ("/certs.d", "/link/.new")):
        plan = Plan(stage=stage, folders=[f"{folder}/more"], writes={f"{folder}/x": NewFile(b"1")})
        with pytest.raises(NotADirectoryError):
            root.apply(plan)
    with pytest.raises(NotADirectoryError):
        root.apply(Plan(remove=["/link/secret"]))
    assert os.listdir(outside) == ["secret"]


def test_it_writes_by_renames_and_removes(root: module.Root, tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "old").write_text("old")
    before = os.stat(tmp_path / "etc" / "old").st_ino
    files = {"/etc/h/ca": NewFile(b"ca"), "/etc/h/hosts.toml": NewFile(b"SECRET", 0o600), "/etc/old": NewFile(b"new")}
    umask = os.umask(0o077)
    try:
        root.apply(Plan(stage="/etc/.new", folders=["/etc/h"], writes=files))
    finally:
        os.umask(umask)
    assert [stat.S_IMODE(os.stat(tmp_path / name).st_mode) for name in ("etc/h", "etc/h/ca", "etc/h/hosts.toml")] == [
        0o755,
        0o644,
        0o600,
    ]
    assert (tmp_path / "etc" / "old").read_text() == "new"
    assert os.stat(tmp_path / "etc" / "old").st_ino != before
    assert sorted(os.listdir(tmp_path / "etc")) == ["h", "old"]
    root.apply(Plan(remove=["/etc/h/ca", "/etc/h/hosts.toml", "/etc/h/none"], empty=["/etc/h"]))
    assert os.listdir(tmp_path / "etc") == ["old"]


def test_a_failure_leaves_what_was_there_and_no_stage(root: module.Root, tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "x").write_text("1")
    with pytest.raises(IsADirectoryError):
        root.apply(Plan(stage="/.new", writes={"/taken": NewFile(b"1")}))
    assert os.listdir(tmp_path) == ["taken"]


@pytest.mark.parametrize("field", ["clear", "aside", "keep", "back"])
def test_what_it_can_not_do(field: str) -> None:
    assert module.Root.can(Plan(stage="/x", writes={"/y": NewFile(b"")}))
    assert not module.Root.can(Plan(**{field: [("/x", "/y")]}))


def test_only_the_container_that_was_meant() -> None:
    # this process is in no such container, and 0 is what the Engine says of one that does not run
    assert module.find("0" * 64, {"Pid": os.getpid()}) is None
    assert module.find("", {"Pid": 0}) is None
    # in the Engine's list, a word
    assert module.find("", "running") is None
