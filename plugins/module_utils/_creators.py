# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: which processes of this machine are creating a cluster, whoever started them."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def others(tool: str, processes: Callable[[], list[list[str]]] | None = None) -> list[list[str]]:
    """Command lines of this machine's processes that are creating a cluster with ``tool``, whoever started them."""
    found = []
    for argv in (processes or _processes)():
        words = [word for word in argv[1:] if not word.startswith("-")]
        if os.path.basename(argv[0]) == tool and words[:2] in (["create", "cluster"], ["cluster", "create"]):
            found.append(argv)
    return found


def could_be(argv: list[str], name: str) -> bool:
    """Whether this command line may be making the cluster ``name``: it says so, or leaves the name to its configuration."""
    if argv[1:3] == ["cluster", "create"]:  # k3d
        first = argv[3:4]
        if first and not first[0].startswith("-"):
            return first == [name]
        return name in argv or any(word.startswith(("-c", "--config")) for word in argv)
    for number, word in enumerate(argv):
        if word in ("--name", "-n"):
            return argv[number + 1 : number + 2] == [name]
        if word.startswith("--name="):
            return word == f"--name={name}"
    return "--config" in " ".join(argv) or os.environ.get("KIND_CLUSTER_NAME", "kind") == name


def _processes() -> list[list[str]]:
    lines = []
    if os.path.isdir("/proc/self"):
        for name in os.listdir("/proc"):
            if name.isdigit():
                try:
                    with open(f"/proc/{name}/cmdline", "rb") as file:
                        lines.append([word.decode(errors="replace") for word in file.read().split(b"\0")[:-1]])
                except OSError:
                    continue
    else:
        ran = subprocess.run(["ps", "-A", "-o", "args="], capture_output=True, text=True, check=False)
        lines = [line.split() for line in ran.stdout.splitlines()]
    return [line for line in lines if line]
