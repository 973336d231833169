# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: which containers are a cluster's nodes, as Docker's labels or the Kubernetes API tell."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils import _kubeconfig, _kubernetes, _kubernetes_connect
from ansible_collections.kubelocal.registry.plugins.module_utils._docker import (
    EngineError,
    explain,
    read_file,
    read_tree,
)
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError

try:
    from docker.errors import APIError, DockerException
    from requests.exceptions import RequestException
except ImportError:  # told by the module, by way of _docker.DOCKER_IMPORT_ERROR
    pass

if TYPE_CHECKING:
    from collections.abc import Mapping

PROVIDERS = ("kind", "k3d", "existing")
CONTROL_PLANE, WORKER = "control-plane", "worker"

# provider: label of the cluster, label of the role, our word for each role that is a node of Kubernetes
_LABELS = {
    "kind": (
        "io.x-k8s.kind.cluster",
        "io.x-k8s.kind.role",
        {"control-plane": CONTROL_PLANE, "worker": WORKER},
    ),
    "k3d": ("k3d.cluster", "k3d.role", {"server": CONTROL_PLANE, "agent": WORKER}),
}
# a registry that k3d made carries a cluster's label too, and is none of this
_HELPERS = ("external-load-balancer", "loadbalancer")
# k3d's container with tools: all that a k3d that was killed early leaves, beside nodes it does not count
_TOOLS = "noRole"
_ROLE_LABELS = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")
# written by us, in every control plane, when a cluster was seen to work
MARK_FOLDERS, MARK_NAME = {"kind": "/kind", "k3d": "/etc"}, "kubelocal.registry"
# What shows that a control plane came up: kubeadm's last steps rewrite this file to use the rotated certificate, k3s writes its kubeconfig.
_CAME_UP = {
    "kind": ("/etc/kubernetes/kubelet.conf", b"kubelet-client-current.pem"),
    "k3d": ("/output/kubeconfig.yaml", b"server"),
}


@dataclass(frozen=True)
class Node:
    """A node that is a container; ``container`` is Docker's view of it (None when there is none of that name)."""

    name: str
    role: str
    status: str
    address: str = ""
    container: Any = field(default=None, repr=False, compare=False)

    @property
    def running(self) -> bool:
        return self.status == "running"

    def as_result(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "role": self.role,
            "running": self.running,
            "status": self.status,
            "address": self.address,
        }


@dataclass(frozen=True)
class Cluster:
    """What exists of a cluster; ``helpers`` are containers that belong to it and are no node, such as load balancers."""

    provider: str
    name: str
    nodes: list[Node] = field(default_factory=list)
    helpers: list[Node] = field(default_factory=list)
    exists: bool = False
    complete: bool = False
    network: str = ""
    context: str = ""
    kubeconfig: str = ""
    reason: str = ""
    mark: bytes | None = None

    @property
    def control_planes(self) -> list[Node]:
        return [node for node in self.nodes if node.role == CONTROL_PLANE]

    def as_result(self) -> dict[str, Any]:
        return {
            "provider": self.provider,
            "name": self.name,
            "exists": self.exists,
            "complete": self.complete,
            "nodes": [node.as_result() for node in self.nodes],
            "network": self.network,
            "context": self.context,
            "kubeconfig": self.kubeconfig,
            "reason": self.reason,
        }


def find(
    client: Any,
    provider: str,
    name: str = "",
    kubeconfig: str | None = None,
    context: str | None = None,
    kubernetes: Mapping[str, Any] | None = None,
) -> Cluster:
    """The cluster as it is now.

    Labels tell for kind and k3d, in one call. For ``existing`` the Kubernetes API lists the nodes, asked with the ``kubernetes``
    options (kubernetes.core's), else with ``kubeconfig`` and ``context``.
    """
    if provider == "existing":
        options = dict(kubernetes or {})
        options.setdefault("kubeconfig", kubeconfig)
        options.setdefault("context", context)
        return _existing(client, name, options)
    if provider not in _LABELS:
        raise ExpectedError(f"there is no provider '{provider}'; use one of: {', '.join(PROVIDERS)}.")
    if not name:
        raise ExpectedError(f"a {provider} cluster is found by its name; set name.")
    return _labelled(client, provider, name, kubeconfig, context)


