# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The node agent on a real cluster: what it writes and repairs, and what it may do."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import docker
import pytest

from tests.support.cluster import Cluster, add_worker
from tests.support.modules import run_module
from tests.support.names import Names
from tests.support.registry import push_image
from tests.support.testbed import Testbed
from tests.support.waiting import wait_for

pytestmark = pytest.mark.cluster

NAMESPACE = "kubelocal-registry"
CERTS = "/etc/containerd/certs.d"


@pytest.fixture
def connect(
    engine: docker.DockerClient, cluster: Cluster, testbed: Testbed, names: Names, free_port: Callable[[], int]
) -> Iterator[Callable[..., dict[str, Any]]]:
    """registry_connection with an agent, for a registry of our own."""
    name, port = names("reg"), free_port()
    cluster.kubectl("delete", "configmap", "-n", "kube-public", "local-registry-hosting", "--ignore-not-found")
    engine.containers.run(
        testbed.registry_image, name=name, detach=True, ports={"5000/tcp": ("127.0.0.1", port)}, network="bridge"
    )

    def run(**options: Any) -> dict[str, Any]:
        options = {"node_agent": True, "node_agent_image": f"docker.io/{testbed.busybox_image}", **options}
        return run_module(
            "registry_connection",
            cluster_name=cluster.name,
            kubeconfig=str(cluster.kubeconfig),
            registry_name=name,
            **options,
        )

    yield run
    run(state="absent")


def test_it_writes_repairs_and_goes(
    engine: docker.DockerClient, cluster: Cluster, connect: Callable[..., dict[str, Any]]
) -> None:
    node = engine.containers.get(cluster.nodes[1])
    planned = connect(check=True)
    done = connect()
    assert [action for action in done["actions"] if "node agent" in action] == [
        action for action in planned["actions"] if "node agent" in action
    ]
    assert not connect()["changed"]
    pods = cluster.get("pods", "-n", NAMESPACE)["items"]
    assert sorted(pod["spec"]["nodeName"] for pod in pods) == sorted(cluster.nodes)
    host = done["registry"]["host"]
    file = f"{CERTS}/{host}/hosts.toml"
    written = node.exec_run(["cat", file]).output

    def repaired() -> None:
        deadline = time.monotonic() + 30
        while node.exec_run(["cat", file]).output != written:
            assert time.monotonic() < deadline, f"{file} was not repaired"
            time.sleep(0.5)

    # what somebody edits or deletes is back within seconds, and connect has nothing left to do
    node.exec_run(["sh", "-c", f"echo '# Written by kubelocal.registry, edited' > {file}"])
    repaired()
    node.exec_run(["rm", "-r", f"{CERTS}/{host}"])
    repaired()
    assert not connect()["changed"]

    # no right but the folder
    for pod in pods:
        spec = pod["spec"]
        assert spec.get("automountServiceAccountToken") is False
        assert not any("projected" in volume for volume in spec["volumes"])
        assert [volume["hostPath"]["path"] for volume in spec["volumes"] if "hostPath" in volume] == [CERTS]
        shown = cluster.kubectl("exec", "-n", NAMESPACE, pod["metadata"]["name"], "--", "cat", "/proc/1/status")
        assert "CapEff:\t0000000000000000" in shown
        assert "NoNewPrivs:\t1" in shown
    account = f"system:serviceaccount:{NAMESPACE}:default"
    cluster.kubectl("auth", "can-i", "get", "secrets", "--as", account, "-n", NAMESPACE, fails=True)

    # a right that somebody adds is taken back
    patch = [{"op": "add", "path": "/spec/template/spec/hostPID", "value": True}]
    cluster.kubectl("patch", "daemonset", "node-agent", "-n", NAMESPACE, "--type=json", "-p", json.dumps(patch))
    assert connect()["actions"] == ["Updated the DaemonSet node-agent of the node agent."]
    daemon_set = cluster.get("daemonset", "node-agent", "-n", NAMESPACE)
    assert "hostPID" not in daemon_set["spec"]["template"]["spec"]
    assert not connect()["changed"]

    # without the option it goes, and the nodes' files stay
    assert "Removed the node agent" in connect(node_agent=False)["actions"][0]
    assert node.exec_run(["cat", file]).output == written
    assert not connect(node_agent=False)["changed"]
    deadline = time.monotonic() + 60
    while cluster.kubectl("get", "namespace", NAMESPACE, "--ignore-not-found"):
        assert time.monotonic() < deadline
        time.sleep(0.5)


@pytest.mark.long
def test_a_worker_that_is_added_by_hand_pulls(
    engine: docker.DockerClient, cluster: Cluster, names: Names, connect: Callable[..., dict[str, Any]]
) -> None:
    host = connect()["registry"]["host"]
    push_image(host, "team/app", "1")
    late = names("late")
    try:
        added = add_worker(engine, cluster, late)
        # nobody but the agent tells it
        wait_for("hosts.toml", lambda: added.exec_run(["test", "-f", f"{CERTS}/{host}/hosts.toml"]).exit_code == 0, 180)
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": late, "namespace": "default"},
            "spec": {
                "nodeName": late,
                "restartPolicy": "Never",
                "tolerations": [{"operator": "Exists"}],
                "containers": [
                    {"name": "app", "image": f"{host}/team/app:1", "imagePullPolicy": "Always", "command": ["true"]}
                ],
            },
        }
        cluster.kubectl("apply", "-f", "-", input=json.dumps(pod))
        wait_for("the pod", lambda: cluster.get("pod", late)["status"].get("phase") == "Succeeded", 120, 1)
        # the same that connect writes; containerd's own file, which names the folder, is not the agent's to change
        actions = connect()["actions"]
        assert not [action for action in actions if "hosts.toml" in action], actions
        assert not connect()["changed"]
    finally:
        cluster.kubectl("delete", "pod", late, "--ignore-not-found", "--force")
        cluster.kubectl("delete", "node", late, "--ignore-not-found")
