# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What exists of clusters, asked of the real Engine and a real cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import docker

from tests.support.cluster import Cluster
from tests.support.modules import run_module
from tests.support.names import Names
from tests.support.testbed import Testbed


def find(**options: Any) -> dict[str, Any]:
    result = run_module("cluster_info", **options)
    assert result["changed"] is False
    found: dict[str, Any] = result["cluster"]
    return found


def test_a_kind_cluster(cluster: Cluster) -> None:
    found = find(name=cluster.name, kubeconfig=str(cluster.kubeconfig))
    assert found["exists"]
    assert found["complete"], "somebody else made it, and it works"
    assert [node["name"] for node in found["nodes"]] == sorted(cluster.nodes)
    assert [node["role"] for node in found["nodes"]] == ["control-plane", "worker"]
    assert all(node["running"] and node["address"] for node in found["nodes"])
    assert found["network"] == cluster.network, "whatever KIND_EXPERIMENTAL_DOCKER_NETWORK is now"
    assert found["context"] == cluster.context
    assert found["kubeconfig"] == str(cluster.kubeconfig)
    assert find(name=cluster.name, kubeconfig=str(cluster.kubeconfig)) == found


def test_the_same_cluster_as_an_existing_one(cluster: Cluster) -> None:
    kind = find(name=cluster.name, kubeconfig=str(cluster.kubeconfig))
    found = find(provider="existing", kubeconfig=str(cluster.kubeconfig), context=cluster.context)
    assert found["nodes"] == kind["nodes"]
    assert (found["exists"], found["complete"], found["network"]) == (True, True, cluster.network)


def test_the_context_may_come_from_the_kubeconfig(cluster: Cluster) -> None:
    assert find(provider="existing", kubeconfig=str(cluster.kubeconfig))["context"] == cluster.context


def test_nothing_is_there(names: Names, tmp_path: Path) -> None:
    found = find(name=names("none"), kubeconfig=str(tmp_path / "none"))
    assert (found["exists"], found["complete"], found["nodes"], found["network"]) == (False, False, [], "")
    found = find(provider="existing", kubeconfig=str(tmp_path / "none"))
    assert not found["exists"]
    assert str(tmp_path / "none") in found["reason"]


def test_names_that_begin_alike_never_mix(engine: docker.DockerClient, testbed: Testbed, names: Names) -> None:
    # containers with kind's labels: what kind calls them does not matter here
    for name in ("foo", "foo-bar"):
        engine.containers.create(
            testbed.busybox_image,
            ["sleep", "60"],
            name=names(f"{name}-control-plane"),
            labels={"io.x-k8s.kind.cluster": names(name), "io.x-k8s.kind.role": "control-plane"},
        )
    found = find(name=names("foo"))
    assert [node["name"] for node in found["nodes"]] == [names("foo-control-plane")]
    assert [node["status"] for node in found["nodes"]] == ["created"]
    assert (found["exists"], found["complete"]) == (True, False), "half made"


def test_a_name_is_needed() -> None:
    assert "name" in run_module("cluster_info", fails=True)["msg"]
    assert "provider" in run_module("cluster_info", provider="minikube", fails=True)["msg"]


def test_the_engine_is_not_there(tmp_path: Path) -> None:
    message = run_module("cluster_info", name="x", docker_host=f"unix://{tmp_path}/none.sock", fails=True)["msg"]
    assert "no Docker Engine answers" in message
