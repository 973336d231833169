# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one more node costs containerd_hosts, against the two ``docker exec`` of kind's script.

The nodes are containers that sleep: reading, writing and renaming are real, containerd is not there.
"""

from __future__ import annotations

import itertools
import os
import subprocess
from functools import partial
from typing import Any

from tests.benchmarks.machine import Machine
from tests.benchmarks.measuring import Row, rounds, timed
from tests.support import nodes
from tests.support.modules import BY_SHELL, run_module

COUNTS = (1, 5, 20, 40)
_ENDS = (COUNTS[0], COUNTS[-1])
_BY_SCRIPT = 5


def run(machine: Machine) -> list[Row]:
    """Rows from each count to the next, and from the first to the last; one more by a shell, as for who is not root."""
    found = machine.sleeping(max(COUNTS))
    ports = itertools.count(5001)

    def no_change(count: int, by_shell: bool, port: int) -> float:
        return timed(partial(configure, found[:count], port, False, by_shell=by_shell))

    def change(count: int, by_shell: bool) -> float:
        return timed(partial(configure, found[:count], next(ports), True, by_shell=by_shell))

    def script() -> float:
        return timed(partial(_script, found[:_BY_SCRIPT])) / _BY_SCRIPT

    asked = [(count, False) for count in COUNTS] + [(count, True) for count in _ENDS if os.geteuid() == 0]
    repeated = machine.pairs or 5
    # nodes that are asked for without change are left as the round before them made them, all alike
    changed = rounds([script, *(partial(change, *each) for each in asked)], repeated)
    last = next(ports)
    configure(found, last, True)
    same = rounds([script, *(partial(no_change, *each, last) for each in asked)], repeated)
    machine.remove_all()
    return [*_rows("no change", asked, same), *_rows("change", asked, changed)]


def configure(found: list[str], port: int, changes: bool, registries: int = 1, by_shell: bool = False) -> None:
    """One call of the module for all nodes, with as many registries; ``changes`` is what it has to find."""
    items: list[dict[str, Any]] = []
    for number in range(registries):
        url = f"http://registry{number}:{port}"
        items.append({"host": f"registry{number}.test", "server": url, "endpoints": [{"url": url}]})
    environment = {BY_SHELL: "1"} if by_shell else {}
    result = run_module("containerd_hosts", environment=environment, nodes=found, registries=items)
    assert result["changed"] == changes, result


def _rows(what: str, asked: list[tuple[int, bool]], seconds: list[float]) -> list[Row]:
    """``seconds``: the script's, then those of each that was asked, a count and whether by a shell."""
    script, measured = seconds[0], dict(zip(asked, seconds[1:]))
    steps = [(few, many, False) for few, many in [*zip(COUNTS, COUNTS[1:]), _ENDS]]
    steps += [(*_ENDS, True)] if (_ENDS[0], True) in measured else []
    return [
        Row(
            "node",
            f"one more, {what}{', not root' if by_shell else ''}, {few} to {many} nodes",
            max(0.0, (measured[many, by_shell] - measured[few, by_shell]) / (many - few)),
            "two `docker exec`",
            script,
            None if by_shell else 0.2,
        )
        for few, many, by_shell in steps
    ]


def _script(found: list[str]) -> None:
    folder = f"{nodes.CERTS}/script:5001"
    for name in found:
        subprocess.run(["docker", "exec", name, "mkdir", "-p", folder], check=True)
        copy = ["docker", "exec", "-i", name, "cp", "/dev/stdin", f"{folder}/hosts.toml"]
        subprocess.run(copy, input=b'[host."http://registry:5000"]\n', check=True)
