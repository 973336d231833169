# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: what follows from the variables of the playbooks. It holds no secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_CONTEXTS = {"kind": "kind-", "k3d": "k3d-"}


def derived(values: Mapping[str, Any]) -> dict[str, Any]:
    """The facts by name; ``values`` are checked and converted."""
    has_mirrors, purges = bool(values.get("mirrors")), bool(values.get("mirrors_purge"))
    return {
        "context": context_of(values) or "",
        "has_mirrors": has_mirrors,
        # without mirrors only their purging is left to do; what was one of this cluster's is detached when it is connected
        "minds_caches": has_mirrors or purges,
        # all clusters of the host share them, so they stay unless told otherwise
        "removes_caches": has_mirrors and (purges or values.get("mirrors_state") == "absent"),
        "has_users": bool(values.get("registry_users")),
        "has_k3d_registries": bool(values.get("k3d_registries") or _k3d_registries(values.get("k3d_config"))),
    }


def context_of(variables: Mapping[str, Any]) -> str | None:
    """The kubeconfig context of the cluster, None for the current one."""
    given = variables.get("cluster_context")
    if given:
        return str(given)
    prefix = _CONTEXTS.get(str(variables.get("cluster_provider")))
    return None if prefix is None else f"{prefix}{variables.get('cluster_name')}"


def _k3d_registries(config: Mapping[str, Any] | None) -> Any:
    registries = (config or {}).get("registries")
    return registries.get("config") if isinstance(registries, dict) else None
