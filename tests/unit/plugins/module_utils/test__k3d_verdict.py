# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the k3d that is installed is asked, by a stand-in that writes it down; tests/integration asks a real one."""

from __future__ import annotations

import json
import os
from pathlib import Path

from ansible_collections.kubelocal.registry.plugins.module_utils import _k3d_verdict

STAND_IN = """#!/bin/sh
echo "$1 $2 $4" > {folder}/argv
stat -c %a "$3" > {folder}/mode
cp "$3" {folder}/config
echo "$3" > {folder}/path
{end}
"""
SAID = r'level=fatal msg="Schema Validation failed for config file x: - (root): Additional property a is not allowed\n"'
REFUSES = f"printf '%s\\n' '{SAID}' >&2; exit 1"


def program(folder: Path, end: str) -> str:
    path = folder / "k3d"
    path.write_text(STAND_IN.format(folder=folder, end=end))
    path.chmod(0o755)
    return str(path)


def test_it_is_asked_without_leaving_anything(tmp_path: Path) -> None:
    assert _k3d_verdict.wrong(program(tmp_path, "exit 0"), {"a": 1, "b": None}) == ""
    assert (tmp_path / "argv").read_text() == f"config migrate {os.devnull}\n"
    assert (tmp_path / "mode").read_text() == "600\n"
    assert json.loads((tmp_path / "config").read_text()) == {"apiVersion": "k3d.io/v1alpha5", "kind": "Simple", "a": 1}
    assert not Path((tmp_path / "path").read_text().strip()).exists()


def test_it_says_why(tmp_path: Path) -> None:
    assert _k3d_verdict.wrong(program(tmp_path, REFUSES), {"a": 1}) == "(root): Additional property a is not allowed"


def test_what_can_not_be_asked_is_no_verdict(tmp_path: Path) -> None:
    assert _k3d_verdict.wrong(str(tmp_path / "none"), {"a": 1}) == ""
