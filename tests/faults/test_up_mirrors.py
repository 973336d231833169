# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What breaks between a cluster, its pull-through caches and their upstreams, each caused for real.

Status names it. ``up`` mends what is ours; what only others can mend stops neither ``up`` nor a pull of what was pulled
before. test_mirrors.py causes more of it for a cache alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.faults.caching import PASSWORD, Cached
from tests.faults.repair import PROVED
from tests.support.pausing import pause

pytestmark = [pytest.mark.cluster, pytest.mark.long]


def _removed(container: Any) -> None:
    container.remove(force=True)


def _off_the_network(container: Any) -> None:
    for network in container.attrs["NetworkSettings"]["Networks"]:
        container.client.networks.get(network).disconnect(container)


# by what is done to a cache: the words of status
OURS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "stopped": (lambda container: container.stop(timeout=1), "is exited"),
    "paused": (pause, "is paused"),
    "killed": (lambda container: container.kill(), "is exited"),
    "removed": (_removed, "does not exist"),
    "off the network": (_off_the_network, "is not on the cluster's network"),
}


@pytest.mark.parametrize("row", [("stopped", "removed", "paused"), ("killed", "off the network")], ids=" and ".join)
def test_a_cache_is_mended_with_what_it_holds(cached: Cached, row: tuple[str, ...]) -> None:
    hosts = [cached.free.host, cached.guarded.host, cached.tls.host]
    for name, host in zip(row, hosts):
        OURS[name][0](cached.container(host))
    broken = cached.home.broken()
    for name, host in zip(row, hosts):
        assert OURS[name][1] in broken.get(f"mirror {host}", ""), broken
    cached.home.mended()
    cached.works_offline()


def test_every_cache_is_made_anew_while_all_upstreams_are_away(cached: Cached) -> None:
    cached.stop()
    try:
        assert "is not found" in cached.home.broken()[f"mirror {cached.free.host}"]
        for host in (cached.free.host, cached.guarded.host, cached.tls.host):
            cached.container(host).remove(force=True)
        mended = cached.home.up()
        assert PROVED in mended.stdout
        assert mended.changed["localhost"] > 0
        assert cached.home.up(up_proof=False).changed == {"localhost": 0}
        cached.pull()
    finally:
        cached.start()
    cached.home.is_whole()


def _others_fault(cached: Cached, host: str, words: str) -> None:
    """It is named and alone, ``up`` has nothing to do, and what was pulled before still is."""
    broken = cached.home.broken()
    assert list(broken) == [f"mirror {host}"], broken
    assert words in broken[f"mirror {host}"]
    again = cached.home.up()
    assert PROVED in again.stdout
    assert again.changed == {"localhost": 0}, again.stdout
    cached.pull()


def test_an_upstream_is_away(cached: Cached) -> None:
    cached.free.stop()
    try:
        broken = cached.home.broken()
        # what stands before it has nothing behind it
        assert "is not found" in broken[f"mirror {cached.free.host}"]
        assert cached.home.up(up_proof=False).changed == {"localhost": 0}
    finally:
        cached.free.start()
    cached.hub.hangs = True
    try:
        told = cached.home.broken()[f"mirror {cached.hub_host}"]
        assert "does not answer" in told or "is not reached" in told
    finally:
        cached.hub.hangs = False
    cached.home.is_whole()


def test_a_rate_limit_is_reached(cached: Cached) -> None:
    cached.hub.limited = True
    try:
        _others_fault(cached, cached.hub_host, "rate limit is reached")
    finally:
        cached.hub.limited = False
    cached.home.is_whole()


def test_credentials_are_wrong(cached: Cached) -> None:
    cached.declare(guarded={"password": f"not-{PASSWORD}"})
    try:
        assert cached.home.up(up_proof=False).changed["localhost"] > 0
        _others_fault(cached, cached.guarded.host, "refuses the credentials")
        assert PASSWORD not in str(cached.home.broken())
    finally:
        cached.declare()
    cached.home.mended()
    cached.works_offline()


def test_a_certificate_is_not_trusted(cached: Cached) -> None:
    cached.declare(tls={})
    try:
        assert cached.home.up(up_proof=False).changed["localhost"] > 0
        _others_fault(cached, cached.tls.host, "is not trusted")
    finally:
        cached.declare()
    cached.home.mended()
    cached.works_offline()


def test_the_name_of_an_upstream_is_not_found(cached: Cached) -> None:
    wrong = f"http://{cached.names('nobody')}:5000"
    cached.declare(hub={"upstream": wrong})
    try:
        assert cached.home.up(up_proof=False).changed["localhost"] > 0
        _others_fault(cached, cached.hub_host, "is not found by the cache")
    finally:
        cached.declare()
    cached.home.mended()
