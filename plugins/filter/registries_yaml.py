# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What k3s' nodes are told of a registry and its caches from birth."""

from __future__ import annotations

from typing import Any, Callable

DOCUMENTATION = r"""
name: registries_yaml
version_added: 0.1.0
short_description: The text of k3s' registries.yaml
description:
  - Makes the text of a C(registries.yaml) for nodes that are yet to be made, of what M(kubelocal.registry.registry_mirrors) and
    M(kubelocal.registry.registry_container) return.
  - What needs a certificate on the nodes is left out, since it can't be there yet. The role P(kubelocal.registry.connect#role) adds it.
author: kubelocal contributors (@kubelocal)
options:
  _input:
    description: Items as P(kubelocal.registry.registry_mirrors#module) returns them in C(registries).
    type: list
    elements: dict
    required: true
  registry:
    description:
      - A registry, as P(kubelocal.registry.registry_container#module) returns it in C(registry).
      - One with TLS or users is left out, since its nodes need more than this file to reach it.
    type: dict
"""

EXAMPLES = r"""
- name: A cluster whose nodes know the registry and its caches from birth
  kubelocal.registry.k3d_cluster:
    name: dev
    registries: "{{ caches.registries | kubelocal.registry.registries_yaml(registry=local.registry) }}"
    join: "{{ [local.registry.name] + caches.mirrors | map(attribute='name') | select }}"
"""

RETURN = r"""
_value:
  description: The text; empty if there is nothing to tell.
  type: str
"""

from ansible.errors import AnsibleFilterError

from ansible_collections.kubelocal.registry.plugins.module_utils import (
    _connection_items,
    _hosts_toml,
    _k3s_registries,
)
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError


def registries_yaml(value: list[dict[str, Any]], registry: dict[str, Any] | None = None) -> str:
    items = _registry_items(registry) if registry and _is_open(registry) else []
    try:
        return _k3s_registries.at_birth(_hosts_toml.parse(_connection_items.merged(items, value)))
    except ExpectedError as error:
        raise AnsibleFilterError(str(error)) from error


def _is_open(registry: dict[str, Any]) -> bool:
    # in check mode there may be none yet
    return bool(registry.get("host_from_cluster_network")) and not registry.get("https") and not registry.get("users")


def _registry_items(registry: dict[str, Any]) -> list[dict[str, Any]]:
    host, inner = str(registry.get("host") or ""), str(registry["host_from_cluster_network"])
    port = host.rpartition(":")[2]
    inner_port = inner.rpartition(":")[2]
    known = _connection_items.Registry(
        name=str(registry["name"]), host=host, port=int(port or 0), inner_port=int(inner_port)
    )
    return _connection_items.registry_items(known)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"registries_yaml": registries_yaml}
