# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: in what an existing kind cluster differs from what is declared, one phrase each."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils import _cluster, _kind_config

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.kubelocal.registry.plugins.module_utils._cluster import Cluster, Node

_API_PORT = 6443
# what kind mounts by itself
_OWN_MOUNTS = ("/lib/modules", "/dev/mapper", "/var")
_SEEN_IN_CONTAINERS = ("role", "image", "extraPortMappings", "extraMounts")


def differences(
    client: Any,
    cluster: Cluster,
    wanted: Mapping[str, Any],
    remembered: Mapping[str, Any] | None,
    nodes_declared: bool,
) -> list[str]:
    """``remembered`` is the configuration that the cluster was created from, None when somebody else created it.

    Then ports and mounts count only if nodes are declared, and the rest, which can't be seen, does not.
    """
    found = []
    expected = node_names(cluster.name, wanted["nodes"])
    for role in _kind_config.ROLES:
        has = sum(node.role == role for node in cluster.nodes)
        should = sum(node["role"] == role for node in wanted["nodes"])
        if has != should:
            found.append(f"it has {_count(has, role)}, {should} declared")
    images: dict[str, str] = {}
    for node in cluster.nodes:
        if node.name not in expected:
            continue
        declared = expected[node.name]
        found += _image(client, node, declared.get("image"), images)
        if nodes_declared or remembered is not None:
            found += _ports(node, declared.get("extraPortMappings") or [])
            found += _mounts(node, declared.get("extraMounts") or [])
    if remembered is not None:
        found += _rest(cluster.name, remembered, wanted)
    return found


def node_names(cluster: str, nodes: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The nodes by the names that kind gives them."""
    counts: dict[str, int] = {}
    named = {}
    for node in nodes:
        role = node["role"]
        counts[role] = counts.get(role, 0) + 1
        named[f"{cluster}-{role}{counts[role] if counts[role] > 1 else ''}"] = node
    return named


def _count(number: int, role: str) -> str:
    return f"{number} {role.replace('-', ' ')}{'' if number == 1 else 's'}"


def _image(client: Any, node: Node, wanted: str | None, images: dict[str, str]) -> list[str]:
    has = str(node.container.attrs.get("Image") or "")
    if not wanted or has == wanted:
        return []
    if wanted not in images:
        images[wanted] = _cluster.image_id(client, wanted)
    if images[wanted] and images[wanted] == node.container.attrs.get("ImageID"):
        return []
    return [f"{node.name} has the image {has}, declared is {wanted}"]


def _ports(node: Node, wanted: list[dict[str, Any]]) -> list[str]:
    if not node.running:
        return []
    has = {
        (str(port.get("IP") or ""), int(port["PublicPort"]), int(port["PrivatePort"]), str(port.get("Type")).lower())
        for port in node.container.attrs.get("Ports") or []
        if port.get("PublicPort") and not (node.role == "control-plane" and port["PrivatePort"] == _API_PORT)
    }
    # Docker shows a port that is published on every address once more for IPv6
    has = {port for port in has if port[0] != "::" or ("0.0.0.0", *port[1:]) not in has}
    found = []
    for mapping in wanted:
        container, host = int(mapping["containerPort"]), int(mapping.get("hostPort") or 0)
        address = str(mapping.get("listenAddress") or "")
        protocol = str(mapping.get("protocol") or "TCP").lower()
        match = next(
            (
                port
                for port in sorted(has)
                if port[2:] == (container, protocol)
                and (host <= 0 or port[1] == host)
                and (port[0] == address or (not address and port[0] in ("0.0.0.0", "::", "")))
            ),
            None,
        )
        if match is None:
            shown = f"{address + ':' if address else ''}{host if host > 0 else 'any port'}"
            found.append(f"{node.name} does not publish its port {container}/{protocol} as {shown}")
        else:
            has.discard(match)
    found += [
        f"{node.name} publishes its port {container}/{protocol} as {address}:{host}, which is not declared"
        for address, host, container, protocol in sorted(has)
    ]
    return found


def _mounts(node: Node, wanted: list[dict[str, Any]]) -> list[str]:
    has = {
        str(mount.get("Destination")): (_host_path(str(mount.get("Source") or "")), not mount.get("RW", True))
        for mount in node.container.attrs.get("Mounts") or []
        if mount.get("Type") == "bind" and mount.get("Destination") not in _OWN_MOUNTS
    }
    found = []
    for mount in wanted:
        path, source, read_only = str(mount["containerPath"]), str(mount["hostPath"]), bool(mount.get("readOnly"))
        actual = has.pop(path, None)
        # a relative path is relative to the folder in which kind ran
        if (
            actual is None
            or actual[1] != read_only
            or (os.path.isabs(source) and actual[0] != os.path.normpath(source))
        ):
            found.append(f"{node.name} does not have {source} mounted at {path}{' read-only' if read_only else ''}")
    found += [
        f"{node.name} has {source} mounted at {path}, which is not declared"
        for path, (source, _ro) in sorted(has.items())
    ]
    return found


def _host_path(path: str) -> str:
    # Docker Desktop shows the host's folders below this one
    return path[len("/host_mnt") :] if path.startswith("/host_mnt/") else path


def _rest(name: str, remembered: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    # values may be secrets, so only keys are told
    before, after = _kind_config.without_nodes(remembered), _kind_config.without_nodes(wanted)
    found = [
        f"{key} is another than it was created with"
        for key in sorted({*before, *after})
        if (before.get(key) or None) != (after.get(key) or None)
    ]
    had = node_names(name, remembered.get("nodes") or [])
    for node, declared in node_names(name, wanted["nodes"]).items():
        old = had.get(node)
        if old is None:
            continue
        keys = sorted(({*old, *declared}) - {*_SEEN_IN_CONTAINERS})
        found += [
            f"{node}'s {key} is another than it was created with" for key in keys if old.get(key) != declared.get(key)
        ]
    return found
