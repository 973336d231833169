# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ConfigMap deleted, edited, or out of reach: status names it, up mends it, nothing else changes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
import yaml

from tests.support.cluster import Cluster
from tests.support.modules import run_module
from tests.support.names import Names
from tests.support.playbooks import PlaybookResult, run_playbook
from tests.support.testbed import Testbed

# test_up.py causes the same on a cluster that up made
pytestmark = [pytest.mark.cluster, pytest.mark.long]

CONFIGMAP = ("configmap", "local-registry-hosting", "--namespace", "kube-public")


class Job:
    """``up`` and ``status`` for the shared cluster and a registry of our own."""

    def __init__(self, cluster: Cluster, variables: dict[str, Any], folder: Path) -> None:
        self.cluster = cluster
        self.variables = variables
        self.status_file = folder / "status.json"

    def play(self, name: str, fails: bool | None = False, **variables: Any) -> PlaybookResult:
        return run_playbook(f"kubelocal.registry.{name}", {**self.variables, **variables}, fails=fails)

    def broken_links(self) -> list[dict[str, Any]]:
        """What ``status`` finds wrong."""
        self.play("status", fails=None, status_proof=False, status_file=str(self.status_file))
        links = json.loads(self.status_file.read_text())["links"]
        return [link for link in links if link["ok"] is False]

    def mended(self) -> None:
        """``up`` changes something, and after it nothing is wrong and nothing changes."""
        assert self.play("up").changed["localhost"] > 0
        assert self.broken_links() == []
        assert self.play("up").changed["localhost"] == 0


@pytest.fixture
def job(
    cluster: Cluster,
    testbed: Testbed,
    names: Names,
    free_port: Callable[[], int],
    tmp_path: Path,
) -> Iterator[Job]:
    """Connected, and disconnected again."""
    cluster.kubectl("delete", *CONFIGMAP, "--ignore-not-found")
    name = names("reg")
    variables = {
        **testbed.variables,
        "cluster_provider": "existing",
        "cluster_kubeconfig": str(cluster.kubeconfig),
        "cluster_context": cluster.context,
        "registry_name": name,
        "registry_port": free_port(),
        "up_proof": False,
    }
    variables = {key: value for key, value in variables.items() if not key.startswith(("kind_", "k3d_"))}
    found = Job(cluster, variables, tmp_path)
    found.play("up")
    yield found
    run_module(
        "registry_connection",
        cluster_name=cluster.name,
        kubeconfig=str(cluster.kubeconfig),
        registry_name=name,
        state="absent",
    )
    cluster.kubectl("delete", *CONFIGMAP, "--ignore-not-found")


def test_deleted_and_edited(job: Job) -> None:
    job.cluster.kubectl("delete", *CONFIGMAP)
    broken = job.broken_links()
    assert [link["link"] for link in broken] == ["configmap"]
    assert "up" in broken[0]["mend"]
    job.mended()
    for text in ("host: localhost:1\n", "host: [", "hostFromContainerRuntime: x:1\n"):
        patch = {"data": {"localRegistryHosting.v1": text, "localRegistryHosting.v9": "kept"}}
        job.cluster.kubectl("patch", *CONFIGMAP, "-p", json.dumps(patch))
        assert [link["link"] for link in job.broken_links()] == ["configmap"]
        assert job.play("up").changed["localhost"] == 1
        data = json.loads(job.cluster.kubectl("get", *CONFIGMAP, "-o", "json"))["data"]
        assert yaml.safe_load(data["localRegistryHosting.v1"])["host"] == f"localhost:{job.variables['registry_port']}"
        assert data["localRegistryHosting.v9"] == "kept"
    assert job.play("up").changed["localhost"] == 0
    assert job.broken_links() == []


def test_access_forbidden(job: Job, engine: docker.DockerClient, names: Names, tmp_path: Path) -> None:
    """Only the API server's answer is missing: the nodes are mended all the same, and the error names the cause."""
    cluster, namespace = job.cluster, names("nobody")
    cluster.kubectl("create", "namespace", namespace)
    cluster.kubectl("create", "serviceaccount", "nobody", "-n", namespace)
    try:
        content = yaml.safe_load(cluster.kubeconfig.read_text())
        token = cluster.kubectl("create", "token", "nobody", "-n", namespace).strip()
        for user in content["users"]:
            user["user"] = {"token": token}
        (tmp_path / "config").write_text(yaml.safe_dump(content))
        node = engine.containers.get(cluster.nodes[1])
        node.exec_run(["rm", "-r", f"/etc/containerd/certs.d/localhost:{job.variables['registry_port']}"])
        failed = run_module(
            "registry_connection",
            cluster_name=cluster.name,
            kubeconfig=str(tmp_path / "config"),
            registry_name=job.variables["registry_name"],
            fails=True,
        )
        assert failed["msg"].count("forbids it") == 1
        assert "local-registry-hosting" in failed["msg"]
        assert [action.split(":")[0] for action in failed["actions"]] == [cluster.nodes[1]]
        # with access again there is nothing left to do
        assert job.play("up").changed["localhost"] == 0
    finally:
        cluster.kubectl("delete", "namespace", namespace, "--wait=false")
