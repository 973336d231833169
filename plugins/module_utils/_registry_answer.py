# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: what the modules answer about a registry, as it is and as it would be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils import _registry_health, _registry_plan
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_observed import Observed, program_version
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_spec import Spec

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass
class Result:
    """What a run did, or in check mode would do. ``before`` and ``after`` are for the diff, without secrets."""

    changed: bool = False
    actions: list[str] = field(default_factory=list)
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    registry: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def describe(client: Any, observed: Observed, healthy: bool | None = None) -> dict[str, Any]:
    """A registry as the modules return it."""
    data, port = observed.data, observed.port
    inner = observed.inner_port
    return {
        "exists": True,
        "name": observed.name,
        "id": observed.id,
        "image": observed.image_reference,
        "version": program_version(observed),
        "status": observed.status,
        "host": host_of(*observed.bindings[0]) if port else None,
        "host_from_cluster_network": f"{observed.name}:{inner}",
        "port": port or None,
        "listen_address": observed.listen_address or None,
        "https": observed.https,
        "users": observed.users,
        "networks": sorted(observed.networks),
        "volume": data.name if data.kind == "volume" else None,
        "data": {"kind": data.kind, "name": data.name or None, "folder": data.folder or None},
        "restart_policy": observed.restart_policy,
        "healthy": _registry_health.healthy(client, observed) if healthy is None else healthy,
        "labels": dict(observed.labels),
        "managed": observed.managed,
    }


def host_of(address: str, port: int) -> str:
    """How people on the Docker's host write it."""
    if address in ("127.0.0.1", "0.0.0.0", "::", "::1"):
        return f"localhost:{port}"
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def to_be(spec: Spec, values: Mapping[str, Any]) -> dict[str, Any]:
    """In check mode: the answer about a registry that is yet to be made."""
    return {
        "exists": False, "name": spec.name, "id": None, "image": values["image"], "version": None, "status": "absent",
        "host": host_of(values["listen_address"], values["port"]) if values["port"] else None, "host_from_cluster_network": f"{spec.name}:5000",
        "port": values["port"] or None, "listen_address": values["listen_address"], "https": bool(spec.https), "users": bool(spec.users),
        "networks": sorted(spec.networks or ["bridge"]), "volume": values["volume"], "data": {"kind": "volume", "name": values["volume"], "folder": None},
        "restart_policy": values["restart_policy"], "healthy": False, "labels": dict(spec.labels or {}), "managed": True,
    }  # fmt: skip


def predicted(
    spec: Spec, values: Mapping[str, Any], observed: Observed, changes: list[_registry_plan.Change]
) -> dict[str, Any]:
    """In check mode: what the changed options would make of the answer."""
    changed = {change.option for change in changes}
    found: dict[str, Any] = {"name": spec.name}
    for option in ("image", "port", "listen_address", "restart_policy", "volume"):
        if option in changed:
            found[option] = values[option]
    if changed & {"port", "listen_address"}:
        found["host"] = host_of(values["listen_address"], values["port"]) if values["port"] else None
    if "networks" in changed:
        found["networks"] = sorted({*observed.networks, *(spec.networks or ())})
    if "users" in changed:
        found["users"] = bool(spec.users or spec.htpasswd)
    if "https" in changed:
        found["https"] = bool(spec.https)
    return found
