# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pods that have their image pulled by the kubelet of every node."""

from __future__ import annotations

import json

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
            wait_for(f"{pod} runs", lambda pod=pod: _runs(cluster, pod), timeout=60, interval=0.5)
    finally:
        cluster.kubectl("delete", "pod", "--now", *pods)


def _runs(cluster: Cluster, pod: str) -> bool:
    return bool(cluster.get("pod", pod)["status"].get("phase") == "Running")
