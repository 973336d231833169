# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why the role workstation can't have a Docker Engine answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DOCUMENTATION = r"""
name: engine_obstacle
version_added: 0.1.0
short_description: Why a Docker Engine can't be made to answer
description:
  - Tells why the role P(kubelocal.registry.workstation#role) can't make a Docker Engine answer on a machine where none does, and what to do.
author: kubelocal contributors (@kubelocal)
options:
  _input:
    description: What M(kubelocal.registry.workstation_info) returns in C(workstation), of a machine on which no Engine answers.
    type: dict
    required: true
  source:
    description: Where the Engine may be had from, as in C(workstation_docker_source).
    type: str
    required: true
  packages:
    description: The packages that were named for it, as in C(workstation_docker_packages).
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Refuse what can't be mended
  ansible.builtin.fail:
    msg: "{{ obstacle }}"
  vars:
    obstacle: "{{ machine.workstation | kubelocal.registry.engine_obstacle(source='package') }}"
  when: obstacle | length > 0
"""

RETURN = r"""
_value:
  description: One sentence or two; empty if nothing is in the way.
  type: str
"""


def engine_obstacle(value: Mapping[str, Any], source: str, packages: Sequence[str] = ()) -> str:
    engine, system = value["engine"], value["system"]
    if source == "none":
        return f"workstation_docker_source is none, and {engine['reason']}"
    if not engine["local"]:
        return str(engine["reason"])
    if system["os"] == "darwin":
        return (
            "No Docker Engine answers, and on macOS it comes with Docker Desktop or colima. "
            "Start one of them ('open -a Docker', 'colima start'), then run this again."
        )
    if not engine["installed"] and not system["supported"] and not packages:
        return (
            f"There is no Docker Engine on this machine, and this role does not know how {system['name']} installs one; "
            f"it knows {value['supported_systems']}. Install it as your system's documentation says, or name its packages in "
            "workstation_docker_packages, then run this again."
        )
    return ""


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"engine_obstacle": engine_obstacle}
