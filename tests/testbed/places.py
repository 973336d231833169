# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the testbed's files are, and how it runs commands and tells about it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
CACHE = Path(os.environ.get("KUBELOCAL_CACHE") or Path.home() / ".cache" / "kubelocal")
PROGRAMS = CACHE / "bin"
ROOTFS = CACHE / "rootfs"


class Failed(Exception):
    """Something that a person has to mend, in one sentence."""


def say(text: str) -> None:
    """A line of progress."""
    print(f"testbed: {text}", flush=True)


def run(name: str, command: list[str], environment: dict[str, str] | None = None, folder: Path | None = None) -> None:
    """Run a command whose output matters only when it fails; it is in the cache's logs folder."""
    log = CACHE / "logs" / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if process.returncode:
        print("".join(log.read_text(errors="replace").splitlines(keepends=True)[-20:]), file=sys.stderr)
        raise Failed(f"'{' '.join(command[:3])} ...' failed with {process.returncode}; all it said is in {log}.")
