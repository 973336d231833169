# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Caches of the cluster that ``up`` made, and their upstreams, to be broken and mended."""

from __future__ import annotations

from typing import Any

from tests.faults.repair import Home
from tests.support import cluster as clusters
from tests.support.caches import cache
from tests.support.names import Names
from tests.support.pods import pull_on_every_node
from tests.support.upstream import Front, Upstream

PASSWORD = "hush-hush-1234"


class Cached:
    """The cluster with caches of four upstreams: open, with a password, with an authority of its own, with tokens."""

    def __init__(self, home: Home, names: Names, free: Upstream, guarded: Upstream, tls: Upstream, hub: Front) -> None:
        self.home, self.names = home, names
        self.free, self.guarded, self.tls, self.hub = free, guarded, tls, hub
        # a name of ours, so that its cache is cleaned up with the rest
        self.hub_host = f"{names('hub')}:5000"
        self.authority = ""
        self.images: list[str] = []

    def declare(self, **changed: Any) -> None:
        """What stands in cluster.yml from now on."""
        robot = {"username": "robot", "password": PASSWORD}
        self.home.mirrors = [
            {"host": self.free.host, "upstream": self.free.url},
            {"host": self.guarded.host, "upstream": self.guarded.url, **robot, **changed.get("guarded", {})},
            {"host": self.tls.host, "upstream": self.tls.url, **changed.get("tls", {"ca": self.authority})},
            {"host": self.hub_host, "upstream": self.hub.url, **changed.get("hub", {})},
        ]

    def container(self, host: str) -> Any:
        return cache(self.home.engine, host)

    def pull(self) -> None:
        """Every kubelet asks for the manifest of every image."""
        described = clusters.describe(self.home.engine, self.home.testbed, self.home.cluster, self.home.kubeconfig)
        assert len(described.nodes) == 2
        pull_on_every_node(described, self.names("pod"), *self.images)

    def stop(self) -> None:
        for upstream in (self.free, self.guarded, self.tls):
            upstream.stop()

    def start(self) -> None:
        for upstream in (self.free, self.guarded, self.tls):
            upstream.start()

    def works_offline(self) -> None:
        """What was pulled before is had from the caches alone."""
        self.stop()
        try:
            self.pull()
        finally:
            self.start()
