# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""This machine as a node."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from ansible_collections.kubelocal.registry.plugins.module_utils._node_local import LocalNode
from ansible_collections.kubelocal.registry.plugins.module_utils._node_tree import NewFile, Plan, Restart


def test_it_reads_folders_files_and_links(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "f").write_text("x")
    (tmp_path / "l").symlink_to("d")
    kinds = {path: entry.kind for path, entry in LocalNode().read(str(tmp_path)).items()}
    assert kinds == {str(tmp_path): "dir", f"{tmp_path}/d": "dir", f"{tmp_path}/d/f": "file", f"{tmp_path}/l": "link"}
    assert LocalNode().read(f"{tmp_path}/none") == {}


def test_a_plan_is_done_in_its_order(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("old")
    (tmp_path / "gone").write_text("gone")
    plan = Plan(
        keep=[(f"{tmp_path}/old", f"{tmp_path}/old.orig")],
        folders=[f"{tmp_path}/new"],
        writes={f"{tmp_path}/old": NewFile(b"1"), f"{tmp_path}/new/key": NewFile(b"2", 0o600)},
        staged={f"{tmp_path}/old": f"{tmp_path}/stage/0", f"{tmp_path}/new/key": f"{tmp_path}/stage/1"},
        stage=f"{tmp_path}/stage",
        remove=[f"{tmp_path}/gone"],
    )
    LocalNode().apply(plan)
    assert sorted(os.listdir(tmp_path)) == ["new", "old", "old.orig"]
    assert ((tmp_path / "old").read_text(), (tmp_path / "old.orig").read_text()) == ("1", "old")
    assert os.stat(tmp_path / "new" / "key").st_mode & 0o777 == 0o600


def test_a_restart_is_owed_when_the_file_is_younger_than_the_socket(tmp_path: Path) -> None:
    file, address = tmp_path / "config.toml", tmp_path / "s"
    file.write_text("")
    restart = Restart("x", str(address), [str(file)], f"{tmp_path}/mark")
    assert not LocalNode().owed(restart)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(address))
        os.utime(address, (1000, 1000))
        os.utime(file, (999, 999))
        assert not LocalNode().owed(restart)
        os.utime(file, (1001, 1001))
        assert LocalNode().owed(restart)
