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
    return host == socket.gethostname() and process.isdigit() and not os.path.exists(f"/proc/{process}")
