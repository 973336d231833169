# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file system by way of its root folder; that of real containers is in tests/integration/test_node_root.py."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils import _node_root as module
from ansible_collections.kubelocal.registry.plugins.module_utils._node_tree import Entry, NewFile, Plan


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
    os.utime(tmp_path / "etc" / "a" / "x", (5.5, 5.5))
    found = root.read("/etc/a")
    assert found["/etc/a/x"] == Entry("file", b"\0\xff", 0o600, 5)
    assert (found["/etc/a"].kind, found["/etc/a"].mode) == ("dir", 0o750)
    assert (found["/etc/a/away"].kind, found["/etc/a/away"].target) == ("link", "/etc/passwd")
    assert found["/etc/a/pipe"].kind == "other"
    assert root.read("/etc/a/x") == {"/etc/a/x": found["/etc/a/x"]}
    assert (root.read("/etc/b"), root.read("/none/b")) == ({}, {})
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
    assert module.find("0" * 64, os.getpid()) is None
    assert module.find("", 0) is None
