# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks.measuring import Row, alternated
from tests.benchmarks.table import lines, write


@pytest.mark.parametrize(
    ("row", "value", "held"),
    [
        (Row("a", "x", 1.0, "y", 2.0, 0.6), 0.5, True),
        (Row("a", "x", 1.4, "y", 2.0, 0.6), 0.7, False),
        (Row("a", "x", 9.0, "y", 2.0), 4.5, True),
        (Row("a", "x", 28.0, "y", 22.0, 6, "difference"), 6.0, True),
        (Row("a", "x", 28.5, "y", 22.0, 6, "difference"), 6.5, False),
        (Row("a", "x", 1.0, "y", 0.0, 0.6), float("inf"), False),
    ],
)
def test_limits(row: Row, value: float, held: bool) -> None:
    assert row.value == pytest.approx(value)
    assert row.held is held
    told = lines([row])[-1]
    assert ("missed" in told) is not held
    assert ("held" in told) is (held and row.limit is not None)


def test_every_second_pair_begins_with_the_other() -> None:
    done: list[str] = []
    seconds = {"a": iter([1.0, 5.0, 2.0]), "b": iter([3.0, 4.0, 9.0])}

    def act(which: str) -> float:
        done.append(which)
        return next(seconds[which])

    assert alternated(lambda: act("a"), lambda: act("b"), 3) == (2.0, 4.0)
    assert "".join(done) == "abbaab"


def test_the_page_keeps_the_rest(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- benchmarks: begin, x -->\nold\n<!-- benchmarks: end -->\nafter\n")
    for text in ("new", r"new \1"):
        write(page, text)
        assert page.read_text() == (
            f"before\n<!-- benchmarks: begin, x -->\n\n{text}\n\n<!-- benchmarks: end -->\nafter\n"
        )
    page.write_text("no markers")
    with pytest.raises(ValueError, match="no pair of markers"):
        write(page, "new")
