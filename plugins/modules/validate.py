# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: validate
short_description: Check the variables of the playbooks before anything is touched
version_added: 0.1.0
author: "kubelocal contributors (@kubelocal)"
description:
  - Checks every variable whose name begins with one of this collection's prefixes (C(cluster_), C(registry_), C(kind_), ...) and
    C(mirrors). It looks at types, ranges, choices, names, addresses and paths, and at pairs that contradict each other.
  - A variable with one of the prefixes that nothing reads is an error that names the nearest known one.
  - Booleans, integers, lists and mappings that were given as text (C(-e name=value)) are converted.
  - It is the first task of this collection's playbooks. What is wrong is told in one sentence each, with the variable, its value (never
    that of a secret) and what would be right.
notes:
  - Runs on the controller, in the process of Ansible itself.
options:
  variables:
    description:
      - The variables to check, by name.
      - By default all those that the host has.
    type: dict
extends_documentation_fragment:
  - kubelocal.registry.attributes
  - kubelocal.registry.attributes.info
"""

EXAMPLES = r"""
- name: Check this project's variables
  kubelocal.registry.validate:
  register: checked

- name: Check a few variables
  kubelocal.registry.validate:
    variables:
      cluster_name: dev
      registry_port: "5001"
"""

RETURN = r"""
variables:
  description:
    - The playbooks' own variables, converted, with their defaults. It holds no secrets, so C(mirrors) is left out.
    - C(context) is the cluster's kubeconfig context, empty for the current one.
    - C(has_mirrors), C(has_users) and C(has_k3d_registries) tell whether C(mirrors), C(registry_users) and what k3d's nodes are told of
      registries are set, C(minds_caches) and C(removes_caches) whether C(up) looks after caches and C(down) removes them.
  returned: success
  type: dict
  sample: {"cluster_name": "dev", "cluster_provider": "kind", "registry_port": 5001, "up_proof": true}
problems:
  description: What is wrong, one sentence each.
  returned: failure
  type: list
  elements: str
  sample: ["registry_port: 70000 is not a port; give a whole number from 1 to 65535."]
"""
