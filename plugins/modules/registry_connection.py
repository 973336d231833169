#!/usr/bin/python
# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: registry_connection
version_added: 0.1.0
short_description: Connect a cluster whose nodes are containers with a local registry
description:
  - Makes a registry and its mirrors reachable from every node and pod of a cluster by the names that people use, and lets the cluster tell
    where the registry is.
  - The registry's container joins the Docker network that the cluster really uses. Every node gets C(hosts.toml) files for
    V(localhost:PORT) and V(NAME:5000) and for the mirrors,
    with the certificate and credentials that the registry needs. The ConfigMap of KEP-1755 names the registry. Nodes behind a proxy reach it directly.
  - It is M(kubelocal.registry.cluster_info), M(kubelocal.registry.registry_mirrors_info), M(kubelocal.registry.containerd_hosts) and
    M(kubelocal.registry.registry_discovery) in one call,
    since each call costs more than what they do. A step that fails is reported and the others are still done, and the next run finishes what is missing.
author: kubelocal contributors (@kubelocal)
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - kubelocal.registry.docker
  - kubelocal.registry.mirrors
  - kubelocal.registry.readers
  - kubelocal.registry.attributes
  - kubelocal.registry.attributes.full
  - kubelocal.registry.attributes.both_groups
options:
  provider:
    description:
      - What made the cluster. V(existing) stands for the cluster of any kubeconfig context whose nodes are containers of the Docker Engine.
    type: str
    choices: [kind, k3d, existing]
    default: kind
  cluster_name:
    description:
      - Name of the cluster, as its tool knows it. Not needed with O(provider=existing).
    type: str
  registry_name:
    description:
      - Name of the registry's container. It has to be on the Docker Engine of the cluster's nodes.
    type: str
    required: true
  registry_ca:
    description:
      - Certificate authority that nodes trust for a registry with HTTPS, as PEM text, or as an absolute path that is already on the nodes.
      - When it is not set, nodes trust exactly the certificate that the registry shows.
      - The certificate has to be valid for O(registry_name), by which nodes reach the registry.
    type: str
  registry_username:
    description:
      - User that nodes pull as. Required for a registry with users.
    type: str
  registry_password:
    description:
      - Password of O(registry_username).
    type: str
  mirrors:
    default: []
  help:
    description:
      - URL of a page that helps, which tools show when a push fails.
    type: str
  node_agent:
    description:
      - Whether a small DaemonSet writes the same files on nodes that come later, and repairs edited ones. One that is there is removed when this is V(false).
      - It has no access to the API, no capabilities, and of the nodes' files only the folder of the C(hosts.toml) files.
      - containerd on a node that comes later has to be configured with C(config_path) from birth, as nodes of the kind role are. The agent can't do that.
    type: bool
    default: false
  node_agent_image:
    description:
      - Image of the agent, which needs C(sh) and the usual small programs. New nodes must be able to get it without the local registry.
    type: str
    default: docker.io/library/registry:3
  state:
    description:
      - V(present) connects. V(absent) takes back what this module did, whatever is left of it, unless somebody else needs it. The network
        and the registry stay.
    type: str
    choices: [present, absent]
    default: present
requirements:
  - "PyYAML >= 6.0"
  - "kubernetes >= 28.1.0"
seealso:
  - module: kubelocal.registry.containerd_hosts
  - module: kubelocal.registry.registry_discovery
"""

EXAMPLES = r"""
- name: Connect the kind cluster dev with the registry local-registry
  kubelocal.registry.registry_connection:
    cluster_name: dev
    registry_name: local-registry

- name: Connect any cluster of a kubeconfig, and pull from Docker Hub through a cache
  kubelocal.registry.registry_connection:
    provider: existing
    context: my-cluster
    registry_name: local-registry
    mirrors:
      - host: docker.io

- name: Disconnect
  kubelocal.registry.registry_connection:
    cluster_name: dev
    registry_name: local-registry
    state: absent
"""

RETURN = r"""
cluster:
  description:
    - The cluster, as in M(kubelocal.registry.cluster_info).
  returned: when it could be looked up
  type: dict
  sample:
    provider: kind
    name: dev
    exists: true
    network: kind
