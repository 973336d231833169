# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose name nodes use at a registry that has several users."""

from __future__ import annotations

import json
from typing import Any, Callable

DOCUMENTATION = r"""
name: first_user
version_added: 0.1.0
short_description: The first of a registry's users
description:
  - Gives the first user of C(registry_users), which nodes and proofs use where no other is named.
author: kubelocal contributors (@kubelocal)
options:
  _input:
    description: Passwords by user name, or such a dictionary as JSON text, as C(-e) passes it. Empty or V(null) is no user.
    type: raw
    required: true
"""

EXAMPLES = r"""
- name: Connect as the first user
  ansible.builtin.include_role:
    name: kubelocal.registry.connect
  vars:
    connect_registry_username: "{{ (registry_users | kubelocal.registry.first_user).username }}"
    connect_registry_password: "{{ (registry_users | kubelocal.registry.first_user).password }}"
"""

RETURN = r"""
_value:
  description: The keys C(username) and C(password); both are empty if there is no user.
  type: dict
"""


def first_user(value: Any) -> dict[str, str]:
    users = json.loads(value) if isinstance(value, str) and value.strip() else value
    for username, password in (users or {}).items():
        return {"username": username, "password": password}
    return {"username": "", "password": ""}


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"first_user": first_user}
