# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""registry_connection where no Kubernetes is needed: containers that sleep serve as nodes, and are called so."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import docker
import pytest

from tests.support.modules import run_module
from tests.support.names import Names
from tests.support.testbed import Testbed

CERTS = "/etc/containerd/certs.d"


class Bed:
    """Sleeping nodes, a registry, and the module run on them without an API server: it always fails in that step."""

    def __init__(self, engine: docker.DockerClient, testbed: Testbed, names: Names, port: int) -> None:
        self.engine, self.testbed, self.names = engine, testbed, names
        self.registry = names("reg")
        self.port = port
        engine.containers.run(
            testbed.registry_image, name=self.registry, detach=True, ports={"5000/tcp": ("127.0.0.1", port)}
        )

    def node(self, cluster: str, network: str, tool: str = "kind", suffix: str = "") -> Any:
        labels = {
            "kind": {"io.x-k8s.kind.cluster": cluster, "io.x-k8s.kind.role": "worker"},
            "k3d": {"k3d.cluster": cluster, "k3d.role": "server"},
        }
        return self.engine.containers.run(
            self.testbed.busybox_image,
            ["sleep", "3600"],
            name=f"{cluster}-sleeper{suffix}",
            network=network,
            labels=labels[tool],
            detach=True,
            init=True,
        )

    def run(self, cluster: str, **options: Any) -> dict[str, Any]:
        answer = run_module(
            "registry_connection",
            cluster_name=cluster,
            registry_name=self.registry,
            kubeconfig="/nowhere/config",
            fails=True,
            **options,
        )
        assert "/nowhere/config" in answer["msg"] or "nodes failed" in answer["msg"], answer["msg"]
        return answer

    def networks(self) -> list[str]:
        return sorted(self.engine.containers.get(self.registry).attrs["NetworkSettings"]["Networks"])


@pytest.fixture
def bed(engine: docker.DockerClient, testbed: Testbed, names: Names, free_port: Callable[[], int]) -> Bed:
    return Bed(engine, testbed, names, free_port())


def test_clusters_on_one_network_leave_each_others_registry_alone(bed: Bed) -> None:
    network, one, two = bed.names("net"), bed.names("foo"), bed.names("foo-bar")
    bed.engine.networks.create(network)
    first, second = bed.node(one, network), bed.node(two, network)
    bed.run(one)
    bed.run(two)
    assert bed.networks() == sorted(["bridge", network])
    aliases = bed.engine.containers.get(bed.registry).attrs["NetworkSettings"]["Networks"][network]["Aliases"]
    assert bed.registry in aliases
    # the name leads to the registry, as it does from pods
    code, output = second.exec_run(["wget", "-qO-", f"http://{bed.registry}:5000/v2/"])
    assert (code, output) == (0, b"{}")
    assert "off the network" not in " ".join(bed.run(one, state="absent")["actions"])
    assert bed.networks() == sorted(["bridge", network])
    assert first.exec_run(["ls", CERTS]).output == b""
    assert len(second.exec_run(["ls", CERTS]).output.split()) == 2
    assert not bed.run(two)["changed"]
    assert "off the network" in bed.run(two, state="absent")["actions"][-1]
    assert bed.networks() == ["bridge"]
    assert bed.engine.networks.list(names=[network])


def test_a_node_that_fails_is_named_and_the_others_are_done(bed: Bed) -> None:
    network, cluster = bed.names("net"), bed.names("c")
    bed.engine.networks.create(network)
    bed.node(cluster, network)
    broken = bed.node(cluster, network, suffix="2")
    broken.exec_run(["sh", "-c", "rm -f /bin/sh"])
    answer = bed.run(cluster)
    assert "1 of 2 nodes failed" in answer["msg"]
    assert broken.name in answer["msg"]
    assert answer["nodes"][f"{cluster}-sleeper"]["changed"]
    assert answer["nodes"][broken.name]["failed"]
    # the API server's error is told as well
    assert "there is no kubeconfig /nowhere/config" in answer["msg"]


def test_two_runs_at_once_end_alike(bed: Bed) -> None:
    network, cluster = bed.names("net"), bed.names("c")
    bed.engine.networks.create(network)
    bed.node(cluster, network)
    answers: list[dict[str, Any]] = []
    threads = [threading.Thread(target=lambda: answers.append(bed.run(cluster))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 2
    assert not bed.run(cluster)["changed"]
    assert bed.networks() == sorted(["bridge", network])


def test_a_network_without_names_is_refused(bed: Bed) -> None:
    cluster = bed.names("c")
    node = bed.node(cluster, "bridge")
    answer = run_module("registry_connection", cluster_name=cluster, registry_name=bed.registry, fails=True)
    assert "on Docker's network 'bridge'" in answer["msg"]
    assert node.exec_run(["ls", CERTS]).exit_code != 0


def test_nodes_of_k3d_get_registries_yaml_too(bed: Bed) -> None:
    network, cluster = bed.names("net"), bed.names("c")
    bed.engine.networks.create(network)
    node = bed.node(cluster, network, "k3d")
    bed.run(cluster, provider="k3d")
    assert f"localhost:{bed.port}" in node.exec_run(["cat", "/etc/rancher/k3s/registries.yaml"]).output.decode()
    folder = "/var/lib/rancher/k3s/agent/etc/containerd/certs.d"
    assert f"http://{bed.registry}:5000" in (
        node.exec_run(["cat", f"{folder}/localhost:{bed.port}/hosts.toml"]).output.decode()
    )
    assert not bed.run(cluster, provider="k3d")["changed"]
