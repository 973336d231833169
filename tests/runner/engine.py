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
        if not Path(f"/proc/{process}").exists():
            return
        time.sleep(0.1)
