# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one more node costs containerd_hosts, against the two ``docker exec`` of kind's script.

The nodes are containers that sleep: reading, writing and renaming are real, containerd is not there.
"""

from __future__ import annotations

import itertools
import subprocess
from functools import partial
from typing import Any, Callable

from tests.benchmarks.machine import Machine
from tests.benchmarks.measuring import Row, rounds, timed
from tests.support import nodes
from tests.support.modules import run_module

COUNTS = (1, 5, 20, 40)
_BY_SCRIPT = 5


def run(machine: Machine) -> list[Row]:
    """Rows from each count to the next, and from the first to the last."""
    found = machine.sleeping(max(COUNTS))
    ports = itertools.count(5001)

    def no_change(count: int, port: int) -> float:
        return timed(partial(configure, found[:count], port, False))

    def change(count: int) -> float:
        return timed(partial(configure, found[:count], next(ports), True))

    def script() -> float:
        return timed(partial(_script, found[:_BY_SCRIPT])) / _BY_SCRIPT

    # nodes that are asked for without change are left as the round before them made them, all alike
    actions: list[Callable[[], float]] = [script, *(partial(change, count) for count in COUNTS)]
    medians = rounds(actions, machine.pairs or 5)
    last = next(ports)
    configure(found, last, True)
    same = rounds([script, *(partial(no_change, count, last) for count in COUNTS)], machine.pairs or 5)
    rows = _rows("no change", same[1:], same[0]) + _rows("change", medians[1:], medians[0])
    machine.remove_all()
    return rows


def configure(found: list[str], port: int, changes: bool, registries: int = 1) -> None:
    """One call of the module for all nodes, with as many registries; ``changes`` is what it has to find."""
    items: list[dict[str, Any]] = []
    for number in range(registries):
        url = f"http://registry{number}:{port}"
        items.append({"host": f"registry{number}.test", "server": url, "endpoints": [{"url": url}]})
    result = run_module("containerd_hosts", nodes=found, registries=items)
    assert result["changed"] == changes, result


def _rows(what: str, seconds: list[float], script: float) -> list[Row]:
    steps = [*zip(COUNTS, COUNTS[1:]), (COUNTS[0], COUNTS[-1])]
    by_count = dict(zip(COUNTS, seconds))
    return [
        Row(
            "node",
            f"one more, {what}, {few} to {many} nodes",
            max(0.0, (by_count[many] - by_count[few]) / (many - few)),
            "two `docker exec`",
            script,
            0.2,
        )
        for few, many in steps
    ]


def _script(found: list[str]) -> None:
    folder = f"{nodes.CERTS}/script:5001"
    for name in found:
        subprocess.run(["docker", "exec", name, "mkdir", "-p", folder], check=True)
        copy = ["docker", "exec", "-i", name, "cp", "/dev/stdin", f"{folder}/hosts.toml"]
        subprocess.run(copy, input=b'[host."http://registry:5000"]\n', check=True)
