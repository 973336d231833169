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
from typing import Any, Callable

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

    def no_change(count: int, port: int, by_shell: bool = False) -> float:
        return timed(partial(configure, found[:count], port, False, by_shell=by_shell))

    def change(count: int, by_shell: bool = False) -> float:
        return timed(partial(configure, found[:count], next(ports), True, by_shell=by_shell))

    def script() -> float:
        return timed(partial(_script, found[:_BY_SCRIPT])) / _BY_SCRIPT

    # nodes that are asked for without change are left as the round before them made them, all alike
    actions: list[Callable[[], float]] = [script, *(partial(change, count) for count in COUNTS)]
    actions += [partial(change, count, True) for count in _ENDS]
    changed, changed_by_shell = _split(rounds(actions, machine.pairs or 5))
    last = next(ports)
    configure(found, last, True)
    actions = [script, *(partial(no_change, count, last) for count in COUNTS)]
    actions += [partial(no_change, count, last, True) for count in _ENDS]
    same, same_by_shell = _split(rounds(actions, machine.pairs or 5))
    rows = [*_rows("no change", same), *_rows("change", changed)]
    if os.geteuid() == 0:
        rows += [*_by_shell("no change", same_by_shell), *_by_shell("change", changed_by_shell)]
    machine.remove_all()
    return rows


def configure(found: list[str], port: int, changes: bool, registries: int = 1, by_shell: bool = False) -> None:
    """One call of the module for all nodes, with as many registries; ``changes`` is what it has to find."""
    items: list[dict[str, Any]] = []
    for number in range(registries):
        url = f"http://registry{number}:{port}"
        items.append({"host": f"registry{number}.test", "server": url, "endpoints": [{"url": url}]})
    environment = {BY_SHELL: "1"} if by_shell else {}
    result = run_module("containerd_hosts", environment=environment, nodes=found, registries=items)
    assert result["changed"] == changes, result


def _split(seconds: list[float]) -> tuple[tuple[float, list[float]], tuple[float, list[float]]]:
    """The script's time, each with those of one way."""
    script, others = seconds[0], seconds[1:]
    return (script, others[: len(COUNTS)]), (script, others[len(COUNTS) :])


def _rows(what: str, measured: tuple[float, list[float]]) -> list[Row]:
    script, seconds = measured
    by_count = dict(zip(COUNTS, seconds))
    steps = [*zip(COUNTS, COUNTS[1:]), _ENDS]
    return [_row(what, few, many, by_count[few], by_count[many], script, 0.2) for few, many in steps]


def _by_shell(what: str, measured: tuple[float, list[float]]) -> list[Row]:
    script, (few, many) = measured
    return [_row(f"{what}, not root", *_ENDS, few, many, script, None)]


def _row(what: str, few: int, many: int, first: float, last: float, script: float, limit: float | None) -> Row:
    more = max(0.0, (last - first) / (many - few))
    return Row("node", f"one more, {what}, {few} to {many} nodes", more, "two `docker exec`", script, limit)


def _script(found: list[str]) -> None:
    folder = f"{nodes.CERTS}/script:5001"
    for name in found:
        subprocess.run(["docker", "exec", name, "mkdir", "-p", folder], check=True)
        copy = ["docker", "exec", "-i", name, "cp", "/dev/stdin", f"{folder}/hosts.toml"]
        subprocess.run(copy, input=b'[host."http://registry:5000"]\n', check=True)
