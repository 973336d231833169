# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the checks share: the checkout, its tools and a copy of it laid out as Ansible wants a collection."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).resolve().parents[2]
NAMESPACE = "kubelocal"
NAME = "registry"
FQCN = f"{NAMESPACE}.{NAME}"
# not resolved: a virtual environment's python is a link, its tools lie beside the link
TOOLS = Path(sys.executable).parent


def cache() -> Path:
    """Where things that are dear to make are kept between runs."""
    named = os.environ.get("KUBELOCAL_CACHE")
    folder = Path(named) if named else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kubelocal"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def files() -> list[str]:
    """The checkout's files, relative: what is committed or could be, without what .gitignore names."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")
    return sorted({name for name in listed if name and os.path.lexists(ROOT / name)})


@contextlib.contextmanager
def collection_copy(without: tuple[str, ...] = ()) -> Iterator[Path]:
    """A copy of the checkout at ``<folder>/ansible_collections/kubelocal/registry``; yields ``<folder>``.

    What begins with one of ``without`` is left out.
    """
    with tempfile.TemporaryDirectory(prefix="kubelocal-") as folder:
        target = Path(folder) / "ansible_collections" / NAMESPACE / NAME
        for name in files():
            if name.startswith(without):
                continue
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            # somebody may remove a file between the listing and here
            with contextlib.suppress(FileNotFoundError):
                shutil.copy2(ROOT / name, target / name, follow_symlinks=False)
        yield Path(folder)


def run(
    command: list[str],
    *,
    cwd: Path = ROOT,
    environment: Mapping[str, str] | None = None,
    timeout: float = 1200,
) -> tuple[int, str]:
    """A tool's exit code and all that it said. The first word is looked up beside the Python that runs this."""
    beside = TOOLS / command[0]
    process = subprocess.run(
        [str(beside) if beside.exists() else command[0], *command[1:]],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=timeout,
        check=False,
        env={
            **os.environ,
            "PATH": f"{TOOLS}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "NO_COLOR": "1",
            "ANSIBLE_NOCOLOR": "1",
            **(environment or {}),
        },
    )
    return process.returncode, process.stdout


def told(command: list[str], *, cwd: Path = ROOT, environment: Mapping[str, str] | None = None) -> list[str]:
    """Nothing when the tool is content, else the lines that it wrote."""
    code, output = run(command, cwd=cwd, environment=environment)
    if code == 0:
        return []
    return [line for line in output.splitlines() if line.strip()] or [f"{command[0]} ended with {code}"]
