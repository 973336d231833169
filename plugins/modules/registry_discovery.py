#!/usr/bin/python
# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: registry_discovery
version_added: 0.1.0
short_description: Tell developers' tools where a cluster's registry is (KEP-1755)
description:
  - Keeps the ConfigMap C(local-registry-hosting) in the namespace C(kube-public) as declared. Tilt, ctlptl, Skaffold and others read from
    it where to push images.
  - Every version of the document that is known here is written (V(localRegistryHosting.v1)); keys of versions that are not known are kept.
  - A malformed document is replaced, and so is one that another tool wrote and that says something else. One that says the same in other
    words is left as it is.
author: kubelocal contributors (@kubelocal)
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - kubelocal.registry.readers
  - kubelocal.registry.attributes
  - kubelocal.registry.attributes.full
  - kubelocal.registry.attributes.kubernetes_group
options:
  hosting:
    description:
      - Where the registry is. What is not set here is not in the ConfigMap afterwards.
      - It is a dictionary because O(host) is the API server's.
      - Required with O(state=present). With O(state=absent), the ConfigMap is removed only when all that is set here is what it says.
    type: dict
    suboptions:
      host:
        description:
          - Registry host, with its port, to push to from outside the cluster, as in V(localhost:5001).
        type: str
      host_from_container_runtime:
        description:
          - Registry host for image names in Kubernetes objects, as the nodes' container runtime knows it.
          - Readers take O(hosting.host) where it is not set. It can't stand alone.
        type: str
      host_from_cluster_network:
        description:
          - Registry host to push to from inside pods, as in V(local-registry:5000). Without it, tools assume that pods can't push.
        type: str
      help:
        description:
          - URL of a page that says how to set up or mend the registry. Tools show it when a push fails.
        type: str
  state:
    description:
      - V(present) makes the ConfigMap say what O(hosting) says.
      - V(absent) removes it, or only our keys when it holds others, and what O(readers) granted.
    type: str
    choices: [present, absent]
    default: present
notes:
  - A kubeconfig that holds a certificate or a token is used directly. For everything else (exec plugins, proxies, in-cluster) the
    Kubernetes client is loaded, which takes half a second more.
requirements:
  - "PyYAML >= 6.0"
  - "kubernetes >= 28.1.0"
seealso:
  - module: kubelocal.registry.registry_discovery_info
  - name: KEP-1755
    description: Communicating a local registry.
    link: https://github.com/kubernetes/enhancements/tree/master/keps/sig-cluster-lifecycle/generic/1755-communicating-a-local-registry
"""

EXAMPLES = r"""
- name: Tell where the registry is
  kubelocal.registry.registry_discovery:
    context: kind-dev
    hosting:
      host: localhost:5001
      host_from_cluster_network: local-registry:5000
      help: https://kind.sigs.k8s.io/docs/user/local-registry/

- name: Let a controller in the cluster read it too
  kubelocal.registry.registry_discovery:
    context: kind-dev
    hosting:
      host: localhost:5001
      host_from_cluster_network: local-registry:5000
    readers:
      - namespace: build
        service_account: builder

- name: Remove it
  kubelocal.registry.registry_discovery:
    context: kind-dev
    state: absent
"""

RETURN = r"""
hosting:
  description:
    - What the cluster says afterwards, with the keys of KEP-1755. In check mode, what it would say.
  returned: success
  type: dict
  sample:
    host: localhost:5001
    hostFromClusterNetwork: local-registry:5000
other_versions:
  description:
    - Keys of the ConfigMap that are not known here, and were kept.
  returned: success
  type: list
  elements: str
  sample: []
actions:
  description:
    - What was done, one sentence each. In check mode, what would be done.
  returned: always
  type: list
  elements: str
  sample: ["Created the ConfigMap kube-public/local-registry-hosting (host: localhost:5001)."]
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.kubelocal.registry.plugins.module_utils import _discovery, _options
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._kubernetes_connect import (
    KUBERNETES_OPTIONS,
    connect,
    show_path,
)


def main() -> None:
    spec: dict[str, Any] = {
        **KUBERNETES_OPTIONS,
        "hosting": {"type": "dict", "options": {name: {"type": "str"} for name in _discovery.KEYS}},
        "readers": _discovery.READERS,
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    }
    module = AnsibleModule(spec, supports_check_mode=True, required_if=[("state", "present", ["hosting"])])
    _options.check(module)
    show_path(module)
    if _discovery.YAML_IMPORT_ERROR is not None:
        module.fail_json(msg=missing_required_lib("PyYAML"), exception=_discovery.YAML_IMPORT_ERROR, actions=[])
    params = module.params
    try:
        hosting = _discovery.desired(params["hosting"]) if params["hosting"] is not None else None
        readers = _discovery.subjects(params["readers"]) if params["readers"] is not None else None
        client = connect(params)
        if params["state"] == "present":
            result = _discovery.present(client, hosting or {}, readers, module.check_mode)
        else:
            result = _discovery.absent(client, hosting, module.check_mode)
    except ExpectedError as error:
        module.fail_json(msg=str(error), actions=error.actions, changed=bool(error.actions))
    answer: dict[str, Any] = {
        "changed": result.changed,
        "actions": result.actions,
        "hosting": result.hosting,
        "other_versions": result.others,
    }
    if module._diff:
        answer["diff"] = {"before": result.before, "after": result.after}
    module.exit_json(**answer)


if __name__ == "__main__":
    main()
