# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``up`` from nothing, its proof too, against ``kind create cluster`` alone with the same image and configuration."""

from __future__ import annotations

from tests.benchmarks.machine import Machine
from tests.benchmarks.measuring import Row, alternated, timed
from tests.support import cluster as clusters


def run(machine: Machine) -> list[Row]:
    """Nothing is there before each."""

    def ours() -> float:
        machine.remove_all()
        return timed(machine.up)

    def kind() -> float:
        machine.remove_all()
        return timed(lambda: clusters.create(machine.testbed, machine.cluster, machine.folder, network=machine.network))

    seconds, alone = alternated(ours, kind, machine.pairs or 5)
    machine.remove_all()
    return [
        Row("up-from-nothing", "`up`, two nodes", seconds, "`kind create cluster` alone", alone, 6, "difference"),
    ]
