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
  state:
    description:
      - V(present) creates the cluster when it is not there, starts it when it is stopped and unpauses paused nodes, writes its kubeconfig
        entry when that is missing or wrong, and waits until it works.
      - V(absent) deletes it and its kubeconfig entry.
    type: str
    choices:
      - present
      - absent
    default: present
  name:
    description:
      - Name of the cluster. Lower case letters, digits and V(-), at most 32 characters.
    type: str
    required: true
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
    type: dict
    default: {}
  kubeconfig:
    description:
      - Path of the kubeconfig file that the cluster's context is written into.
      - If not set, E(KUBECONFIG) tells, else it is C(~/.kube/config), as for k3d and kubectl.
    type: path
  on_difference:
    description:
      - What to do when an existing cluster differs from the declaration in its number of nodes, their images, or in
        the rest of the configuration that it was created from.
    type: str
    choices:
      - warn
      - fail
    default: warn
  wait:
    description:
      - Whether to wait until the cluster works. With V(false) a creation is only begun, and another call of this module waits for it.
    type: bool
    default: true
  wait_timeout:
    description:
      - Seconds to wait for C(k3d cluster create), and again for the cluster to work.
    type: int
    default: 600
  progress_interval:
    description:
      - Return with RV(pending=true) after so many seconds of waiting for a creation. V(0) waits without a word.
      - In a play this is taken care of, and progress is shown every 10 seconds unless another number is set.
    type: int
    default: 0
  no_proxy:
    description:
      - Names that the nodes must not reach through a proxy, such as the registry's. They are added to E(NO_PROXY) of the nodes for which V(env)
        in O(config) names a proxy.
    type: list
    elements: str
    default: []
  executable:
    description:
      - Name or path of the k3d program. It is only needed when something has to be done.
    type: path
    default: k3d
requirements:
  - k3d >= 5.6
  - PyYAML
extends_documentation_fragment:
  - kubelocal.registry.docker
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

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.kubelocal.registry.plugins.module_utils import _docker
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._k3d_tool import K3d
from ansible_collections.kubelocal.registry.plugins.module_utils._managed_cluster import (
    Declared,
    ManagedCluster,
    connect,
    difference_message,
)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "name": {"type": "str", "required": True},
            "servers": {"type": "int", "default": 1},
            "agents": {"type": "int", "default": 0},
            "image": {"type": "str"},
            "ports": {"type": "list", "elements": "str", "default": []},
            # may hold passwords
            "registries": {"type": "str", "no_log": True},
            "join": {"type": "list", "elements": "str", "default": []},
            "config": {"type": "dict", "default": {}},
            "kubeconfig": {"type": "path"},
            "on_difference": {"type": "str", "choices": ["warn", "fail"], "default": "warn"},
            "wait": {"type": "bool", "default": True},
            "wait_timeout": {"type": "int", "default": 600},
            "progress_interval": {"type": "int", "default": 0},
            "no_proxy": {"type": "list", "elements": "str", "default": []},
            "executable": {"type": "path", "default": "k3d"},
            **_docker.DOCKER_OPTIONS,
        },
        supports_check_mode=True,
    )
    if _docker.DOCKER_IMPORT_ERROR is not None:
        module.fail_json(msg=missing_required_lib("docker"), exception=_docker.DOCKER_IMPORT_ERROR)
    options = dict(module.params)
    state, timeout = options.pop("state"), options.pop("docker_timeout")
    own = {name: options.pop(name) for name in ("servers", "agents", "image", "ports", "registries", "join")}
    try:
        declared = Declared(**options)
        declared.check()
        tool = K3d(declared, **own)
        tool.wanted()
        client = connect(declared, timeout, module.check_mode)
        result = ManagedCluster(client, tool, declared, module.check_mode).run(state)
    except ExpectedError as error:
        module.fail_json(msg=str(error), changed=bool(error.actions), actions=error.actions)
    if result.differences:
        module.warn(difference_message(tool, declared.name, result.differences))
    answer = {
        "changed": result.changed,
        "cluster": result.cluster.as_result(),
        "actions": result.actions,
        "differences": result.differences,
        "pending": result.pending,
        "progress": result.progress,
        "log": result.log,
    }
    if module._diff:
        answer["diff"] = {"before": result.before, "after": result.after}
    module.exit_json(**answer)


if __name__ == "__main__":
    main()
