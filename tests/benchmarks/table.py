# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of a run, printed and written into the documentation."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.measuring import Row

_HEAD = ("benchmark", "ours", "s", "against", "s", "result", "at most", "")
_BETWEEN = re.compile(r"(<!-- benchmarks: begin[^>]*-->\n).*?(\n<!-- benchmarks: end -->)", re.DOTALL)


def lines(rows: Sequence[Row]) -> list[str]:
    """A table in Markdown, which people can read too."""
    cells = [_HEAD, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(_HEAD))]
    padded = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |" for line in cells]
    return [padded[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *padded[1:]]


def write(page: Path, text: str) -> None:
    """Put the text between the page's markers."""
    old = page.read_text()
    new, count = _BETWEEN.subn(lambda match: f"{match[1]}\n{text}\n{match[2]}", old)
    if count != 1:
        raise ValueError(f"{page} has no pair of markers for the table")
    page.write_text(new)


def _cells(row: Row) -> tuple[str, ...]:
    unit = " s" if row.by == "difference" else ""
    told = "" if row.limit is None else "held" if row.held else "missed"
    limit = "" if row.limit is None else f"{row.limit:g}{unit}"
    seconds = [f"{each:.3f}" if each < 1 else f"{each:.2f}" for each in (row.ours, row.other)]
    return row.name, row.ours_is, seconds[0], row.other_is, seconds[1], f"{row.value:.2f}{unit}", limit, told
