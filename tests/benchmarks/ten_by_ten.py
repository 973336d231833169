# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ten mirrors on ten nodes, against one mirror on ten nodes. The nodes are containers that sleep."""

from __future__ import annotations

import itertools

from tests.benchmarks.machine import Machine
from tests.benchmarks.measuring import Row, alternated, timed
from tests.benchmarks.node import configure


def run(machine: Machine) -> list[Row]:
    """Written anew each time, and found as declared."""
    found = machine.sleeping(10)
    ports = itertools.count(5001)

    def written(registries: int) -> float:
        port = next(ports)
        return timed(lambda: configure(found, port, True, registries))

    def kept(registries: int) -> float:
        # without 'exclusive' one of ten that are there is as declared too
        return timed(lambda: configure(found, 4000, False, registries))

    pairs = machine.pairs or 5
    ten, one = alternated(lambda: written(10), lambda: written(1), pairs)
    configure(found, 4000, True, 10)
    ten_kept, one_kept = alternated(lambda: kept(10), lambda: kept(1), pairs)
    machine.remove_all()
    return [
        Row("ten-by-ten", "ten mirrors, ten nodes, change", ten, "one mirror, ten nodes", one, 1.5),
        Row("ten-by-ten", "ten mirrors, ten nodes, no change", ten_kept, "one mirror, ten nodes", one_kept, 1.5),
    ]
