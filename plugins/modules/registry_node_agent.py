#!/usr/bin/python
# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: registry_node_agent
version_added: 0.1.0
short_description: Keep hosts.toml files on nodes that are added to a cluster later
description:
  - Keeps a small DaemonSet in a cluster, in a namespace of its own. Within seconds it writes the C(hosts.toml) files on every node, on those
    that are added later too, and repairs edited ones.
  - It may do no more than that takes. It has no access to the API, no capability, and of the nodes' files only O(certs_dir).
  - What nodes are told lies in a Secret, since it can hold credentials.
  - containerd on a new node has to be configured to look into O(certs_dir); the agent does not restart it.
author: kubelocal contributors (@kubelocal)
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - kubelocal.registry.attributes
  - kubelocal.registry.attributes.full
  - kubelocal.registry.attributes.kubernetes_group
options:
  registries:
    description:
      - What nodes are told, as O(kubelocal.registry.containerd_hosts#module:registries).
    type: list
    elements: dict
    default: []
  certs_dir:
    description:
      - The folder of the C(hosts.toml) files on the nodes.
    type: path
    default: /etc/containerd/certs.d
  image:
    description:
      - Image of the agent. It needs C(sh), and new nodes must be able to get it before they know of the registry.
    type: str
    default: docker.io/library/registry:3
  wait:
    description:
      - Wait until the agent runs on every node.
    type: bool
    default: true
  state:
    description:
      - V(present) has it in the cluster, V(absent) removes it. The files on the nodes stay.
    type: str
    choices: [present, absent]
    default: present
seealso:
  - module: kubelocal.registry.registry_connection
  - module: kubelocal.registry.containerd_hosts
"""

EXAMPLES = r"""
- name: Tell nodes that come later where the team's registry is
  kubelocal.registry.registry_node_agent:
    context: team
    registries:
      - host: registry.example:5000
        server: https://registry.example:5000
        endpoints:
          - url: https://registry.example:5000
            ca: "{{ lookup('ansible.builtin.file', 'ca.crt') }}"

- name: Remove it
  kubelocal.registry.registry_node_agent:
    context: team
    state: absent
"""

RETURN = r"""
actions:
  description: What was done, or in check mode would be done, one sentence each.
  returned: always
  type: list
  elements: str
  sample: ["Created the DaemonSet node-agent of the node agent."]
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kubelocal.registry.plugins.module_utils import _node_agent, _options
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._kubernetes_connect import (
    KUBERNETES_OPTIONS,
    connect,
    show_path,
)


def main() -> None:
    spec: dict[str, Any] = {
        **KUBERNETES_OPTIONS,
        "registries": {"type": "list", "elements": "dict", "default": []},
        "certs_dir": {"type": "path", "default": "/etc/containerd/certs.d"},
        "image": {"type": "str", "default": _node_agent.DEFAULT_IMAGE},
        "wait": {"type": "bool", "default": True},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    }
    # headers are secret, but Ansible would hide what they hold everywhere
    module = AnsibleModule(spec, supports_check_mode=True, no_log=True)
    _options.check(module, {"certs_dir": "path", "image": "image"})
    show_path(module)
    params = module.params
    shown = {**params, "registries": [item.get("host") for item in params["registries"]]}
    answer: dict[str, Any] = {"invocation": {"module_args": shown}}
    wanted = params["registries"] if params["state"] == "present" else None
    try:
        client = connect(params)
        actions = _node_agent.ensure(client, wanted, params["image"], params["certs_dir"], module.check_mode)
        if wanted is not None and params["wait"] and not module.check_mode:
            _node_agent.wait_ready(client, params["image"])
    except ExpectedError as error:
        module.fail_json(msg=str(error), actions=error.actions, changed=bool(error.actions), **answer)
    if module._diff:
        answer["diff"] = {"before": "", "after": "".join(f"{action}\n" for action in actions)}
    module.exit_json(changed=bool(actions), actions=actions, **answer)


if __name__ == "__main__":
    main()
