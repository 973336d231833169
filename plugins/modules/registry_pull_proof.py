#!/usr/bin/python
# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: registry_pull_proof
short_description: Prove that every node of a cluster pulls from a registry
version_added: 0.1.0
author: "kubelocal contributors (@kubelocal)"
description:
  - Pushes an image of a few bytes to the registry by its HTTP API, and has it pulled by the kubelet of every node. It needs no Docker
    Engine, so the registry may run anywhere.
  - The pods are named C(kubelocal-proof-...) in the namespace C(default), live for about a second and are removed again, also after a
    failure. Those of a run that was killed are removed by the next one. There is nothing to run in the image.
  - The image is deleted afterwards, if the registry allows deletion.
  - It fails when a node does not pull, with the node's name and the message of its kubelet.
options:
  registry:
    description: The registry's address with its port, as in V(registry.example.org:5000).
    type: str
    required: true
extends_documentation_fragment:
  - kubelocal.registry.attributes
  - kubelocal.registry.attributes.kubernetes_group
  - kubelocal.registry.proof
  - kubelocal.registry.registry_access
  - kubernetes.core.k8s_auth_options
seealso:
  - module: kubelocal.registry.registry_proof
"""

EXAMPLES = r"""
- name: Prove that every node pulls from the team's registry
  kubelocal.registry.registry_pull_proof:
    registry: registry.example.org:5000
    registry_username: team
    registry_password: "{{ vault_registry_password }}"
    registry_ca: /etc/kubelocal-registry/ca.crt
    kubeconfig: ~/.kube/config
"""

RETURN = r"""
proof:
  description: What was seen.
  returned: when it was tried
  type: dict
  contains:
    digest:
      description: Digest of the image that was pushed.
      type: str
      returned: always
      sample: sha256:0f1e2d3c4b5a69788796a5b4c3d2e1f00112233445566778899aabbccddeeff0
    fresh:
      description: Whether a layer was pushed that no node had. It always is.
      type: bool
      returned: always
      sample: true
    addresses:
      description:
        - Where the registry's address works. C(host) is the machine that the module ran on, C(manifest) the C(image) field of a pod on
          every node. C(pod) is not tried.
      type: list
      elements: dict
      returned: always
      sample: [{"address": "registry.example.org:5000", "host": true, "manifest": true, "pod": null}]
    nodes:
      description: By node, whether it pulled, and the kubelet's message.
      type: dict
      returned: always
      sample: {"node1": {"message": "", "pulled": true}}
problems:
  description: What did not work, one sentence each.
  returned: failure
  type: list
  elements: str
  sample:
    - "node 'node2' does not pull registry.example.org:5000/kubelocal/proof:pull-1a2b3c: 401 Unauthorized."
actions:
  description: What was done, one sentence each. In check mode, what would be done.
  returned: always
  type: list
  elements: str
  sample: ["Pushed kubelocal/proof to registry.example.org:5000 and pulled it on 2 nodes."]
"""

from typing import TYPE_CHECKING, Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kubelocal.registry.plugins.module_utils import (
    _access,
    _kubernetes_connect,
    _options,
    _proof_module,
    _proof_push,
    _pull_proof,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


def _prove(options: Mapping[str, Any]) -> _pull_proof.PullProof:
    registry = _proof_push.registry_at(options["registry"], _access.from_options(options))
    return _pull_proof.prove(_kubernetes_connect.connect(options), registry, options["registry"], options["timeout"])


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **_kubernetes_connect.KUBERNETES_OPTIONS,
            **_access.OPTIONS,
            **_proof_module.OPTIONS,
            "registry": {"type": "str", "required": True},
        },
        required_together=_access.TOGETHER,
        supports_check_mode=True,
    )
    _options.check(
        module,
        {
            "registry": "hostport",
            "registry_username": "user",
            "registry_password": "secret",
            "registry_ca": "pem",
            "timeout": "timeout",
        },
    )
    _proof_module.answer(module, _prove)


if __name__ == "__main__":
    main()