def image_id(client: Any, reference: str) -> str:
    """The id of an image that the Engine has, else empty."""
    try:
        return str(client.api.inspect_image(reference)["Id"])
    except APIError:
        return ""


def default_context(provider: str, name: str) -> str:
    """The context's name that the provider's tool writes."""
    return f"{provider}-{name}"


def _labelled(client: Any, provider: str, name: str, kubeconfig: str | None, context: str | None) -> Cluster:
    cluster_label, role_label, roles = _LABELS[provider]
    nodes: list[Node] = []
    helpers: list[Node] = []
    tools: list[Node] = []
    # Docker compares the whole value, so 'foo' does not find 'foo-bar'
    for container in _containers(client, {"label": f"{cluster_label}={name}"}):
        labels = container.attrs.get("Labels") or {}
        role = labels.get(role_label, "")
        node = _node(container, roles.get(role, role))
        if role in roles:
            nodes.append(node)
        elif role in _HELPERS:
            helpers.append(node)
        elif role == _TOOLS:
            tools.append(node)
    if not nodes:
        helpers += tools
    nodes.sort(key=_order)
    helpers.sort(key=_order)
    network = _network(nodes or helpers)
    nodes = [_addressed(node, network) for node in nodes]
    context = context or default_context(provider, name)
    mark, complete = (None, False) if not nodes else _completion(provider, nodes)
    return Cluster(
        provider=provider,
        name=name,
        nodes=nodes,
        helpers=helpers,
        exists=bool(nodes or helpers),
        complete=complete,
        network=network,
        context=context,
        kubeconfig=_kubeconfig.file_for(kubeconfig, context),
        mark=mark,
    )


def _existing(client: Any, name: str, options: Mapping[str, Any]) -> Cluster:
    given = options.get("kubeconfig") or os.environ.get("K8S_AUTH_KUBECONFIG")
    context = options.get("context") or os.environ.get("K8S_AUTH_CONTEXT") or ""
    path = _kubeconfig.file_for(given, context) if given is None or isinstance(given, (str, os.PathLike)) else ""
    if path and not context:
        context = _kubeconfig.current_context(path)
    nothing = Cluster(provider="existing", name=name, context=context, kubeconfig=path)
    by_file = path and not options.get("host") and _kubeconfig.exists(path)
    chosen = {**options, **({"kubeconfig": path} if by_file else {})}
    try:
        found = _kubernetes_connect.connect(chosen).get("/api/v1/nodes").get("items") or []
    except _kubernetes.Unreachable as error:
        return Cluster(**{**nothing.__dict__, "reason": str(error)})
    containers = _containers(client, {})
    by_name = {_name(container): container for container in containers}
    by_address = {address: container for container in containers for address in _addresses(container)}
    nodes = []
    for entry in found:
        metadata, status = entry.get("metadata") or {}, entry.get("status") or {}
        role = CONTROL_PLANE if any(label in (metadata.get("labels") or {}) for label in _ROLE_LABELS) else WORKER
        container = _match(
            str(metadata.get("name")), status.get("addresses") or [], by_name, by_address, client, containers
        )
        if container is None:
            nodes.append(Node(str(metadata.get("name")), role, "missing", _internal(status.get("addresses") or [])))
        else:
            nodes.append(_node(container, role))
    nodes.sort(key=_order)
    network = _network([node for node in nodes if node.container is not None])
    nodes = [_addressed(node, network) if node.container is not None else node for node in nodes]
    return Cluster(
        provider="existing",
        name=name,
        nodes=nodes,
        exists=True,
        complete=bool(nodes),
        network=network,
        context=context,
        kubeconfig=path,
    )


