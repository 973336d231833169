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
  - Pushes a small image (the one that the registry itself runs from) through the Docker Engine, and has it pulled by the kubelet of every
    node, by each of the registry's addresses. A pod on every node also looks whether it reaches the registry.
  - The pods are named C(kubelocal-proof-...) in the namespace C(default), live for about a second and are removed again, also after a
    failure. Those of a run that was killed are removed by the next one.
  - The image stays in the registry as C(kubelocal/proof:1), so that the next proof has nothing to upload.
  - It fails when a node does not pull, with the node's name and the message of its kubelet.
options:
  registry_name:
    description: Name of the registry's container.
    type: str
    default: local-registry
  registry_username:
    description: User of a registry that asks for one.
    type: str
  registry_password:
    description: Password of O(registry_username).
    type: str
  registry_ca:
    description: The authority that signed the registry's certificate, as PEM text or the path of a PEM file.
    type: str
  fresh:
    description:
      - Whether to push a layer that no node has yet, and delete it afterwards. A node that has an image's layers only asks the registry for
        its manifest; after a repair the layers too should be seen to come through.
      - It is ignored where the registry's port can't be reached from here, as with a Docker Engine on another machine.
    type: bool
    default: false
  timeout:
    description: Seconds within which all nodes have to pull.
    type: int
    default: 120
extends_documentation_fragment:
  - kubelocal.registry.attributes
  - kubelocal.registry.attributes.both_groups
  - kubelocal.registry.docker
  - kubernetes.core.k8s_auth_options
attributes:
  check_mode:
    support: full
    details: In check mode nothing is pushed and no pod is made.
  diff_mode:
    support: none
    details: It never counts as a change, so there is nothing to show.
  idempotent:
    support: full
    details: It never counts as a change.
requirements:
  - "docker >= 7.0.0 (the Docker SDK for Python)"
"""

EXAMPLES = r"""
- name: Prove that every node pulls from the local registry
  kubelocal.registry.registry_proof:
    context: kind-dev

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
"""

import signal
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.kubelocal.registry.plugins.module_utils import _docker, _kubernetes, _proof
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._proof_push import Access
from ansible_collections.kubelocal.registry.plugins.module_utils._secrets import pem_text


def _run(options: dict[str, Any]) -> _proof.Proof:
    access = Access(options["registry_username"], options["registry_password"], pem_text(options["registry_ca"]))
    engine = _docker.connect(options["docker_host"], options["docker_timeout"])
    client = _kubernetes.connect(options)
    return _proof.prove(engine, client, options["registry_name"], access, options["fresh"], options["timeout"])


def _end(*_arguments: object) -> None:
    """Unwind, so that what is to be cleaned up is."""
    raise SystemExit(1)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **_kubernetes.KUBERNETES_OPTIONS,
            **_docker.DOCKER_OPTIONS,
            "registry_name": {"type": "str", "default": "local-registry"},
            "registry_username": {"type": "str"},
            "registry_password": {"type": "str", "no_log": True},
            "registry_ca": {"type": "str"},
            "fresh": {"type": "bool", "default": False},
            "timeout": {"type": "int", "default": 120},
        },
        required_together=[("registry_username", "registry_password")],
        supports_check_mode=True,
    )
    if _docker.DOCKER_IMPORT_ERROR is not None:
        module.fail_json(msg=missing_required_lib("docker"), exception=_docker.DOCKER_IMPORT_ERROR)
    if module.params["timeout"] < 1:
        module.fail_json(msg=f"timeout is {module.params['timeout']}; give at least 1 second.")
    if module.check_mode:
        module.exit_json(changed=False, actions=["Would push a small image and have every node pull it."])
    # so that the pods are removed when this is ended
    signal.signal(signal.SIGTERM, _end)
    try:
        proof = _run(module.params)
    except ExpectedError as error:
        module.fail_json(msg=str(error), problems=[str(error)])
    if proof.problems:
        module.fail_json(msg=" ".join(proof.problems), problems=proof.problems, proof=proof.as_result())
    module.exit_json(
        changed=False,
        proof=proof.as_result(),
        actions=[f"Pushed kubelocal/proof to {proof.place.host} and pulled it on {len(proof.nodes)} nodes."],
    )


if __name__ == "__main__":
    main()
