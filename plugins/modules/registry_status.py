#!/usr/bin/python
# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: registry_status
short_description: Look at every link between a host, its registry and a cluster
version_added: 0.1.0
author: "kubelocal contributors (@kubelocal)"
description:
  - Looks at the Docker Engine, the registry's container, its port, C(/v2/), images, networks, at each node's C(hosts.toml) and containerd
    configuration, at the ConfigMap that tells the cluster about the registry, has an image pulled on each node, and looks up the registry
    from inside a pod.
  - What is broken is told together with the command that mends it. The module does not fail because of it, and repairs nothing.
  - With O(file) what was found is written to a file as JSON.
options:
  provider:
    description: What made the cluster.
    type: str
    choices: [kind, k3d, existing]
    default: kind
  name:
    description: Name of the cluster.
    type: str
    default: dev
  kubeconfig:
    description:
      - Path of the kubeconfig file. If not set, E(K8S_AUTH_KUBECONFIG) or E(KUBECONFIG) tells, else it is C(~/.kube/config).
    type: path
  registry_name:
    description: Name of the registry's container.
    type: str
    default: local-registry
  registry_port:
    description: Port that the registry should have on the host. If it is not set, any will do.
    type: int
  mirrors:
    description:
      - The mirrors that the cluster is declared to have. Each is asked for how it and its upstream are, and each node for whether it is
        led to it. Others on the Docker host are not looked at.
    type: list
    elements: dict
    default: []
    suboptions:
      host:
        description: Registry host whose images are cached, for example V(docker.io).
        type: str
        required: true
      endpoint:
        description: URL of a cache that someone else runs. It is not asked, only whether the nodes are led to it.
        type: str
  proof:
    description:
      - Whether to have an image pulled on each node and the registry looked up in a pod, as M(kubelocal.registry.registry_proof) does. The
        pods are removed again; the image stays in the registry.
    type: bool
    default: true
  timeout:
    description: Seconds within which all nodes have to pull.
    type: int
    default: 60
  file:
    description: File that gets RV(status) as JSON.
    type: path
extends_documentation_fragment:
  - kubelocal.registry.attributes
  - kubelocal.registry.attributes.both_groups
  - kubelocal.registry.docker
  - kubelocal.registry.registry_access
  - kubernetes.core.k8s_auth_options
attributes:
  check_mode:
    support: full
    details: In check mode no pod is made and no file is written.
  diff_mode:
    support: none
    details: It changes nothing that lasts, so there is nothing to show.
  idempotent:
    support: full
    details: It never counts as a change.
"""

EXAMPLES = r"""
- name: Look at the registry of the cluster dev
  kubelocal.registry.registry_status:
    name: dev
  register: looked

- name: Write the findings to a file, without making pods
  kubelocal.registry.registry_status:
    name: dev
    proof: false
    file: /tmp/status.json
"""

RETURN = r"""
status:
  description: What was found.
  returned: success
  type: dict
  contains:
    ok:
      description: Whether no link is broken.
      type: bool
      returned: always
      sample: true
    cluster:
      description: The cluster, as M(kubelocal.registry.cluster_info) returns it. Empty when there is none.
      type: dict
      returned: always
      sample: {"name": "dev", "provider": "kind", "exists": true}
    registry:
      description: The registry. Empty when there is no container.
      type: dict
      returned: always
      sample: {"name": "local-registry", "host": "localhost:5001", "repositories": 3, "tags": 7, "bytes": 60817408}
    mirrors:
      description:
        - The mirrors that have a container, by host. C(cause) is one of C(ok), C(cache_down), C(cache_denied), C(cache_detached),
          C(upstream_down), C(credentials_refused), C(tls_not_trusted), C(name_not_found), C(rate_limited). Numbers are null where nobody
          knows; hits, misses and bytes count since the cache was started.
      type: list
      elements: dict
      returned: always
      sample:
        - host: docker.io
          name: mirror-docker-io
          upstream: https://registry-1.docker.io
          ok: true
          cause: ok
          message: https://registry-1.docker.io answers the cache for docker.io.
          cure: ""
          hits: 40
          misses: 5
          pulled_bytes: 2097152
          served_bytes: 8388608
          volume_bytes: 2097152
          limit: 100
          remaining: 76
    links:
      description:
        - The links of the chain, in the order in which an image passes them. C(ok) is null for one that was not looked at. C(mend) is the
          command that mends a broken one.
      type: list
      elements: dict
      returned: always
      sample:
        - link: container
          ok: false
          detail: "'local-registry' is exited"
          mend: ansible-playbook kubelocal.registry.up
"""

import json
import os
import tempfile
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.kubelocal.registry.plugins.module_utils import (
    _access,
    _docker,
    _kubernetes_connect,
    _options,
    _status,
    _status_mirrors,
    _unwind,
)
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError


def _write(path: str, status: dict[str, Any]) -> None:
    """A reader never sees half a file."""
    folder = os.path.dirname(os.path.abspath(path))
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=".status-", dir=folder)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(status, file, indent=2)
            file.write("\n")
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        raise ExpectedError(
            f"the file {path} can't be written: {error.strerror}; name one in a folder that can."
        ) from error


def _look(options: dict[str, Any], check: bool) -> dict[str, Any]:
    access = _access.from_options(options)
    if check:
        options = {**options, "proof": False}
    status = _status.look(options, access).as_result()
    if options["file"] and not check:
        _write(options["file"], status)
    return status


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **_kubernetes_connect.KUBERNETES_OPTIONS,
            # a path, which shows in the commands that mend
            "kubeconfig": {"type": "path", "no_log": False},
            **_docker.DOCKER_OPTIONS,
            "provider": {"type": "str", "choices": ["kind", "k3d", "existing"], "default": "kind"},
            "name": {"type": "str", "default": "dev"},
            "registry_name": {"type": "str", "default": "local-registry"},
            "registry_port": {"type": "int"},
            **_access.OPTIONS,
            "mirrors": {"type": "list", "elements": "dict", "options": _status_mirrors.OPTIONS, "default": []},
            "proof": {"type": "bool", "default": True},
            "timeout": {"type": "int", "default": 60},
            "file": {"type": "path"},
        },
        required_together=_access.TOGETHER,
        supports_check_mode=True,
    )
    _options.check(
        module,
        {
            "name": "text",
            "registry_name": "container",
            "registry_port": "port_or_none",
            "registry_username": "user",
            "registry_password": "secret",
            "registry_ca": "pem",
            "mirrors.host": "mirror",
            "mirrors.endpoint": "url",
            "timeout": "timeout",
            "file": "path",
        },
    )
    if _docker.DOCKER_IMPORT_ERROR is not None:
        module.fail_json(msg=missing_required_lib("docker"), exception=_docker.DOCKER_IMPORT_ERROR)
    _unwind.when_ended()
    try:
        status = _look(module.params, module.check_mode)
    except ExpectedError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, status=status)


if __name__ == "__main__":
    main()