registry:
  description:
    - The registry as nodes and people reach it.
  returned: when it is there
  type: dict
  contains:
    name:
      description: Name of the container.
      type: str
      sample: local-registry
    host:
      description: Host to push to and for image names.
      type: str
      sample: localhost:5001
    host_from_cluster_network:
      description: Host for pods.
      type: str
      sample: local-registry:5000
    url:
      description: URL by which nodes and pods reach it.
      type: str
      sample: http://local-registry:5000
hosting:
  description:
    - What the ConfigMap says afterwards, with the keys of KEP-1755. In check mode, what it would say.
  returned: success
  type: dict
  sample:
    host: localhost:5001
    hostFromContainerRuntime: localhost:5001
    hostFromClusterNetwork: local-registry:5000
nodes:
  description:
    - What came of each node, by its name, as in M(kubelocal.registry.containerd_hosts).
  returned: success
  type: dict
  sample:
    dev-control-plane:
      changed: true
      restarted: false
actions:
  description:
    - What was done, one sentence each. In check mode, what would be done.
  returned: always
  type: list
  elements: str
  sample: ["Joined local-registry to the network kind."]
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.kubelocal.registry.plugins.module_utils import (
    _access,
    _cluster,
    _connection,
    _discovery,
    _docker,
    _mirrors,
    _node_agent,
    _options,
)
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._kubernetes_connect import (
    KUBERNETES_OPTIONS,
    show_path,
)


def main() -> None:
    spec: dict[str, Any] = {
        **_docker.DOCKER_OPTIONS,
        **KUBERNETES_OPTIONS,
        "provider": {"type": "str", "choices": list(_cluster.PROVIDERS), "default": "kind"},
        "cluster_name": {"type": "str"},
        "registry_name": {"type": "str", "required": True},
        **_access.OPTIONS,
        "mirrors": {"type": "list", "elements": "dict", "options": _mirrors.OPTIONS, "default": []},
        "help": {"type": "str"},
        "readers": _discovery.READERS,
        "node_agent": {"type": "bool", "default": False},
        "node_agent_image": {"type": "str", "default": _node_agent.DEFAULT_IMAGE},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    }
    module = AnsibleModule(
        spec,
        supports_check_mode=True,
        required_if=[("provider", "kind", ["cluster_name"]), ("provider", "k3d", ["cluster_name"])],
        required_together=_access.TOGETHER,
        # the mirrors' headers are secret, but Ansible would hide what they hold everywhere
        no_log=True,
    )
    _options.check(
        module,
        {
            "mirrors.image": "image",
            "mirrors.username": "user",
            "mirrors.password": "secret",
            "cluster_name": "text",
            "registry_name": "container",
            "registry_ca": "pem",
            "node_agent_image": "image",
        },
    )
    show_path(module)
    for name, error in (("docker", _docker.DOCKER_IMPORT_ERROR), ("PyYAML", _discovery.YAML_IMPORT_ERROR)):
        if error is not None:
            module.fail_json(msg=missing_required_lib(name), exception=error, actions=[])
    params = module.params
    answer: dict[str, Any] = {"invocation": {"module_args": {**params, "mirrors": _mirrors.hidden(params["mirrors"])}}}
    answer["invocation"]["module_args"]["registry_password"] = params["registry_password"] and "hidden"
    try:
        request = _connection.request_from(params)
        client = _docker.connect(params["docker_host"], params["docker_timeout"])
        step = _connection.connect if params["state"] == "present" else _connection.disconnect
        result = step(client, request, module.check_mode)
    except ExpectedError as error:
        module.fail_json(msg=str(error), actions=error.actions, changed=bool(error.actions), **answer)
    answer.update(
        changed=result.changed,
        actions=result.actions,
        cluster=result.cluster.as_result() if result.cluster else None,
        registry=result.registry,
        hosting=result.hosting,
        nodes=result.nodes,
    )
    if module._diff:
        answer["diff"] = result.diff
    if result.failures:
        module.fail_json(msg=" ".join(result.failures), **answer)
    module.exit_json(**answer)


if __name__ == "__main__":
    main()
