# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can't work in what the role remote was told."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Callable

from ansible.errors import AnsibleFilterError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DOCUMENTATION = r"""
name: remote_problems
version_added: 0.1.0
short_description: What can't work in what the role remote was told
description:
  - For the role P(kubelocal.registry.remote#role), which asks before it touches anything. Gives one sentence for each problem, with the
    variable and its value, and none for a declaration that can work.
author: kubelocal contributors (@kubelocal)
options:
  _input:
    description:
      - What was declared, without secrets. C(address) and C(port) of the registry, C(managed) for whether it is run by the role, C(state),
        C(users) (names), C(pull_user), C(push_user), C(certificate) and C(key) for whether they are given, C(caches) for how many mirrors
        are run by the role, and C(mirrors_port).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Refuse what can not work
  ansible.builtin.assert:
    that: problems | length == 0
    fail_msg: "{{ problems | join(' ') }}"
  vars:
    problems: "{{ declared | kubelocal.registry.remote_problems }}"
"""

RETURN = r"""
_value:
  description: The problems.
  type: list
  elements: str
"""

_ADDRESS = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*")


def remote_problems(value: Mapping[str, Any]) -> list[str]:
    try:
        return list(_problems(value))
    except KeyError as error:
        raise AnsibleFilterError(f"kubelocal.registry.remote_problems: {error} is missing") from error


def _problems(value: Mapping[str, Any]) -> Iterator[str]:
    address, users = str(value["address"]), sorted(value["users"])
    if not _ADDRESS.fullmatch(address) or address in ("localhost", "127.0.0.1"):
        yield (
            f"remote_registry_address: '{address}' is not an address that other machines reach; "
            "give the registry's host name or IP address."
        )
    for name, port in (("remote_registry_port", value["port"]), ("remote_mirrors_port", value["mirrors_port"])):
        if not str(port).isdigit() or not 0 < int(port) < 65536:
            yield f"{name}: {port} is not a port; give a number from 1 to 65535."
    if value["state"] == "present" and value["managed"] and not users:
        yield "remote_users: is empty, and a registry that others reach needs users; give a dictionary of names and passwords."
    if users and not {value["pull_user"], value["push_user"]} <= set(users):
        yield f"remote_pull_user or remote_push_user: is not a user in remote_users; give one of {', '.join(users)}."
    if bool(value["certificate"]) != bool(value["key"]):
        yield (
            "remote_certificate and remote_key: one is given without the other; "
            "give both, or none for an own certificate authority."
        )
    if value["caches"] and not value["managed"]:
        yield (
            "remote_mirrors: there is no host to run caches on with remote_registry_managed=false; "
            "give each mirror an endpoint, or leave them out."
        )


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"remote_problems": remote_problems}
