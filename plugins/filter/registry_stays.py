# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a registry that is to be absent stays all the same."""

from __future__ import annotations

from typing import Any, Callable

DOCUMENTATION = r"""
name: registry_stays
version_added: 0.1.0
short_description: Whether a registry that is to be absent stays all the same
description:
  - Tells whether the role P(kubelocal.registry.registry#role) leaves a registry running that is to be absent.
  - A registry can't both stay and lose its data, which is an error.
author: kubelocal contributors (@kubelocal)
options:
  _input:
    description: Whether it was asked to stay, as in C(registry_persistent).
    type: bool
    required: true
  purge:
    description: Whether its data are to be deleted, as in C(registry_purge).
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Remove the registry unless it is to stay
  kubelocal.registry.registry_container:
    name: local-registry
    state: absent
  when: not registry_persistent | kubelocal.registry.registry_stays(purge=registry_purge)
"""

RETURN = r"""
_value:
  description: Whether it stays.
  type: bool
"""

from ansible.errors import AnsibleFilterError
from ansible.module_utils.parsing.convert_bool import boolean


def registry_stays(value: Any, purge: Any = False) -> bool:
    stays = bool(boolean(value))
    if stays and boolean(purge):
        raise AnsibleFilterError("registry_persistent and registry_purge are both true; choose one of them.")
    return stays


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"registry_stays": registry_stays}
