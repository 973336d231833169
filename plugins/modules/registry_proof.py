#!/usr/bin/python
# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: registry_proof
short_description: Prove that a cluster's local registry works
version_added: 0.1.0
author: "kubelocal contributors (@kubelocal)"
description:
  - Pushes a small image through the Docker Engine, and has it pulled by the kubelet of every node, by each of the registry's addresses.
    A pod on every node also looks whether it reaches the registry.
  - The image is made of the busybox in the registry's own image, so that nothing has to be pulled for it. Where there is none that runs
    alone (static, or with musl's loader), it is the registry's image as a whole.
  - The pods are named C(kubelocal-proof-...) in the namespace C(default), live for about a second and are removed again, also after a
    failure. Those of a run that was killed are removed by the next one.
  - The image stays in the registry as C(kubelocal/proof:1), so that the next proof has nothing to upload.
  - It fails when a node does not pull, with the node's name and the message of its kubelet.
options:
  registry_name:
    description: Name of the registry's container.
    type: str
    default: local-registry
  fresh:
    description:
      - Whether to push a layer that no node has yet, and delete it afterwards. A node that has an image's layers only asks the registry for
        its manifest; after a repair the layers too should be seen to come through.
      - It is ignored where the registry's port can't be reached from here, as with a Docker Engine on another machine.
    type: bool
    default: false
  push:
    description:
      - Whether to push the image although the registry has it. V(false) is for a play that has pushed it before, by O(pull=false).
    type: bool
    default: true
  pull:
    description:
      - Whether the nodes have to pull it. V(false) only pushes and asks no cluster, which a play can do while its cluster is being created,
        so that the proof has nothing to upload any more.
    type: bool
    default: true
extends_documentation_fragment:
  - kubelocal.registry.attributes
  - kubelocal.registry.attributes.both_groups
  - kubelocal.registry.docker
  - kubelocal.registry.proof
  - kubelocal.registry.registry_access
  - kubernetes.core.k8s_auth_options
"""

EXAMPLES = r"""
- name: Prove that every node pulls from the local registry
  kubelocal.registry.registry_proof:
    context: kind-dev

- name: Push the image while the cluster is still being created
  kubelocal.registry.registry_proof:
    pull: false

- name: Prove it after a repair, for a registry with a password
  kubelocal.registry.registry_proof:
    context: kind-dev
    registry_name: team-registry
    registry_username: dev
    registry_password: "{{ vault_registry_password }}"
    fresh: true
"""

RETURN = r"""
proof:
  description: What was seen.
  returned: when it was tried
  type: dict
  contains:
    registry:
      description: Name of the registry's container.
      type: str
      returned: always
      sample: local-registry
    digest:
      description: Digest of the image that was pushed.
      type: str
      returned: always
      sample: sha256:0f1e2d3c4b5a69788796a5b4c3d2e1f00112233445566778899aabbccddeeff0
    fresh:
      description: Whether a layer was pushed that no node had.
      type: bool
      returned: always
      sample: false
    addresses:
      description:
        - Where each address works. C(host) is the machine with the Docker Engine, C(manifest) the C(image) field of a pod on every node,
          C(pod) the network of a pod. Null means that the address is not meant for it, or that it could not be tried.
      type: list
      elements: dict
      returned: always
      sample:
        - address: localhost:5001
          host: true
          manifest: true
          pod: null
        - address: local-registry:5000
          host: null
          manifest: true
          pod: true
    nodes:
      description: By node, whether it pulled, whether a pod on it reached the registry, and the kubelet's message.
      type: dict
      returned: always
      sample: {"dev-control-plane": {"message": "", "pulled": true, "reached": true}}
problems:
  description: What did not work, one sentence each.
  returned: failure
  type: list
  elements: str
  sample:
    - "node 'dev-worker' does not pull localhost:5001/kubelocal/proof:1: dial tcp [::1]:5001: connect: connection refused."
actions:
  description: What was done, one sentence each. In check mode, what would be done.
  returned: always
  type: list
  elements: str
  sample: ["Pushed kubelocal/proof to localhost:5001 and pulled it on 2 nodes."]
"""

from typing import TYPE_CHECKING, Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.kubelocal.registry.plugins.module_utils import (
    _access,
    _docker,
    _kubernetes_connect,
    _options,
    _proof,
    _proof_module,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


def _prove(options: Mapping[str, Any]) -> _proof.Proof:
    access = _access.from_options(options)
    engine = _docker.connect(options["docker_host"], options["docker_timeout"])
    if not options["pull"]:
        return _proof.push(engine, options["registry_name"], access)
    client = _kubernetes_connect.connect(options)
    name, fresh, again = options["registry_name"], options["fresh"], options["push"]
    return _proof.prove(engine, client, name, access, fresh, options["timeout"], again)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **_kubernetes_connect.KUBERNETES_OPTIONS,
            **_docker.DOCKER_OPTIONS,
            **_access.OPTIONS,
            **_proof_module.OPTIONS,
            "registry_name": {"type": "str", "default": "local-registry"},
            "fresh": {"type": "bool", "default": False},
            "push": {"type": "bool", "default": True},
            "pull": {"type": "bool", "default": True},
        },
        required_together=_access.TOGETHER,
        supports_check_mode=True,
    )
    _options.check(
        module,
        {
            "registry_name": "container",
            "registry_username": "user",
            "registry_password": "secret",
            "registry_ca": "pem",
            "timeout": "timeout",
        },
    )
    if not module.params["push"] and not module.params["pull"]:
        module.fail_json(
            msg="push and pull are both false, which leaves nothing to prove; leave one of them out.", actions=[]
        )
    if _docker.DOCKER_IMPORT_ERROR is not None:
        module.fail_json(msg=missing_required_lib("docker"), exception=_docker.DOCKER_IMPORT_ERROR)
    _proof_module.answer(module, _prove)


if __name__ == "__main__":
    main()
