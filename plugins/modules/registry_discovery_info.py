#!/usr/bin/python
# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: registry_discovery_info
version_added: 0.1.0
short_description: Read where a cluster's registry is (KEP-1755)
description:
  - Reads the ConfigMap C(local-registry-hosting) in the namespace C(kube-public), in the newest version that is known here, and fills in
    what KEP-1755 leaves to readers.
  - A cluster that tells nothing, or that does not let us read it, is an answer and no error. A malformed document is an error,
    M(kubelocal.registry.registry_discovery) repairs it.
author: kubelocal contributors (@kubelocal)
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - kubelocal.registry.attributes
  - kubelocal.registry.attributes.info
  - kubelocal.registry.attributes.kubernetes_group
options: {}
requirements:
  - "PyYAML >= 6.0"
  - "kubernetes >= 28.1.0"
seealso:
  - module: kubelocal.registry.registry_discovery
"""

EXAMPLES = r"""
- name: Ask the cluster where its registry is
  kubelocal.registry.registry_discovery_info:
    context: kind-dev
  register: registry

- name: Show where to push
  ansible.builtin.debug:
    msg: "{{ registry.hosting.host if registry.exists else registry.message }}"
"""

RETURN = r"""
exists:
  description:
    - Whether the cluster names a registry in a version that is known here.
  returned: success
  type: bool
  sample: true
reason:
  description:
    - Why RV(exists) is false. V(absent) means that there is no ConfigMap, V(forbidden) that it may not be read, V(unknown_version) that it
      holds no version that is known here.
  returned: when RV(exists) is false
  type: str
  sample: absent
message:
  description:
    - RV(reason) in a sentence.
  returned: when RV(exists) is false
  type: str
  sample: there is no ConfigMap local-registry-hosting in kube-public; nobody told this cluster of a local registry
version:
  description:
    - Version of the document that was read.
  returned: when RV(exists) is true
  type: str
  sample: v1
hosting:
  description:
    - Where the registry is, with defaults filled in. Keys that are not set are null.
  returned: when RV(exists) is true
  type: dict
  contains:
    host:
      description: Where to push from outside the cluster.
      type: str
      sample: localhost:5001
    host_from_container_runtime:
      description: Host for image names in Kubernetes objects; RV(hosting.host) where the document does not say.
      type: str
      sample: localhost:5001
    host_from_cluster_network:
      description: Where to push from pods; null when that is not possible.
      type: str
      sample: local-registry:5000
    help:
      description: URL of a page that helps.
      type: str
      sample: https://kind.sigs.k8s.io/docs/user/local-registry/
document:
  description:
    - What the ConfigMap says, as it is written there.
  returned: when RV(exists) is true
  type: dict
  sample:
    host: localhost:5001
other_versions:
  description:
    - Keys of the ConfigMap that are not known here.
  returned: success
  type: list
  elements: str
  sample: []
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
    module = AnsibleModule(dict(KUBERNETES_OPTIONS), supports_check_mode=True)
    _options.check(module)
    show_path(module)
    if _discovery.YAML_IMPORT_ERROR is not None:
        module.fail_json(msg=missing_required_lib("PyYAML"), exception=_discovery.YAML_IMPORT_ERROR)
    try:
        found = _discovery.read(connect(module.params))
    except ExpectedError as error:
        module.fail_json(msg=str(error))
    if found.problem:
        module.fail_json(msg=f"{found.problem}; repair it with kubelocal.registry.registry_discovery, or delete it.")
    answer: dict[str, Any] = {"changed": False, "exists": found.exists, "other_versions": found.others}
    if found.exists:
        answer["version"] = found.version
        answer["hosting"] = _discovery.with_defaults(found.hosting)
        answer["document"] = found.hosting
    else:
        answer["reason"], answer["message"] = found.reason, found.message
    module.exit_json(**answer)


if __name__ == "__main__":
    main()
