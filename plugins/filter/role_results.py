# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the roles of this collection did in a play."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DOCUMENTATION = r"""
name: role_results
version_added: 0.1.0
short_description: What the roles of this collection did in a play
description:
  - Sums up what the roles that a play ran have registered. A role that did not run did nothing.
author: kubelocal contributors (@kubelocal)
options:
  _input:
    description: The variables of the host.
    type: dict
    required: true
  roles:
    description: The roles to tell of.
    type: list
    elements: str
    choices: [kind, k3d, connect, registry, mirrors]
    default: [kind, k3d, connect, registry, mirrors]
"""

EXAMPLES = r"""
- name: Tell what was done
  ansible.builtin.debug:
    msg: "{{ (hostvars[inventory_hostname] | kubelocal.registry.role_results).actions }}"
"""

RETURN = r"""
_value:
  description: Whether anything was changed, in C(changed), and what was done, in C(actions).
  type: dict
  sample: {"changed": true, "actions": ["Started the registry 'local-registry', which was stopped."]}
"""

_RESULTS = {
    "kind": "__kind_cluster",
    "k3d": "__k3d_cluster",
    "connect": "__connect_result",
    "registry": "__registry_result",
    "mirrors": "__mirrors_result",
}


def role_results(value: Mapping[str, Any], roles: Sequence[str] = tuple(_RESULTS)) -> dict[str, Any]:
    results = [value.get(_RESULTS[role]) or {} for role in roles]
    return {
        "changed": any(result.get("changed") for result in results),
        "actions": [action for result in results for action in result.get("actions") or []],
    }


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"role_results": role_results}
