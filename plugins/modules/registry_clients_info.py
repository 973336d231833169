#!/usr/bin/python
# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: registry_clients_info
short_description: Find the clusters that use a registry
version_added: 0.1.0
author: "kubelocal contributors (@kubelocal)"
description:
  - Reads, on the nodes of every cluster of a Docker Engine, running or not, whether C(hosts.toml) or k3s' C(registries.yaml) names the
    registry's container.
  - With it a registry is kept as long as another cluster needs it.
options:
  registry_name:
    description: Name of the registry's container.
    type: str
    required: true
  except_provider:
    description: Provider of the cluster O(except_name).
    type: str
    choices: [kind, k3d, remote, existing]
  except_name:
    description: Name of a cluster that does not count, for example because it is about to be deleted.
    type: str
  except_nodes:
    description: Containers that do not count, for a cluster that has no labels.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - kubelocal.registry.attributes
  - kubelocal.registry.attributes.info
  - kubelocal.registry.attributes.docker_group
  - kubelocal.registry.docker
"""

EXAMPLES = r"""
- name: See who else uses the registry
  kubelocal.registry.registry_clients_info:
    registry_name: local-registry
    except_provider: kind
    except_name: dev
  register: others
"""

RETURN = r"""
clients:
  description: The clusters, and containers that belong to no cluster of a known kind (C(provider) is then V(container)).
  returned: success
  type: list
  elements: dict
  sample: [{"provider": "kind", "name": "other", "nodes": ["other-control-plane"]}]
told:
  description: The same for people.
  returned: success
  type: list
  elements: str
  sample: ["kind cluster 'other'"]
"""

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.kubelocal.registry.plugins.module_utils import _clients, _docker, _options
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **_docker.DOCKER_OPTIONS,
            "registry_name": {"type": "str", "required": True},
            "except_provider": {"type": "str", "choices": ["kind", "k3d", "remote", "existing"]},
            "except_name": {"type": "str"},
            "except_nodes": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    _options.check(module, {"registry_name": "container", "except_name": "text", "except_nodes": "container"})
    if _docker.DOCKER_IMPORT_ERROR is not None:
        module.fail_json(msg=missing_required_lib("docker"), exception=_docker.DOCKER_IMPORT_ERROR)
    options = module.params
    try:
        found = _clients.find(
            _docker.connect(options["docker_host"], options["docker_timeout"]), options["registry_name"]
        )
    except ExpectedError as error:
        module.fail_json(msg=str(error))
    clients = [
        client
        for client in found
        if (client.provider, client.name) != (options["except_provider"], options["except_name"])
        and not set(client.nodes) <= set(options["except_nodes"])
    ]
    told = [
        f"container '{client.name}'" if client.provider == "container" else f"{client.provider} cluster '{client.name}'"
        for client in clients
    ]
    module.exit_json(changed=False, clients=[vars(client) for client in clients], told=told)


if __name__ == "__main__":
    main()
