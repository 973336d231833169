# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all benchmarks share: the Engine, names of their own, and at most one cluster at a time."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker

from tests.support import nodes
from tests.support.names import Names, is_leftover
from tests.support.playbooks import PlaybookResult, run_playbook
from tests.support.ports import free_port
from tests.support.removal import remove_leftovers
from tests.support.testbed import Testbed, load


@dataclass
class Machine:
    """``pairs`` is how often things are repeated, when the command line tells."""

    engine: docker.DockerClient
    testbed: Testbed
    names: Names
    folder: Path
    pairs: int | None = None
    port: int = field(default_factory=free_port)

    @property
    def cluster(self) -> str:
        """The name of the cluster, and of all that ``up`` makes for it."""
        return self.names("c")

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"

    @property
    def network(self) -> str:
        return self.names("n")

    @property
    def environment(self) -> dict[str, str]:
        """For kind, whoever calls it."""
        return {"KIND_EXPERIMENTAL_DOCKER_NETWORK": self.network, "KUBECONFIG": str(self.kubeconfig)}

    def up(self, **variables: Any) -> PlaybookResult:
        """Our playbook, on a cluster of two nodes with a registry."""
        return self._play("kubelocal.registry.up", variables)

    def up_again(self, **variables: Any) -> None:
        """The same once more, which has to change nothing."""
        result = self.up(**variables)
        assert result.changed == {"localhost": 0}, result.stdout

    def stock(self) -> PlaybookResult:
        """The play of stock modules, for a registry of its own."""
        names = {"registry": self.names("stock"), "cluster_network": self.network, "nodes": self.nodes()}
        told = {"image": self.testbed.registry_image, "port": self.port + 1, "kubeconfig": str(self.kubeconfig)}
        variables = {f"stock_{name}": value for name, value in {**names, **told}.items()}
        variables["stock_context"] = f"kind-{self.cluster}"
        return run_playbook("tests/benchmarks/stock.yml", variables, environment=self.environment)

    def nodes(self) -> list[str]:
        """The cluster's containers."""
        found = self.engine.containers.list(filters={"label": f"io.x-k8s.kind.cluster={self.cluster}"})
        return sorted(container.name for container in found)

    def remove_cluster(self) -> None:
        """Only the cluster: its registry and caches stay."""
        for name in self.nodes():
            self.engine.containers.get(name).remove(force=True, v=True)
        self.kubeconfig.unlink(missing_ok=True)

    def remove_all(self) -> None:
        """Everything that has our names."""
        remove_leftovers(self.engine, self.names.owns)
        self.kubeconfig.unlink(missing_ok=True)

    def sleeping(self, count: int) -> list[str]:
        """Containers that stand for nodes: reading, writing and renaming are real, containerd is not there."""
        found = [self.names(f"node{number}") for number in range(count)]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda name: nodes.sleeping(self.engine, self.testbed.busybox_image, name), found))
        return found

    def _play(self, playbook: str, variables: dict[str, Any]) -> PlaybookResult:
        told = {
            **self.testbed.variables,
            "cluster_name": self.cluster,
            "cluster_kubeconfig": str(self.kubeconfig),
            "registry_name": self.names("registry"),
            "registry_port": self.port,
            "registry_image": self.testbed.registry_image,
            "kind_workers": 1,
            "kind_executable": self.testbed.kind,
            **({"kind_node_image": self.testbed.node_image} if self.testbed.node_image else {}),
            **variables,
        }
        return run_playbook(playbook, told, environment=self.environment)


@contextlib.contextmanager
def machine(pairs: int | None) -> Iterator[Machine]:
    """A machine whose leftovers are removed before and after."""
    client = docker.from_env(version="auto", timeout=120)
    remove_leftovers(client, is_leftover)
    with tempfile.TemporaryDirectory(prefix="kltest-") as folder:
        found = Machine(client, load(), Names(), Path(folder), pairs)
        try:
            yield found
        finally:
            found.remove_all()
            client.close()
