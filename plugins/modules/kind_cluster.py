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
  name:
    description:
      - Name of the cluster. Lower case letters, digits, V(-) and V(.), at most 50 characters.
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
  no_proxy:
    description:
      - Names that the nodes must not reach through a proxy, such as the registry's. They are added to E(NO_PROXY) in kind's environment when
        a cluster is created and the environment names a proxy.
  executable:
    default: kind
requirements:
  - kind >= 0.27
  - Docker's command line, which kind calls
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

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kubelocal.registry.plugins.module_utils import _cluster_module, _options
from ansible_collections.kubelocal.registry.plugins.module_utils._kind_tool import Kind

OPTIONS: dict[str, dict[str, Any]] = {
    "workers": {"type": "int", "default": 0},
    "image": {"type": "str"},
}


def main() -> None:
    module = AnsibleModule(argument_spec=_cluster_module.argument_spec("kind", OPTIONS), supports_check_mode=True)
    _options.check(module, {"kubeconfig": "path", "executable": "path", "no_proxy": "text"})
    _cluster_module.answer(module, Kind, OPTIONS)


if __name__ == "__main__":
    main()
