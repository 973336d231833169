# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: the hosts.toml trees on all nodes of a cluster, each node by the layout of what it runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils import _containerd_run, _hosts_toml
from ansible_collections.kubelocal.registry.plugins.module_utils._containerd_plan import CERTS_DIR, Wanted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ansible_collections.kubelocal.registry.plugins.module_utils._cluster import Cluster, Node
    from ansible_collections.kubelocal.registry.plugins.module_utils._hosts_toml import Registry

_K3S_LABEL = "k3d.cluster"
_K3S_CERTS_DIR = "/var/lib/rancher/k3s/agent/etc/containerd/certs.d"


@dataclass
class Outcome:
    nodes: dict[str, Any] = field(default_factory=dict)
    actions: list[str] = field(default_factory=list)
    diff: list[dict[str, Any]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def parse(items: Sequence[Mapping[str, Any]]) -> list[Registry]:
    """The items as ``containerd_hosts`` checks them."""
    return _hosts_toml.parse(items)


def layout(node: Node) -> str:
    """k3s where k3d made the node, whatever provider the cluster was declared with."""
    labels = (node.container.attrs.get("Labels") or {}) if node.container is not None else {}
    return "k3s" if _K3S_LABEL in labels else "containerd"


def folder(cluster: Cluster) -> str:
    """Where the first node has its tree."""
    return _K3S_CERTS_DIR if cluster.nodes and layout(cluster.nodes[0]) == "k3s" else CERTS_DIR


def run(client: Any, cluster: Cluster, registries: list[Registry], present: bool, check: bool) -> Outcome:
    """Make every node's tree hold these registries and none else of ours; without ``present``, none of ours."""
    wanted = Wanted(registries, present=present, exclusive=True)
    results: list[_containerd_run.NodeResult] = []
    for name in _containerd_run.LAYOUTS:
        names = [node.name for node in cluster.nodes if layout(node) == name]
        if not names:
            continue
        found, missing = _containerd_run.containers(client, names)
        results += missing + _containerd_run.run(found, wanted, name, check)
    answer = _containerd_run.answer(results, True)
    return Outcome(
        nodes=answer["nodes"],
        actions=answer["actions"],
        diff=answer["diff"],
        failures=[answer["msg"]] if answer.get("failed") else [],
    )
