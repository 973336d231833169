# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Engine that tests run on: one that was started for them ends with them."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

_PID = Path("/run/docker.pid")


def answers() -> bool:
    """Whether an Engine can be used."""
    try:
        return subprocess.run(["docker", "version"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def stop() -> None:
    """Stop the Engine, and wait until it has ended."""
    try:
        process = int(_PID.read_text())
        os.kill(process, signal.SIGTERM)
    except (OSError, ValueError):
        return
    for _second in range(300):
        if not _runs(process):
            return
        time.sleep(0.1)


def _runs(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
