# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which roles the playbook down runs."""

from __future__ import annotations

from typing import Any, Callable

DOCUMENTATION = r"""
name: down_steps
version_added: 0.1.0
short_description: The roles of the playbook down
description:
  - Tells which roles the playbook C(kubelocal.registry.down) runs for a cluster, and from which of their task files.
  - What this collection did not create is only disconnected. A registry that somebody else uses stays.
author: kubelocal contributors (@kubelocal)
options:
  _input:
    description: What M(kubelocal.registry.validate) returns in C(variables).
    type: dict
    required: true
  others:
    description: Who else uses the registry, as M(kubelocal.registry.registry_clients_info) returns it in C(told).
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Tell what would run
  ansible.builtin.debug:
    msg: "{{ checked.variables | kubelocal.registry.down_steps(others=clients.told) }}"
"""

RETURN = r"""
_value:
  description: Pairs of a role's name and one of its task files, those for the cluster in C(cluster), those for what is beside it in C(beside).
  type: dict
  sample: {"cluster": [["kind", "main"]], "beside": [["registry", "main"]]}
"""

_CLUSTER = {"kind": "kind", "k3d": "k3d", "existing": "connect"}


def down_steps(value: dict[str, Any], others: list[str] | None = None) -> dict[str, list[list[str]]]:
    cluster = _CLUSTER.get(value["cluster_provider"])
    # the registry of machines has plays of its own
    goes = cluster is not None and not value["registry_persistent"] and not others
    beside = [*(["registry"] if goes else []), *(["mirrors"] if value["removes_caches"] else [])]
    return {"cluster": [[cluster, "main"]] if cluster else [], "beside": [[role, "main"] for role in beside]}


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"down_steps": down_steps}
