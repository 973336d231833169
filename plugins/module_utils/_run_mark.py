# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: what a run makes for a moment says whose it is, so that the next one knows what a killed run left."""

from __future__ import annotations

import os
import socket


def mark() -> str:
    """Of this run: ``HOST/PID``."""
    return f"{socket.gethostname()}/{os.getpid()}"


def is_dead(mark: str) -> bool:
    """Whether that run was one of this machine and is over; False where nothing is known."""
    host, _slash, process = mark.rpartition("/")
    return host == socket.gethostname() and process.isdecimal() and not lives(int(process))


def lives(process: int) -> bool:
    """Whether there is a process of that number on this machine."""
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True
