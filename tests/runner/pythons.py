# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pythons that this machine has."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

_TELL = "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2])"


def find(version: str) -> str | None:
    """A Python of this minor version, such as ``3.11``, that can make virtual environments."""
    return next((python for python in _candidates(version) if _is(python, version)), None)


def _candidates(version: str) -> Iterator[str]:
    yield sys.executable
    on_path = shutil.which(f"python{version}")
    if on_path:
        yield on_path
    # pyenv's commands on PATH only work for the versions that are switched on
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from map(str, sorted(pyenv.glob(f"versions/{version}.*/bin/python{version}"), reverse=True))


def _is(python: str, version: str) -> bool:
    try:
        told = subprocess.run([python, "-c", _TELL], capture_output=True, text=True, timeout=60, check=False)
    except OSError:
        return False
    return told.returncode == 0 and told.stdout.strip() == version
