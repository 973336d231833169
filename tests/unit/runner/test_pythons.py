# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Python is found by what it says it is, not by its name."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.runner import pythons


@pytest.fixture(autouse=True)
def nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No Python but the one that runs this, and what a test makes."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))


def test_the_one_that_runs() -> None:
    assert pythons.find("{}.{}".format(*sys.version_info[:2])) == sys.executable


def test_one_that_lies_or_does_not_start_is_passed_over(tmp_path: Path) -> None:
    liar = _program(tmp_path / "python9.9", "echo 9.8")
    assert pythons.find("9.9") is None
    _program(liar, "echo 9.9; exit 127")
    assert pythons.find("9.9") is None
    kept = _program(tmp_path / "pyenv/versions/9.9.1/bin/python9.9", "echo 9.9")
    assert pythons.find("9.9") == str(kept)


def _program(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path
