# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which parts a run has, and what each waits for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import run
from tests.runner import part, parts
from tests.runner.part import Part


@pytest.fixture(autouse=True)
def output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Parts write here."""
    monkeypatch.setattr(part, "OUTPUT", tmp_path)
    return tmp_path


def test_one_part_brings_what_must_have_passed_before_and_no_more() -> None:
    chosen = run.only(parts.lanes(True, "kltest-x"), ["engine"])
    assert [made.name for lane in chosen for made in lane] == ["machine", "engine"]


def test_only_long_runs_have_the_sets_of_versions_and_the_engine() -> None:
    extra = {"lowest", "newest", "engine"}
    assert extra <= _names(True)
    assert not extra & _names(False)


def test_one_that_is_alone_waits_for_all_others_whatever_came_of_them(output: Path) -> None:
    log = output / "order"
    alone = Part("alone", [["sh", "-c", f"echo alone >>{log}"]], 1, alone=True)
    slow = Part("slow", [["sh", "-c", f"sleep 0.5; echo slow >>{log}"]], 1)
    bad = Part("bad", [["sh", "-c", f"echo bad >>{log}; false"]], 1)
    after = Part("after", [["sh", "-c", f"echo after >>{log}"]], 1)
    # first in its lane and before others: it neither goes first nor blocks them
    made = run.Run([[alone, bad], [slow, after]])
    made.run()
    assert log.read_text().split()[-1] == "alone"
    assert {name: one.state for name, one in made.parts.items()} == {
        "alone": "passed",
        "bad": "failed",
        "slow": "passed",
        "after": "passed",
    }


def test_one_that_is_alone_is_not_run_where_what_it_needs_has_failed() -> None:
    bad = Part("bad", [["false"]], 1)
    alone = Part("alone", [["true"]], 1, ("bad",), alone=True)
    run.Run([[alone], [bad]]).run()
    assert (alone.state, alone.reason) == ("failed", "not run, because bad failed")


def _names(long: bool) -> set[str]:
    return {made.name for lane in parts.lanes(long, "kltest-x") for made in lane}
