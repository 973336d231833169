#!/usr/bin/python
# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_info
short_description: Describe a Kubernetes cluster whose nodes are containers
version_added: 0.1.0
author:
  - kubelocal contributors (@kubelocal)
description:
  - Tells what exists of a cluster. That is its nodes and whether they run, the Docker network that they really are on, and how
    Kubernetes' API is reached.
  - For kind and k3d, Docker's labels tell, so that it works whatever state the cluster is in. For O(provider=existing), the Kubernetes
    API lists the nodes, and each is matched to the container of that name, host name or address.
options:
  provider:
    description:
      - What made the cluster.
      - V(existing) is any cluster that a kubeconfig context leads to and whose nodes are containers of the Docker Engine.
    type: str
    choices:
      - kind
      - k3d
      - existing
    default: kind
  name:
    description:
      - Name of the cluster, as the provider's tool knows it. Needed for kind and k3d, and only handed back for O(provider=existing).
    type: str
  kubeconfig:
    description:
      - Path of the kubeconfig file. If not set, E(K8S_AUTH_KUBECONFIG) or E(KUBECONFIG) tells, else it is C(~/.kube/config).
    type: path
notes:
  - The options for reaching the Kubernetes API are used with O(provider=existing) only. For kind and k3d, O(kubeconfig) and O(context) are
    just what RV(cluster.kubeconfig) and RV(cluster.context) tell.
extends_documentation_fragment:
  - kubelocal.registry.docker
  - kubernetes.core.k8s_auth_options
  - kubelocal.registry.attributes
  - kubelocal.registry.attributes.info
  - kubelocal.registry.attributes.docker_group
  - kubelocal.registry.attributes.kubernetes_group
attributes:
  action_group:
    membership:
      - kubelocal.registry.docker
      - kubelocal.registry.kubernetes
seealso:
  - module: kubelocal.registry.kind_cluster
  - module: kubelocal.registry.k3d_cluster
"""

EXAMPLES = r"""
- name: Look at the kind cluster 'dev'
  kubelocal.registry.cluster_info:
    name: dev
  register: dev

- name: Name the nodes that do not run
  ansible.builtin.debug:
    msg: "{{ dev.cluster.nodes | rejectattr('running') | map(attribute='name') | list }}"

- name: Look at a cluster that some other tool made
  kubelocal.registry.cluster_info:
    provider: existing
    context: minikube
"""

RETURN = r"""
cluster:
  description: What exists of the cluster.
  returned: success
  type: dict
  contains:
    provider:
      description: As given.
      type: str
      returned: always
      sample: kind
    name:
      description: As given.
      type: str
      returned: always
      sample: dev
    exists:
      description: Whether anything of the cluster is there. For V(existing), whether its API server answers.
      type: bool
      returned: always
      sample: true
    complete:
      description: Whether its control plane ever came up, that is whether its creation went beyond a half-made cluster.
      type: bool
      returned: always
      sample: true
    nodes:
      description: The cluster's nodes, the control planes first. Load balancers and other helpers are left out.
      type: list
      elements: dict
      returned: always
      contains:
        name:
          description: Name of the node's container. For a node that is no container, its name in Kubernetes.
          type: str
          returned: always
          sample: dev-control-plane
        role:
          description: V(control-plane) or V(worker). k3d's servers and agents are called so too.
          type: str
          returned: always
          sample: control-plane
        running:
          description: Whether the container runs and is not paused.
          type: bool
          returned: always
          sample: true
        status:
          description: Docker's word for the container's state, such as V(running), V(paused), V(exited). V(missing) when it is no container.
          type: str
          returned: always
          sample: running
        address:
          description: The node's address on RV(cluster.network). Empty when it does not run.
          type: str
          returned: always
          sample: 172.18.0.2
    network:
      description: Name of the Docker network that the nodes are on. Empty when there are none.
      type: str
      returned: always
      sample: kind
    context:
      description: Name of the kubeconfig context.
      type: str
      returned: always
      sample: kind-dev
    kubeconfig:
      description: Path of the kubeconfig file that has the context or would get it.
      type: str
      returned: always
      sample: /home/me/.kube/config
    reason:
      description: Why a cluster of the provider V(existing) is taken as not there. Empty otherwise.
      type: str
      returned: always
      sample: ""
"""

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.kubelocal.registry.plugins.module_utils import _cluster, _docker, _options
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._kubernetes_connect import KUBERNETES_OPTIONS


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "provider": {"type": "str", "choices": list(_cluster.PROVIDERS), "default": "kind"},
            "name": {"type": "str"},
            **_docker.DOCKER_OPTIONS,
            **KUBERNETES_OPTIONS,
            # a path is no secret, and is part of the answer
            "kubeconfig": {"type": "path", "no_log": False},
        },
        required_if=[("provider", "kind", ["name"]), ("provider", "k3d", ["name"])],
        supports_check_mode=True,
    )
    _options.check(module, {"name": "text"})
    if _docker.DOCKER_IMPORT_ERROR is not None:
        module.fail_json(msg=missing_required_lib("docker"), exception=_docker.DOCKER_IMPORT_ERROR)
    options = module.params
    try:
        client = _docker.connect(options["docker_host"], options["docker_timeout"])
        cluster = _cluster.find(
            client,
            options["provider"],
            options["name"] or "",
            options["kubeconfig"],
            options["context"],
            kubernetes={name: options[name] for name in KUBERNETES_OPTIONS},
        )
    except ExpectedError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, cluster=cluster.as_result())


if __name__ == "__main__":
    main()
