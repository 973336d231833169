# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A list of mirrors as people write it, as the modules take it."""

from __future__ import annotations

from typing import Any, Callable

DOCUMENTATION = r"""
name: mirror_items
version_added: 0.1.0
short_description: A list of mirrors as modules take it
description:
  - Turns a list whose items are registry hosts or dictionaries, as in the variable C(mirrors), into one of dictionaries.
  - An unknown key or a missing host is an error.
author: kubelocal contributors (@kubelocal)
options:
  _input:
    description: The list.
    type: list
    elements: raw
    required: true
  only:
    description: The keys that are wanted of each item, for what needs no more. By default all are.
    type: list
    elements: str
"""

EXAMPLES = r"""
- name: Keep the caches
  kubelocal.registry.registry_mirrors:
    mirrors: "{{ ['docker.io', {'host': 'quay.io', 'ttl': '168h'}] | kubelocal.registry.mirror_items }}"
  no_log: true
"""

RETURN = r"""
_value:
  description: Dictionaries with at least C(host).
  type: list
  elements: dict
"""

from ansible.errors import AnsibleFilterError

from ansible_collections.kubelocal.registry.plugins.module_utils import _mirrors
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError


def mirror_items(value: Any, only: list[str] | None = None) -> list[dict[str, Any]]:
    try:
        items = _mirrors.items_of(value)
        return items if only is None else [{key: item[key] for key in only if key in item} for item in items]
    except ExpectedError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"mirror_items": mirror_items}
