# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What pytest wrote about each test."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Counts:
    """Numbers of tests, and the names of those that failed."""

    passed: int = 0
    failed: list[str] = field(default_factory=list)
    skipped: int = 0


def read(path: Path) -> Counts:
    """The counts of one file; a file that was cut short counts as one failure."""
    counts = Counts()
    try:
        cases = list(ElementTree.parse(path).getroot().iter("testcase"))
    except ElementTree.ParseError as error:
        counts.failed.append(f"{path.name} can't be read: {error}")
        return counts
    for case in cases:
        outcomes = {child.tag for child in case}
        if outcomes & {"failure", "error"}:
            name = f"{case.get('classname', '').replace('.', '/')}.py::{case.get('name')}"
            if name not in counts.failed:  # one that failed and then broke in its tear-down is there twice
                counts.failed.append(name)
        elif "skipped" in outcomes:
            counts.skipped += 1
        else:
            counts.passed += 1
    return counts
