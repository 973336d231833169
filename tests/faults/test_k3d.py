# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults of a cluster of the real k3d, each caused for real; one run mends it, the next changes nothing."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest

from tests.support import k3d
from tests.support.k3d import K3dCluster
from tests.support.names import Names
from tests.support.ports import free_port
from tests.support.testbed import Testbed

pytestmark = k3d.NEEDED


def _stopped(cluster: K3dCluster) -> None:
    cluster.engine.containers.get(cluster.registry).stop(timeout=1)
    cluster.server.stop(timeout=1)


def _restarted(cluster: K3dCluster) -> None:
    cluster.server.restart(timeout=1)


def _hosts_toml_changed(cluster: K3dCluster) -> None:
    script = f"echo 'server = \"http://elsewhere\"' > '{k3d.CERTS}/localhost:{cluster.port}/hosts.toml'"
    assert cluster.server.exec_run(["sh", "-c", script])[0] == 0


def _registries_yaml_lost(cluster: K3dCluster) -> None:
    assert cluster.server.exec_run(["rm", k3d.REGISTRIES])[0] == 0


def _node_added(cluster: K3dCluster) -> None:
    argv = ["node", "create", f"{cluster.name}-late", "--cluster", cluster.name, "--role", "agent"]
    subprocess.run([str(k3d.PROGRAM), *argv], check=True, capture_output=True, timeout=300)
    cluster.agents += 1


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
    yield made
    made.cluster(state="absent")


# whether there is anything to mend: k3s and k3d are told enough to keep the others right by themselves
@pytest.mark.parametrize(
    ("fault", "mends"),
    [
        pytest.param(_stopped, True, id="stopped"),
        pytest.param(_hosts_toml_changed, True, id="hosts.toml changed"),
        pytest.param(_registries_yaml_lost, True, id="registries.yaml lost"),
        pytest.param(_restarted, False, id="node restarted"),
        pytest.param(_node_added, False, id="node added later"),
    ],
)
def test_one_run_mends_it(cluster: K3dCluster, fault: Callable[[K3dCluster], None], mends: bool) -> None:
    fault(cluster)
    assert bool(cluster.up()) == mends
    assert cluster.up() == []
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
