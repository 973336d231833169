#!/usr/bin/python
# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: k3d_cluster
short_description: Create, repair and delete a k3d cluster
version_added: 0.1.0
author:
  - kubelocal contributors (@kubelocal)
description:
  - Makes sure that a k3d cluster exists and works. That is, its nodes run and are ready, pods can be made, and the kubeconfig leads to it.
  - An existing cluster is never deleted to change it. Agents that are missing are added. What else differs from the declaration is told with
    the command that would change it. A cluster that somebody else made is taken as it is.
  - C(k3d cluster create) goes on when a play is killed, and the next run waits for it. What such a run left half made, with a server that
    never came up and nobody creating it any more, is deleted and made anew.
options:
  name:
    description:
      - Name of the cluster. Lower case letters, digits and V(-), at most 32 characters.
  servers:
    description:
      - Number of servers (control planes).
    type: int
    default: 1
  agents:
    description:
      - Number of agents (workers). Missing ones are added to an existing cluster. More than declared is a difference.
    type: int
    default: 0
  image:
    description:
      - Image of the nodes, such as V(rancher/k3s:v1.34.1-k3s1). k3d's own default if not set.
    type: str
  ports:
    description:
      - Ports to publish, as C(k3d cluster create --port) takes them, such as V(8080:80@loadbalancer).
    type: list
    elements: str
    default: []
  registries:
    description:
      - The text of the C(registries.yaml) that every node has from the start. It only counts when the cluster is created.
        P(kubelocal.registry.containerd_hosts#module) with V(layout=k3s) keeps it right afterwards.
    type: str
  join:
    description:
      - Names of containers, such as a registry and its caches, that are put on the cluster's network as soon as k3d has made it, so that
        O(registries) works for the first images that the nodes pull. It only counts when the cluster is created.
      - Containers that are not there are left out.
    type: list
    elements: str
    default: []
  config:
    description:
      - A k3d configuration (C(k3d.io/v1alpha5), kind C(Simple)) that is merged into the generated one. Dictionaries are merged deeply, and
        lists are appended to ours. The number of nodes is set by O(servers) and O(agents).
  no_proxy:
    description:
      - Names that the nodes must not reach through a proxy, such as the registry's. They are added to E(NO_PROXY) of the nodes for which V(env)
        in O(config) names a proxy.
  executable:
    default: k3d
requirements:
  - k3d >= 5.6
extends_documentation_fragment:
  - kubelocal.registry.docker
  - kubelocal.registry.managed_cluster
  - kubelocal.registry.attributes
  - kubelocal.registry.attributes.full
  - kubelocal.registry.attributes.docker_group
seealso:
  - module: kubelocal.registry.cluster_info
"""

EXAMPLES = r"""
- name: A cluster with two agents whose port 80 is the host's port 8080
  kubelocal.registry.k3d_cluster:
    name: dev
    agents: 2
    ports:
      - 8080:80@loadbalancer

- name: A cluster that finds a registry from the start, without Traefik
  kubelocal.registry.k3d_cluster:
    name: dev
    registries: |
      mirrors:
        "localhost:5001":
          endpoint:
            - http://local-registry:5000
    config:
      options:
        k3s:
          extraArgs:
            - arg: --disable=traefik
              nodeFilters: [server:*]

- name: Delete a cluster
  kubelocal.registry.k3d_cluster:
    name: dev
    state: absent
"""

RETURN = r"""
cluster:
  description: The cluster as RV(kubelocal.registry.cluster_info#module:cluster) describes it.
  returned: success
  type: dict
  sample:
    provider: k3d
    name: dev
    exists: true
    complete: true
    nodes:
      - name: k3d-dev-server-0
        role: control-plane
        running: true
        status: running
        address: 172.19.0.2
    network: k3d-dev
    context: k3d-dev
    kubeconfig: /home/me/.kube/config
    reason: ""
actions:
  description: What was done, or would be done in check mode, one sentence each.
  returned: always
  type: list
  elements: str
  sample:
    - Create the k3d cluster 'dev' with 3 nodes.
differences:
  description: In what an existing cluster differs from the declaration.
  returned: success
  type: list
  elements: str
  sample:
    - it has 2 agents, 1 declared
pending:
  description: Whether the cluster is still being created, with O(wait=false) or O(progress_interval).
  returned: success
  type: bool
  sample: false
progress:
  description: What k3d is doing at the moment. Empty unless RV(pending=true).
  returned: success
  type: str
  sample: Starting servers...
log:
  description: Path of the file that k3d's output went to when the cluster was created. Empty when there is none.
  returned: success
  type: str
  sample: /home/me/.cache/kubelocal.registry/k3d.dev.log
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kubelocal.registry.plugins.module_utils import _cluster_module, _options
from ansible_collections.kubelocal.registry.plugins.module_utils._k3d_tool import K3d

OPTIONS: dict[str, dict[str, Any]] = {
    "servers": {"type": "int", "default": 1},
    "agents": {"type": "int", "default": 0},
    "image": {"type": "str"},
    "ports": {"type": "list", "elements": "str", "default": []},
    # may hold passwords
    "registries": {"type": "str", "no_log": True},
    "join": {"type": "list", "elements": "str", "default": []},
}


def main() -> None:
    module = AnsibleModule(argument_spec=_cluster_module.argument_spec("k3d", OPTIONS), supports_check_mode=True)
    _options.check(
        module,
        {"kubeconfig": "path", "executable": "path", "registries": "lines", "no_proxy": "text", "join": "container"},
    )
    _cluster_module.answer(module, K3d, OPTIONS)


if __name__ == "__main__":
    main()
