# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""In which order the playbook up runs its roles."""

from __future__ import annotations

from typing import Any, Callable

DOCUMENTATION = r"""
name: up_steps
version_added: 0.1.0
short_description: The roles of the playbook up, in their order
description:
  - Tells which roles the playbook C(kubelocal.registry.up) runs for a cluster, and from which of their task files.
  - The registry starts, and gets the proof's image, while kind's cluster is being created. The nodes of k3d know the registry and its
    caches from birth, so that these come first.
author: kubelocal contributors (@kubelocal)
options:
  _input:
    description: What M(kubelocal.registry.validate) returns in C(variables).
    type: dict
    required: true
  exists:
    description: Whether the cluster is there already.
    type: bool
    default: false
  proof:
    description: Whether the registry will have to prove that it works.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Tell what would run
  ansible.builtin.debug:
    msg: "{{ checked.variables | kubelocal.registry.up_steps(exists=true) }}"
"""

RETURN = r"""
_value:
  description: Pairs of a role's name and one of its task files, for example C([["kind", "main"], ["registry", "main"], ["connect", "main"]]).
  type: list
  elements: list
"""


def up_steps(value: dict[str, Any], exists: bool = False, proof: bool = False) -> list[list[str]]:
    provider = value["cluster_provider"]
    if provider == "remote":  # its machines have plays of their own
        return []
    containers = [["registry", "main"], *([["mirrors", "main"]] if value["minds_caches"] else [])]
    connected = [["connect", "main"]]
    if provider == "kind":
        if exists:
            return [["kind", "main"], *containers, *connected]
        pushed = [["connect", "push"]] if proof else []
        return [["kind", "start"], *containers, *pushed, ["kind", "finish"], *connected]
    if provider == "k3d":
        return [*containers, ["k3d", "main"], *connected]
    return [*containers, *connected]


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"up_steps": up_steps}
