#!/usr/bin/python
# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: preflight
short_description: Check what a cluster and its registry need, before anything is made
version_added: 0.1.0
author: "kubelocal contributors (@kubelocal)"
description:
  - Looks at the Docker Engine and its API version, the cluster's tool and its version, the registry's port, the disk and the kubeconfig,
    and tells all that is wrong at once.
  - In check mode what is missing is a warning, so that a check of a whole playbook goes on.
options:
  provider:
    description: What makes the cluster.
    type: str
    choices: [kind, k3d, remote, existing]
    default: kind
  name:
    description: Name of the cluster.
    type: str
    default: dev
  registry_name:
    description: Name of the registry's container. It may hold O(registry_port) already.
    type: str
    default: local-registry
  registry_port:
    description:
      - Port that the registry is to have on the host. With V(0) no port is looked at.
      - If it is not set, a registry that exists keeps its own, and a new one gets 5001.
    type: int
  registry_listen_address:
    description: Address that the port is to be published at.
    type: str
    default: 127.0.0.1
  executable:
    description: The cluster's tool, as a name or a path. By default it is called as O(provider) is.
    type: str
  bin_dir:
    description: Folder in which tools are looked for when they are not on E(PATH).
    type: path
  config:
    description:
      - A k3d configuration that the k3d that is installed is asked about, if the cluster is yet to be made. Only used with O(provider=k3d).
    type: dict
    default: {}
  quiet:
    description: Whether to leave out warnings about what only people need.
    type: bool
    default: false
extends_documentation_fragment:
  - kubelocal.registry.attributes
  - kubelocal.registry.attributes.info
  - kubelocal.registry.attributes.both_groups
  - kubelocal.registry.docker
  - kubernetes.core.k8s_auth_options
"""

EXAMPLES = r"""
- name: Check that a kind cluster with a registry can be made
  kubelocal.registry.preflight:
    provider: kind
    name: dev
    registry_port: 5001
"""

RETURN = r"""
ready:
  description: Whether there is all that is needed. V(false) is returned in check mode only; otherwise that is a failure.
  returned: always
  type: bool
  sample: true
cluster_exists:
  description: Whether the cluster is there, in whatever state.
  returned: always
  type: bool
  sample: false
problems:
  description: What is missing, one sentence each.
  returned: always
  type: list
  elements: str
  sample: []
facts:
  description: What was found.
  returned: always
  type: dict
  sample: {"disk_free": "53.1 GB", "engine_api": "1.41", "kind": "/usr/local/bin/kind", "kind_version": "0.31.0"}
"""

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.kubelocal.registry.plugins.module_utils import (
    _docker,
    _kubernetes_connect,
    _options,
    _preflight,
)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **_kubernetes_connect.KUBERNETES_OPTIONS,
            **_docker.DOCKER_OPTIONS,
            "provider": {"type": "str", "choices": ["kind", "k3d", "remote", "existing"], "default": "kind"},
            "name": {"type": "str", "default": "dev"},
            "registry_name": {"type": "str", "default": "local-registry"},
            "registry_port": {"type": "int"},
            "registry_listen_address": {"type": "str", "default": "127.0.0.1"},
            "executable": {"type": "str"},
            "bin_dir": {"type": "path"},
            "config": {"type": "dict", "default": {}},
            "quiet": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    _options.check(
        module,
        {
            "name": "text",
            "registry_name": "hostname",
            "registry_port": "port_or_none",
            "registry_listen_address": "address",
            "executable": "path",
            "bin_dir": "path",
        },
    )
    if _docker.DOCKER_IMPORT_ERROR is not None:
        module.fail_json(msg=missing_required_lib("docker"), exception=_docker.DOCKER_IMPORT_ERROR)
    found = _preflight.look(module.params)
    for warning in [*found.warnings, *(found.problems if module.check_mode else [])]:
        module.warn(warning)
    result = {
        "ready": not found.problems,
        "cluster_exists": found.cluster,
        "problems": found.problems,
        "facts": found.facts,
    }
    if found.problems and not module.check_mode:
        module.fail_json(msg=" ".join(found.problems), **result)
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