def _match(
    node: str,
    addresses: list[dict[str, Any]],
    by_name: Mapping[str, Any],
    by_address: Mapping[str, Any],
    client: Any,
    containers: list[Any],
) -> Any:
    """The container that is this node: by its name, its host name (which is asked only when there is no such container), its address."""
    if node in by_name:
        return by_name[node]
    for container in containers:
        if container.attrs.get("State") != "running" or not _addresses(container):
            continue
        if _hostname(client, container) == node:
            return container
    # the Kubernetes API may tell an address that Docker has meanwhile given to another node, so this comes last
    for address in addresses:
        if address.get("type") == "InternalIP" and address.get("address") in by_address:
            return by_address[address["address"]]
    return None


def _hostname(client: Any, container: Any) -> str:
    try:
        return str(client.api.inspect_container(container.id)["Config"].get("Hostname") or "")
    except APIError:
        return ""


def _internal(addresses: list[dict[str, Any]]) -> str:
    return next((str(a.get("address")) for a in addresses if a.get("type") == "InternalIP"), "")


def _containers(client: Any, filters: Mapping[str, Any]) -> list[Any]:
    try:
        # sparse: one call, and none for each container
        return list(client.containers.list(all=True, sparse=True, filters=dict(filters)))
    except (DockerException, RequestException, OSError) as error:
        raise EngineError(
            f"the Docker Engine can't list containers: {explain(error)}; check that it is healthy."
        ) from error


def _name(container: Any) -> str:
    # a container linked to from others has further names with two slashes
    names = [str(name)[1:] for name in container.attrs.get("Names") or []]
    return next((name for name in names if "/" not in name), container.id)


def _node(container: Any, role: str) -> Node:
    return Node(_name(container), role, str(container.attrs.get("State") or "unknown"), container=container)


def _order(node: Node) -> tuple[bool, int, str]:
    # worker, worker2, ... worker10
    return node.role != CONTROL_PLANE, len(node.name), node.name


def _networks(container: Any) -> dict[str, Any]:
    return dict((container.attrs.get("NetworkSettings") or {}).get("Networks") or {})


def _addresses(container: Any) -> list[str]:
    return [
        str(address)
        for network in _networks(container).values()
        for address in (network.get("IPAddress"), network.get("GlobalIPv6Address"))
        if address
    ]


def _network(nodes: list[Node]) -> str:
    """The network that the nodes were made on, if they still are on it, else one that all of them share."""
    if not nodes:
        return ""
    every = [_networks(node.container) for node in nodes]
    shared = [network for network in every[0] if all(network in others for others in every)]
    made_on = str((nodes[0].container.attrs.get("HostConfig") or {}).get("NetworkMode") or "")
    made_on = "bridge" if made_on == "default" else made_on
    # by a network's id, where the tool named it so
    made_on = next((name for name, network in every[0].items() if network.get("NetworkID") == made_on), made_on)
    if made_on in shared or not shared:
        return made_on if made_on in every[0] or not every[0] else sorted(every[0])[0]
    return sorted(shared)[0]


def _addressed(node: Node, network: str) -> Node:
    found = _networks(node.container).get(network) or {}
    address = str(found.get("IPAddress") or found.get("GlobalIPv6Address") or "")
    return Node(node.name, node.role, node.status, address, node.container)


def _completion(provider: str, nodes: list[Node]) -> tuple[bytes | None, bool]:
    """Our mark if a control plane has it, and whether the control plane ever came up."""
    control_planes = [node for node in nodes if node.role == CONTROL_PLANE]
    try:
        for node in control_planes:
            mark = read_file(node.container, f"{MARK_FOLDERS[provider]}/{MARK_NAME}")
            if mark:
                return mark.content, True
        path, needle = _CAME_UP[provider]
        for node in control_planes:
            files = read_tree(node.container, path) or {}
            if any(needle in file.content for file in files.values()):
                return None, True
    except (DockerException, RequestException, OSError) as error:
        raise EngineError(
            f"the Docker Engine can't read from the nodes: {explain(error)}; check that it is healthy."
        ) from error
    return None, False
