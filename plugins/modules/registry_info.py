#!/usr/bin/python
# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A registry container as it is."""

from __future__ import annotations

DOCUMENTATION = r"""
module: registry_info
short_description: Tell about a registry container
version_added: 0.1.0
author:
  - kubelocal contributors (@kubelocal)
description:
  - Tells what M(kubelocal.registry.registry_container) returns about a registry, without changing anything.
  - It does not matter which tool made the container.
extends_documentation_fragment:
  - kubelocal.registry.docker
  - kubelocal.registry.attributes
  - kubelocal.registry.attributes.info
  - kubelocal.registry.attributes.docker_group
options:
  name:
    description:
      - Name of the container.
    type: str
    required: true
requirements:
  - "PyYAML"
seealso:
  - module: kubelocal.registry.registry_container
"""

EXAMPLES = r"""
- name: Look at the local registry
  kubelocal.registry.registry_info:
    name: local-registry
  register: local
"""

RETURN = r"""
registry:
  description:
    - The registry, with the keys that M(kubelocal.registry.registry_container) returns.
    - Only RV(registry.name), RV(registry.exists) and RV(registry.renamed_to) when there is none.
  returned: success
  type: dict
  contains:
    name:
      description: Name of the container.
      type: str
      sample: local-registry
    exists:
      description: Whether there is such a container.
      type: bool
      sample: true
    renamed_to:
      description: Name that the container of this registry has now, when it was renamed behind our back.
      type: str
      sample: old-registry
    status:
      description: The Engine's word for its state.
      type: str
      sample: running
    host:
      description: Where to push from the Docker host, or nothing when no port is published.
      type: str
      sample: localhost:5001
    host_from_cluster_network:
      description: Where containers on its networks reach it.
      type: str
      sample: local-registry:5000
    port:
      description: Published port.
      type: int
      sample: 5001
    https:
      description: Whether it speaks HTTPS.
      type: bool
      sample: false
    users:
      description: Whether it asks for credentials.
      type: bool
      sample: false
    networks:
      description: Networks that it is on, sorted.
      type: list
      elements: str
      sample: [bridge, kind]
    healthy:
      description: Whether it answers.
      type: bool
      sample: true
"""

import copy

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.kubelocal.registry.plugins.module_utils import (
    _docker,
    _options,
    _registry_container,
    _registry_files,
)
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError


def main() -> None:
    module = AnsibleModule(
        argument_spec={"name": {"type": "str", "required": True}, **copy.deepcopy(_docker.DOCKER_OPTIONS)},
        supports_check_mode=True,
    )
    _options.check(module, {"name": "container"})
    for library, error in (("docker", _docker.DOCKER_IMPORT_ERROR), ("PyYAML", _registry_files.YAML_IMPORT_ERROR)):
        if error:
            module.fail_json(msg=missing_required_lib(library), exception=error)
    try:
        client = _docker.connect(module.params["docker_host"], module.params["docker_timeout"])
        registry = _registry_container.info(client, module.params["name"])
    except ExpectedError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, registry=registry)


if __name__ == "__main__":
    main()
