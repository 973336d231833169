# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster made anew pulls five images, 200 MB in all: through a warm cache, or straight over a line of 50 Mbit/s.

Making the cluster takes as long in both, nearly as long as the line needs for the images: the limit is for the pulls.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

from tests.benchmarks.held import line
from tests.benchmarks.machine import Machine
from tests.benchmarks.measuring import Row, say, timed
from tests.support import cri
from tests.support.modules import run_module
from tests.support.upstream import Upstream, gateway

_IMAGES, _SIZE = 5, 40_000_000
_RATE = 50_000_000 / 8


def run(machine: Machine) -> list[Row]:
    """One way and the other in turn, each on a cluster that was not there before."""
    machine.remove_all()
    machine.engine.networks.create(machine.network)
    upstream = Upstream(machine.engine, machine.testbed.registry_image, machine.names("up"), machine.network)
    for number in range(_IMAGES):
        upstream.push(f"image{number}", "1", _SIZE)
    host = machine.names("five.test")
    with line(upstream.port, _RATE) as port:
        url = f"http://{gateway(machine.engine, machine.network)}:{port}"
        mirrors: list[dict[str, Any]] = [{"host": host, "upstream": url}]
        machine.up(up_proof=False, mirrors=mirrors)
        say(f"warming the cache took {timed(lambda: _pull(machine, host)):.0f} s")
        warm, straight = [], []
        for _pair in range(machine.pairs or 3):
            warm.append(_anew(machine, host, mirrors, url))
            straight.append(_anew(machine, host, [], url))
            say(f"pulls {warm[-1][1]:.1f} s through the cache, {straight[-1][1]:.1f} s straight")
    machine.remove_all()
    rows = []
    for what, part, limit in (("pulls", 1, 0.25), ("making the cluster, and the pulls", 2, None)):
        medians = [statistics.median(seconds[part] for seconds in each) for each in (warm, straight)]
        told = f"five images through a warm cache: {what}"
        rows.append(Row("five-images", told, medians[0], "straight, 50 Mbit/s", medians[1], limit))
    return rows


def _anew(machine: Machine, host: str, mirrors: list[dict[str, Any]], url: str) -> tuple[float, float, float]:
    """Seconds of making the cluster, of the pulls, and of both."""
    machine.remove_cluster()
    begun = time.monotonic()
    machine.up(up_proof=False, mirrors=mirrors)
    if not mirrors:
        # the upstream speaks HTTP, which has to be told
        run_module("containerd_hosts", nodes=machine.nodes(), registries=[{"host": host, "server": url}])
    made = time.monotonic() - begun
    pulled = timed(lambda: _pull(machine, host))
    return made, pulled, made + pulled


def _pull(machine: Machine, host: str) -> None:
    """By the CRI as the kubelet does, one after the other as it does unless told otherwise."""
    node = machine.engine.containers.get(machine.nodes()[-1])
    for number in range(_IMAGES):
        cri.pull(node, f"{host}/image{number}:1")
