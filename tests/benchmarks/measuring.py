# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Seconds of two ways of doing the same, in turn and again, so that what else the machine does weighs on both."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Callable


@dataclass(frozen=True)
class Row:
    """One line of the table: seconds of ours and of the other, and what of both has a limit.

    ``by`` is ``ratio`` or ``difference``; without a ``limit`` the line only tells.
    """

    name: str
    ours_is: str
    ours: float
    other_is: str
    other: float
    limit: float | None = None
    by: str = "ratio"

    @property
    def value(self) -> float:
        """What the limit is for."""
        if self.by == "difference":
            return self.ours - self.other
        return self.ours / self.other if self.other > 0 else float("inf")

    @property
    def held(self) -> bool:
        """Whether the limit is kept."""
        return self.limit is None or self.value <= self.limit


def timed(action: Callable[[], object]) -> float:
    """How long it takes."""
    begun = time.monotonic()
    action()
    return time.monotonic() - begun


def alternated(ours: Callable[[], float], other: Callable[[], float], pairs: int) -> tuple[float, float]:
    """Medians of both over alternated pairs, of which every second one begins with the other."""
    found: tuple[list[float], list[float]] = ([], [])
    for number in range(pairs):
        for which in (0, 1) if number % 2 == 0 else (1, 0):
            found[which].append((ours, other)[which]())
        say(f"pair {number + 1} of {pairs}: {found[0][-1]:.2f} s and {found[1][-1]:.2f} s")
    return statistics.median(found[0]), statistics.median(found[1])


def rounds(actions: Sequence[Callable[[], float]], count: int) -> list[float]:
    """The median of each of many, each done once in every round."""
    found: list[list[float]] = [[] for _action in actions]
    for number in range(count):
        for seconds, action in zip(found, actions):
            seconds.append(action())
        say(f"round {number + 1} of {count}")
    return [statistics.median(seconds) for seconds in found]


def say(text: str) -> None:
    """Tell how far it is, beside the table."""
    print(f"  {text}", file=sys.stderr, flush=True)
