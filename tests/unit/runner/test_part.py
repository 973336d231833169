# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a part of the tests ends, and what is counted."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import pytest

from tests.runner import junit, part
from tests.runner.part import Part


@pytest.fixture(autouse=True)
def output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Parts write here."""
    monkeypatch.setattr(part, "OUTPUT", tmp_path)
    return tmp_path


def test_the_first_command_that_fails_ends_it() -> None:
    made = Part("a", [["echo", "one"], ["false"], ["echo", "two"]], 1)
    made.run()
    assert (made.state, made.reason) == ("failed", "'false' ended with 1")
    assert list(made.last_lines(5)) == ["one"]
    assert made.counts().failed == ["a: 'false' ended with 1"]


def test_one_that_takes_too_long_is_ended_with_its_children() -> None:
    made = Part("a", [["sh", "-c", "sleep 60 & wait"]], 0.01)
    begun = time.monotonic()
    made.run()
    assert time.monotonic() - begun < 20
    assert "took longer than its 0.01 minutes" in made.reason


def test_one_that_is_stopped_runs_no_further_command() -> None:
    made = Part("a", [["sleep", "60"], ["echo", "two"]], 1)
    threading.Timer(0.3, made.stop).start()
    made.run()
    assert (made.state, made.reason, list(made.last_lines(5))) == ("failed", "was stopped", [])


def test_one_whose_program_is_not_there_is_skipped_and_never_passed(tmp_path: Path) -> None:
    made = Part("a", [["touch", str(tmp_path / "ran")]], 1, programs=("sh", "no-such-program"))
    made.run()
    assert (made.state, made.reason) == ("skipped", "no-such-program not on PATH")
    counts = made.counts()
    assert (counts.passed, counts.failed, counts.skipped) == (0, [], 1)
    assert not (tmp_path / "ran").exists()


def test_tests_of_pytest_are_counted_by_name(output: Path) -> None:
    tests = output / "test_x.py"
    tests.write_text(
        "import pytest\ndef test_good(): pass\ndef test_bad(): assert False\n@pytest.mark.skip\ndef test_not(): pass\n"
    )
    report = str(output / "a.xml")
    command = [sys.executable, "-m", "pytest", "-q", "-c", "/dev/null", "--rootdir", str(output), "--junitxml", report]
    made = Part("a", [[*command, str(tests)]], 1, is_pytest=True)
    made.run()
    counts = made.counts()
    assert (counts.passed, counts.failed, counts.skipped) == (1, ["test_x.py::test_bad"], 1)


def test_a_report_that_was_cut_short_is_a_failure(output: Path) -> None:
    (output / "a.xml").write_text("<testsuites><testcase")
    assert len(junit.read(output / "a.xml").failed) == 1


def test_little_that_failed_is_tried_again_and_told(output: Path) -> None:
    (output / "test_x.py").write_text(
        "from pathlib import Path\n"
        "def test_good(): pass\n"
        "def test_late():\n"
        f"    there = Path({str(output / 'ran')!r})\n"
        "    was = there.exists()\n"
        "    there.touch()\n"
        "    assert was\n"
    )
    made = _pytest_part(output)
    made.run()
    counts = made.counts()
    assert (made.state, made.shaky) == ("passed", ["test_x.py::test_late"])
    assert (counts.passed, counts.failed) == (2, [])


def test_what_fails_twice_has_failed(output: Path) -> None:
    (output / "test_x.py").write_text("def test_good(): pass\ndef test_bad(): assert False\n")
    made = _pytest_part(output)
    made.run()
    counts = made.counts()
    assert (made.state, made.shaky) == ("failed", [])
    assert (counts.passed, counts.failed) == (1, ["test_x.py::test_bad"])


def test_much_that_failed_is_not_tried_again(output: Path) -> None:
    (output / "test_x.py").write_text(
        "import pytest\n@pytest.mark.parametrize('n', range(11))\ndef test_bad(n): assert False\n"
    )
    made = _pytest_part(output)
    made.run()
    assert len(made.counts().failed) == 11
    assert not made.second_report.exists()


def _pytest_part(folder: Path) -> Part:
    made = Part("a", [], 1, is_pytest=True)
    options = ["-c", "/dev/null", "--rootdir", str(folder), "-o", f"cache_dir={folder / 'cache'}"]
    command = [sys.executable, "-m", "pytest", "-q", *options, str(folder / "test_x.py")]
    made.commands = [[*command, "--junitxml", str(made.report)]]
    made.again = [*command, "--last-failed", "--junitxml", str(made.second_report)]
    return made
