# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``up`` again with two mirrors, against ``up`` again without."""

from __future__ import annotations

from typing import Any

from tests.benchmarks.machine import Machine
from tests.benchmarks.measuring import Row, alternated, timed


def run(machine: Machine) -> list[Row]:
    """Each declaration is made true first, and then timed again."""
    # nobody pulls through them, so that their upstreams need not be there
    two = [
        {"host": machine.names(f"{name}.test"), "upstream": f"http://{machine.names(name)}.test:5000"} for name in "ab"
    ]

    def again(**variables: Any) -> float:
        machine.up(up_proof=False, **variables)
        return timed(lambda: machine.up_again(up_proof=False, **variables))

    ours, other = alternated(lambda: again(mirrors=two), again, machine.pairs or 5)
    return [Row("mirrors", "`up` again, two mirrors", ours, "without", other, 1.2)]
