# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults of a cluster of the real k3d, each caused for real; one run mends it, the next changes nothing."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.support import k3d
from tests.support.k3d import K3dCluster
from tests.support.names import Names
from tests.support.ports import free_port
from tests.support.testbed import Testbed
from tests.support.waiting import wait_for

pytestmark = k3d.NEEDED


# what is done to a cluster; the link that status has to name, and what it has to say: "" where it finds nothing wrong
Fault = Callable[[K3dCluster], tuple[str, str]]


def _container(cluster: K3dCluster) -> Any:
    return cluster.engine.containers.get(cluster.registry)


def _on_server(cluster: K3dCluster, script: str) -> None:
    code, output = cluster.server.exec_run(["sh", "-c", script])
    assert code == 0, output


def _everything_stopped(cluster: K3dCluster) -> tuple[str, str]:
    _container(cluster).stop(timeout=1)
    cluster.server.stop(timeout=1)
    return "container", "is exited"


def _registry_removed(cluster: K3dCluster) -> tuple[str, str]:
    _container(cluster).remove(force=True)
    return "container", "there is no container"


def _registry_off_the_network(cluster: K3dCluster) -> tuple[str, str]:
    cluster.engine.networks.get(f"k3d-{cluster.name}").disconnect(_container(cluster))
    return "network", f"k3d-{cluster.name}"


def _server_stopped(cluster: K3dCluster) -> tuple[str, str]:
    cluster.server.stop(timeout=1)
    return "cluster", f"'{cluster.server.name}' is exited"


def _server_restarted(cluster: K3dCluster) -> tuple[str, str]:
    cluster.server.restart(timeout=1)
    # k3s makes the tree anew, in its own words
    wait_for("the tree", lambda: b"owns" not in cluster.server.exec_run(["cat", cluster.tree]).output)
    return "", ""


def _hosts_toml_changed(cluster: K3dCluster) -> tuple[str, str]:
    _on_server(cluster, f"echo '[host.\"http://elsewhere\"]' > '{cluster.tree}'")
    return f"hosts.toml {cluster.server.name}", "http://elsewhere"


def _tree_lost(cluster: K3dCluster) -> tuple[str, str]:
    _on_server(cluster, f"rm -r '{k3d.CERTS}'")
    return f"hosts.toml {cluster.server.name}", "is not there"


def _registries_yaml_lost(cluster: K3dCluster) -> tuple[str, str]:
    _on_server(cluster, f"rm {k3d.REGISTRIES}")
    return f"registries.yaml {cluster.server.name}", "is not there"


def _registries_yaml_changed(cluster: K3dCluster) -> tuple[str, str]:
    _on_server(cluster, f"sed -i 's#http://{cluster.registry}:5000#http://elsewhere#' {k3d.REGISTRIES}")
    return f"registries.yaml {cluster.server.name}", "http://elsewhere"


def _configmap_of_k3d(cluster: K3dCluster) -> tuple[str, str]:
    # as k3d writes it, which knows one of the registry's names
    name = f"{cluster.registry}:5000"
    text = f"host: {name}\nhostFromClusterNetwork: {name}\nhostFromContainerRuntime: {name}\nhelp: https://k3d.io\n"
    patch = json.dumps({"data": {"localRegistryHosting.v1": text}})
    cluster.kubectl("patch", "configmap", "local-registry-hosting", "--namespace", "kube-public", "--patch", patch)
    return "configmap", "host"


def _configmap_lost(cluster: K3dCluster) -> tuple[str, str]:
    cluster.kubectl("delete", "configmap", "local-registry-hosting", "--namespace", "kube-public")
    return "configmap", ""


def _node_added(cluster: K3dCluster) -> tuple[str, str]:
    argv = ["node", "create", f"{cluster.name}-late", "--cluster", cluster.name, "--role", "agent"]
    # it waits until the node has joined, which takes minutes on a busy machine
    subprocess.run([str(k3d.PROGRAM), *argv], check=True, capture_output=True, timeout=600)
    cluster.agents += 1
    return "", ""


def _cluster_deleted(cluster: K3dCluster) -> tuple[str, str]:
    subprocess.run([str(k3d.PROGRAM), "cluster", "delete", cluster.name], check=True, capture_output=True, timeout=300)
    return "cluster", "there is no k3d cluster"


@pytest.fixture(scope="module")
def cluster(
    engine: docker.DockerClient,
    testbed: Testbed,
    module_names: Names,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[K3dCluster]:
    made = K3dCluster(
        engine,
        module_names("k"),
        module_names("r"),
        free_port(),
        testbed.registry_image,
        tmp_path_factory.mktemp("k3d"),
    )
    made.up()
    made.keep()
    assert made.broken() == {}
    yield made
    made.cluster(state="absent")


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(_everything_stopped, id="everything stopped"),
        pytest.param(_registry_removed, id="registry removed"),
        pytest.param(_registry_off_the_network, id="registry off the network"),
        pytest.param(_server_stopped, id="server stopped"),
        pytest.param(_server_restarted, id="server restarted"),
        pytest.param(_hosts_toml_changed, id="hosts.toml changed"),
        pytest.param(_tree_lost, id="tree lost"),
        pytest.param(_registries_yaml_lost, id="registries.yaml lost"),
        pytest.param(_registries_yaml_changed, id="registries.yaml changed"),
        pytest.param(_configmap_of_k3d, id="ConfigMap of k3d"),
        pytest.param(_configmap_lost, id="ConfigMap lost"),
        pytest.param(_node_added, id="node added later"),
        pytest.param(_cluster_deleted, id="cluster deleted"),
    ],
)
def test_one_run_mends_it(cluster: K3dCluster, fault: Fault) -> None:
    link, words = fault(cluster)
    if link:
        broken = cluster.broken()
        assert words in broken[link], broken
    else:
        # k3s and k3d are told enough to keep these right by themselves, once the API server has its rules again
        wait_for("status to find nothing wrong", lambda: cluster.broken() == {}, 120, 2)
        cluster.prove()
    assert bool(cluster.up()) == bool(link)
    assert cluster.up() == []
    assert cluster.broken() == {}
    assert cluster.kept()
    cluster.prove()


def test_what_a_killed_k3d_left_is_made_good(
    engine: docker.DockerClient, testbed: Testbed, names: Names, tmp_path: Path
) -> None:
    # k3d's first things: because of its container of tools it says that a cluster of this name exists
    name = names("k")
    labels = {"app": "k3d", "k3d.cluster": name}
    engine.networks.create(f"k3d-{name}", labels={"app": "k3d"})
    engine.volumes.create(f"k3d-{name}-images", labels=labels)
    engine.containers.run(
        testbed.busybox_image,
        ["sleep", "600"],
        name=f"k3d-{name}-tools",
        network=f"k3d-{name}",
        labels={**labels, "k3d.role": "noRole"},
        detach=True,
    )
    cluster = K3dCluster(engine, name, names("r"), 0, testbed.registry_image, tmp_path)
    assert cluster.cluster()["actions"] == [
        f"Delete the half-made k3d cluster '{name}', whose control plane never came up.",
        f"Create the k3d cluster '{name}' with 1 node.",
    ]
    assert cluster.cluster(state="absent")["changed"]
    assert cluster.cluster(state="absent")["changed"] is False
    assert engine.networks.list(names=[f"k3d-{name}"]) == []
    assert engine.volumes.list(filters={"name": f"k3d-{name}"}) == []
