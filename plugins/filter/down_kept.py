# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the playbook down leaves, in sentences."""

from __future__ import annotations

from typing import Any, Callable

DOCUMENTATION = r"""
name: down_kept
version_added: 0.1.0
short_description: What the playbook down leaves
description:
  - Tells in sentences what the playbook C(kubelocal.registry.down) leaves, and what would remove it.
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
- name: Tell what stays
  ansible.builtin.debug:
    msg: "{{ checked.variables | kubelocal.registry.down_kept(others=clients.told) }}"
"""

RETURN = r"""
_value:
  description: The sentences.
  type: list
  elements: str
"""


def down_kept(value: dict[str, Any], others: list[str] | None = None) -> list[str]:
    name, kept = value["registry_name"], []
    if others:
        kept.append(f"The registry {name} stays: {', '.join(others)} {'uses' if len(others) == 1 else 'use'} it.")
    elif value["registry_persistent"]:
        kept.append(f"The registry {name} stays, since registry_persistent is set.")
    if kept or not value["registry_purge"]:
        kept.append("Its images stay; registry_purge=true would delete them.")
    if value["has_mirrors"] and not value["removes_caches"]:
        kept.append("The caches of its mirrors stay; mirrors_purge=true would delete them.")
    return kept


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"down_kept": down_kept}
