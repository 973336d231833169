# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: report
short_description: Print the last words of a playbook for people
version_added: 0.1.0
author: "kubelocal contributors (@kubelocal)"
description:
  - Prints tables and commands to copy. It is the last task of this collection's playbooks.
  - C(up) gets the registry's addresses and what to type next, C(status) each link of the chain and what mends a broken one, C(down) what
    was removed and what was kept.
  - With O(playbook=status) it fails when something is wrong, after the table.
notes:
  - Runs on the controller, in the process of Ansible itself.
options:
  playbook:
    description: Which report to print.
    type: str
    required: true
    choices: [up, down, status]
  variables:
    description: What M(kubelocal.registry.validate) returned as RV(kubelocal.registry.validate#module:variables).
    type: dict
    default: {}
  proof:
    description: What M(kubelocal.registry.registry_proof) returned as RV(kubelocal.registry.registry_proof#module:proof), if it ran.
    type: dict
  registry:
    description:
      - The registry as M(kubelocal.registry.registry_container) returned it. Its C(host) and C(host_from_cluster_network) are shown when there
        is no O(proof).
    type: dict
  image:
    description: An image that the Docker Engine has, for the commands to copy.
    type: str
    default: docker.io/library/registry:3
  login:
    description: Whether the registry asks for a user and password.
    type: bool
    default: false
  status:
    description: What M(kubelocal.registry.registry_status) returned as RV(kubelocal.registry.registry_status#module:status).
    type: dict
  actions:
    description: What was done, one sentence each.
    type: list
    elements: str
    default: []
  kept:
    description: What was not removed and why, one sentence each.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - kubelocal.registry.attributes
  - kubelocal.registry.attributes.info
"""

EXAMPLES = r"""
- name: Show what the registry's addresses are
  kubelocal.registry.report:
    playbook: up
    variables: "{{ checked.variables }}"
    proof: "{{ proved.proof }}"
"""

RETURN = r"""
lines:
  description: What was printed.
  returned: success
  type: list
  elements: str
  sample:
    - "  address              host  manifest  pod"
    - "  localhost:5001       ok    ok        -"
    - "  local-registry:5000  -     ok        ok"
"""
