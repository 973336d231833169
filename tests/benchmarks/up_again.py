# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``up`` again with nothing to do, two nodes, without the proof, against a play of stock modules for the same state."""

from __future__ import annotations

from tests.benchmarks.machine import Machine
from tests.benchmarks.measuring import Row, alternated, timed


def run(machine: Machine) -> list[Row]:
    """Ours and stock modules' in turn."""
    machine.up(up_proof=False)
    machine.stock()

    def stock() -> None:
        result = machine.stock()
        assert result.changed == {"localhost": 0}, result.stdout

    ours, other = alternated(
        lambda: timed(lambda: machine.up_again(up_proof=False)), lambda: timed(stock), machine.pairs or 7
    )
    return [Row("up-again", "`up` again, two nodes", ours, "stock modules", other, 0.6)]
