# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest

from tests.testbed import debian, programs


def test_all_that_is_needed_is_built_and_only_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The compiler alone is a fake: building takes minutes."""
    built: list[str] = []

    def build(program: programs.Program) -> None:
        built.append(program.name)
        program.path.touch()
        programs._stamp(program).write_text(program.made_from())

    monkeypatch.setattr(programs, "PROGRAMS", tmp_path)
    monkeypatch.setattr(programs, "_build", build)
    monkeypatch.setattr(debian, "need", lambda *_names: None)
    programs.need(name for name in ("pause", "etcd", "kubernetes"))
    assert sorted(built) == ["etcd", "kubernetes", "pause"]
    programs.need(["pause", "ctr"])
    assert sorted(built) == ["ctr", "etcd", "kubernetes", "pause"]
