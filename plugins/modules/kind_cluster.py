#!/usr/bin/python
# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: kind_cluster
short_description: Create, repair and delete a kind cluster
version_added: 0.1.0
author:
  - kubelocal contributors (@kubelocal)
description:
  - Makes sure that a kind cluster exists and works. That is, its nodes run and are ready, pods can be made, and the kubeconfig leads to it.
  - An existing cluster is never deleted to change it. What differs from the declaration is told with the command that would change it.
    A cluster that somebody else made is taken as it is.
  - C(kind create) goes on when a play is killed, and the next run waits for it. What such a run left half made, with a control plane that
    never came up and nobody creating it any more, is deleted and made anew.
  - On every node containerd's C(config_path) is V(/etc/containerd/certs.d) from the start, so that P(kubelocal.registry.containerd_hosts#module)
    needs no restart.
options:
  state:
    description:
      - V(present) creates the cluster when it is not there, starts its stopped nodes and unpauses paused ones, writes its kubeconfig entry
        when that is missing or wrong, and waits until it works.
      - V(absent) deletes it and its kubeconfig entry.
    type: str
    choices:
      - present
      - absent
    default: present
  name:
    description:
      - Name of the cluster. Lower case letters, digits, V(-) and V(.), at most 50 characters.
    type: str
    required: true
  workers:
    description:
      - Number of workers beside the one control plane.
      - Can't be used together with V(nodes) in O(config).
    type: int
    default: 0
  image:
    description:
      - Image of the nodes. A node in O(config) that has an image of its own keeps that.
      - kind's own default if not set.
    type: str
  config:
    description:
      - A kind C(Cluster) configuration (C(kind.x-k8s.io/v1alpha4)) that is merged into the generated one. Dictionaries are merged deeply, and
        lists of patches are appended to ours.
      - C(containerdConfigPatches) that use containerd's legacy C(registry.mirrors) or C(registry.configs) are refused, since they exclude
        C(hosts.toml) files.
    type: dict
    default: {}
  kubeconfig:
    description:
      - Path of the kubeconfig file that the cluster's context is written into.
      - If not set, E(KUBECONFIG) tells, else it is C(~/.kube/config), as for kind and kubectl.
    type: path
  on_difference:
    description:
      - What to do when an existing cluster differs from the declaration in its number of nodes, their images, ports or mounts, or in
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
      - Seconds to wait for C(kind create), and again for the cluster to work.
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
      - Names that the nodes must not reach through a proxy, such as the registry's. They are added to E(NO_PROXY) in kind's environment when
        a cluster is created and the environment names a proxy.
    type: list
    elements: str
    default: []
  executable:
    description:
      - Name or path of the kind program. It is only needed when something has to be done.
    type: path
    default: kind
requirements:
  - kind >= 0.27
  - Docker's command line, which kind calls
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
- name: A cluster with one worker
  kubelocal.registry.kind_cluster:
    name: dev
    workers: 1

- name: A cluster whose port 80 is the host's port 8080
  kubelocal.registry.kind_cluster:
    name: web
    config:
      nodes:
        - role: control-plane
          extraPortMappings:
            - containerPort: 80
              hostPort: 8080
      networking:
        podSubnet: 10.20.0.0/16

- name: Delete a cluster
  kubelocal.registry.kind_cluster:
    name: dev
    state: absent
"""

RETURN = r"""
cluster:
  description: The cluster as RV(kubelocal.registry.cluster_info#module:cluster) describes it.
  returned: success
  type: dict
  sample:
    provider: kind
    name: dev
    exists: true
    complete: true
    nodes:
      - name: dev-control-plane
        role: control-plane
        running: true
        status: running
        address: 172.18.0.2
    network: kind
    context: kind-dev
    kubeconfig: /home/me/.kube/config
    reason: ""
actions:
  description: What was done, or would be done in check mode, one sentence each.
  returned: always
  type: list
  elements: str
  sample:
    - Create the kind cluster 'dev' with 2 nodes.
differences:
  description: In what an existing cluster differs from the declaration.
  returned: success
  type: list
  elements: str
  sample:
    - it has 1 worker, 2 declared
pending:
  description: Whether the cluster is still being created, with O(wait=false) or O(progress_interval).
  returned: success
  type: bool
  sample: false
progress:
  description: What kind is doing at the moment. Empty unless RV(pending=true).
  returned: success
  type: str
  sample: Starting control-plane
log:
  description: Path of the file that kind's output went to when the cluster was created. Empty when there is none.
  returned: success
  type: str
  sample: /home/me/.cache/kubelocal.registry/kind.dev.log
"""

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.kubelocal.registry.plugins.module_utils import _docker
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._kind_tool import Kind
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
            "workers": {"type": "int", "default": 0},
            "image": {"type": "str"},
            "config": {"type": "dict", "default": {}},
            "kubeconfig": {"type": "path"},
            "on_difference": {"type": "str", "choices": ["warn", "fail"], "default": "warn"},
            "wait": {"type": "bool", "default": True},
            "wait_timeout": {"type": "int", "default": 600},
            "progress_interval": {"type": "int", "default": 0},
            "no_proxy": {"type": "list", "elements": "str", "default": []},
            "executable": {"type": "path", "default": "kind"},
            **_docker.DOCKER_OPTIONS,
        },
        supports_check_mode=True,
    )
    if _docker.DOCKER_IMPORT_ERROR is not None:
        module.fail_json(msg=missing_required_lib("docker"), exception=_docker.DOCKER_IMPORT_ERROR)
    options = dict(module.params)
    state, timeout = options.pop("state"), options.pop("docker_timeout")
    workers, image = options.pop("workers"), options.pop("image")
    try:
        declared = Declared(**options)
        declared.check()
        tool = Kind(declared, workers, image)
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
