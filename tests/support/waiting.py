# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for something to become true."""

from __future__ import annotations

import time
from typing import Callable, TypeVar

T = TypeVar("T")


def wait_for(what: str, condition: Callable[[], T], timeout: float = 60, interval: float = 0.1) -> T:
    """The first true answer of ``condition``; an AssertionError that says ``what`` did not happen in time."""
    end = time.monotonic() + timeout
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"after {timeout:g} s still not: {what} (last answer: {answer!r})")
        time.sleep(interval)
