# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What nodes are told of caches that somebody else runs."""

from __future__ import annotations

from typing import Any, Callable

DOCUMENTATION = r"""
name: mirror_registries
version_added: 0.1.0
short_description: What nodes are told of caches that somebody else runs
description:
  - Turns mirrors that have an C(endpoint) into items for M(kubelocal.registry.containerd_hosts), the cache first and then the upstream.
  - The result holds the headers that open a cache, so tasks that use it need C(no_log) unless the module hides them itself.
author: kubelocal contributors (@kubelocal)
options:
  _input:
    description: The mirrors, each with an C(endpoint). A C(ca) that is a path is read on the controller.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Tell this machine of a cache that somebody else runs
  kubelocal.registry.containerd_hosts:
    registries: "{{ [{'host': 'docker.io', 'endpoint': 'https://cache.example:5000'}] | kubelocal.registry.mirror_registries }}"
"""

RETURN = r"""
_value:
  description: The items.
  type: list
  elements: dict
"""

from ansible.errors import AnsibleFilterError

from ansible_collections.kubelocal.registry.plugins.module_utils import _mirrors
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError


def mirror_registries(value: Any) -> list[dict[str, Any]]:
    try:
        mirrors = _mirrors.parse(value)
        ours = [mirror.host for mirror in mirrors if not mirror.external]
        if ours:
            raise ExpectedError(
                f"the mirror of {ours[0]} has no 'endpoint'; a cache of ours has to be asked where it is."
            )
        return [_mirrors.registry_item(mirror) for mirror in mirrors]
    except ExpectedError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"mirror_registries": mirror_registries}
