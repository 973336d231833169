# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pods that have their image pulled by the kubelet of every node."""

from __future__ import annotations

import json
from typing import Any

from tests.support.cluster import Cluster
from tests.support.waiting import wait_for


def pull_on_every_node(cluster: Cluster, name: str, *images: str) -> None:
    """A pod on every node with a container of each image, whose manifest is asked for anew; gone afterwards."""
    pods = [f"{name}-{number}" for number in range(len(cluster.nodes))]
    assert pods, "there is no node"
    for pod, node in zip(pods, cluster.nodes):
        containers = [
            {"name": f"c{number}", "image": image, "imagePullPolicy": "Always", "command": ["sleep", "600"]}
            for number, image in enumerate(images)
        ]
        spec = {
            "nodeName": node,
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 0,
            "tolerations": [{"operator": "Exists"}],
            "containers": containers,
        }
        body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": pod}, "spec": spec}
        cluster.kubectl("apply", "-f", "-", input=json.dumps(body))
    try:
        for pod in pods:
            wait_for(f"{pod} runs", lambda pod=pod: _runs(cluster, pod), timeout=180, interval=0.5)
    except AssertionError as error:
        told = [f"{status['name']}: {status['state']}" for pod in pods for status in _containers(cluster, pod)]
        raise AssertionError(f"{error}\n" + "\n".join(told)) from None
    finally:
        cluster.kubectl("delete", "pod", "--now", *pods)


def _containers(cluster: Cluster, pod: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = cluster.get("pod", pod)["status"].get("containerStatuses") or []
    return found


def _runs(cluster: Cluster, pod: str) -> bool:
    return bool(cluster.get("pod", pod)["status"].get("phase") == "Running")
