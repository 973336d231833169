# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: a cluster that is there is brought to work: nodes started and added, its kubeconfig entry written."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ansible_collections.kubelocal.registry.plugins.module_utils import _cluster_ready, _kubeconfig, _kubernetes
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ansible_collections.kubelocal.registry.plugins.module_utils._cluster import Cluster
    from ansible_collections.kubelocal.registry.plugins.module_utils._cluster_work import Work

_API_PORT = 6443


def ready(work: Work, cluster: Cluster, wanted: Mapping[str, Any]) -> Cluster:
    """The cluster, once it works."""
    since = _start_nodes(work, cluster)
    if since and not work.check:
        cluster = work.find()
    stale = _export_if_needed(work, cluster)
    if work.check and (since or stale):
        return cluster
    since = {**_cluster_ready.started_lately(work.client, cluster.nodes), **since}
    names = [node.name for node in cluster.nodes]
    without_network = work.tool.without_network(wanted)
    work.end = max(work.end, time.monotonic() + work.declared.wait_timeout)
    end = time.monotonic() if work.check else work.end
    try:
        missing = _cluster_ready.wait(work.api(cluster), names, since, end, without_network)
    except _kubernetes.KubernetesError:
        # the entry is of an earlier cluster of this name
        _export(work, cluster)
        missing = "" if work.check else _cluster_ready.wait(work.api(cluster), names, since, end, without_network)
    if missing and not work.check:
        raise ExpectedError(
            f"the {work.what} does not work after {work.declared.wait_timeout} s: {missing}; {work.tool.LOGS}"
            f"'{work.delete_by_hand}' makes room for a new one."
        )
    if missing:
        work.act(f"Wait until the cluster works ({missing}).")
    return cluster


def add_nodes(work: Work, cluster: Cluster, wanted: Mapping[str, Any]) -> Cluster:
    """The cluster with the nodes that were missing, where its tool can add any."""
    planned = work.tool.to_add(cluster, wanted, "")
    if planned is None:
        return cluster
    work.act(planned[1])
    if work.check:
        return cluster
    command = work.tool.to_add(cluster, wanted, work.program())
    code, output = work.run(command[0] if command else [], cluster.kubeconfig)
    if code != 0:
        raise ExpectedError(f"nodes can't be added to the {work.what}: {work.tool.essence(output)}.")
    cluster = work.find()
    names = [node.name for node in cluster.nodes]
    missing = _cluster_ready.wait(work.api(cluster), names, {}, work.end)
    if missing:
        raise ExpectedError(f"the nodes added to the {work.what} do not work: {missing}.")
    return cluster


def _start_nodes(work: Work, cluster: Cluster) -> dict[str, float]:
    nodes = _cluster_ready.to_start(cluster)
    for node in nodes:
        work.act(f"{'Unpause' if node.status == 'paused' else 'Start'} the node {node.name}.")
    if not nodes:
        return {}
    if work.check:
        return {node.name: 0 for node in nodes}
    stopped = [node for node in nodes if node.status != "paused"]
    command = work.tool.start("") if stopped else None
    if command is None:
        return _cluster_ready.start(work.client, nodes)
    since = _cluster_ready.start(work.client, [node for node in nodes if node.status == "paused"])
    code, output = work.run(work.tool.start(work.program()) or [], cluster.kubeconfig)
    if code != 0:
        raise ExpectedError(f"the {work.what} can't be started: {work.tool.essence(output)}.")
    return {**since, **dict.fromkeys((node.name for node in stopped), 0.0)}


def _export_if_needed(work: Work, cluster: Cluster) -> bool:
    """Write the kubeconfig anew when it lacks the context or names another port than the API server's."""
    work.unlock_own(cluster.kubeconfig)
    server = _kubeconfig.server(cluster.kubeconfig, cluster.context)
    ports = {
        int(port["PublicPort"])
        for node in [*cluster.helpers, *cluster.control_planes]
        for port in node.container.attrs.get("Ports") or []
        if port.get("PrivatePort") == _API_PORT and port.get("PublicPort")
    }
    if server is not None and (not ports or urlsplit(server).port in ports):
        return False
    _export(work, cluster)
    return True


def _export(work: Work, cluster: Cluster) -> None:
    path = cluster.kubeconfig
    work.act(f"Write the context {cluster.context} into the kubeconfig {path}.")
    if work.check:
        return
    program = work.program()
    work.unlock(path)
    code, output = work.run(work.tool.export(program, path), path)
    if code != 0:
        raise ExpectedError(
            f"{work.tool.NAME} can't write the kubeconfig {path}: {work.tool.essence(output)}; "
            "check that the file and its folder are writable."
        )
