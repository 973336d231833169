#!/usr/bin/python
# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: registry_mirrors_info
version_added: 0.1.0
short_description: Tell what pull-through caches a Docker host has
description:
  - Reads the caches that M(kubelocal.registry.registry_mirrors) made, and gives what nodes have to be told about them.
  - With O(status=true), each cache is asked how it and its upstream are. Causes are told apart.
author: kubelocal contributors (@kubelocal)
extends_documentation_fragment:
  - kubelocal.registry.docker
  - kubelocal.registry.mirrors
  - kubelocal.registry.attributes
  - kubelocal.registry.attributes.info
  - kubelocal.registry.attributes.docker_group
options:
  mirrors:
    description:
      - The mirrors to tell about, as they were declared. When it is not set, all caches of the Docker host are told.
      - Of those that have no container, nothing is in RV(registries), except in check mode, where they would have been made by then.
  status:
    description:
      - Ask each cache about itself and its upstream, see RV(status). Takes a second or so.
    type: bool
    default: false
  status_timeout:
    description:
      - Seconds that an upstream has to answer with O(status=true).
    type: int
    default: 10
seealso:
  - module: kubelocal.registry.registry_mirrors
"""

EXAMPLES = r"""
- name: How are the caches
  kubelocal.registry.registry_mirrors_info:
    status: true
  register: caches
  no_log: true

- name: Show those that are not well
  ansible.builtin.debug:
    msg: "{{ caches.status | rejectattr('ok') | map(attribute='message') }}"
"""

RETURN = r"""
mirrors:
  description: The mirrors, by host. Holds no secrets.
  returned: success
  type: list
  elements: dict
  contains:
    host:
      description: Registry host in image references.
      type: str
      returned: always
      sample: docker.io
    name:
      description: Name of the container. V(null) for an external cache.
      type: str
      returned: always
      sample: mirror-docker-io
    upstream:
      description: URL of the registry behind the cache. V(null) for an external cache.
      type: str
      returned: always
      sample: https://registry-1.docker.io
    endpoint:
      description: URL at which nodes reach the cache.
      type: str
      returned: always
      sample: http://mirror-docker-io:5000
    volume:
      description: Docker volume with the data. V(null) for an external cache.
      type: str
      returned: always
      sample: mirror-docker-io-data
    networks:
      description: Docker networks that the container is on.
      type: list
      elements: str
      returned: always
      sample: [kind]
    external:
      description: Whether someone else runs it.
      type: bool
      returned: always
      sample: false
    closed:
      description: Whether it asks for credentials.
      type: bool
      returned: always
      sample: false
    exists:
      description: Whether its container exists. External ones are taken as existing.
      type: bool
      returned: always
      sample: true
    running:
      description: Whether its container runs.
      type: bool
      returned: always
      sample: true
    healthy:
      description: Whether it answers. V(null) when it was not asked, without O(status=true). External ones are taken as healthy.
      type: bool
      returned: always
      sample: true
registries:
  description:
    - One item for each mirror for O(kubelocal.registry.containerd_hosts#module:registries). The cache comes first, then the upstream itself.
    - Can hold the header that opens a closed cache, so set C(no_log) on tasks that register or use it.
  returned: success
  type: list
  elements: dict
  sample:
    - host: docker.io
      server: https://registry-1.docker.io
      endpoints:
        - url: http://mirror-docker-io:5000
          capabilities: [pull, resolve]
status:
  description: How each cache and its upstream are. Holds no secrets.
  returned: when O(status=true)
  type: list
  elements: dict
  contains:
    host:
      description: Registry host in image references.
      type: str
      returned: always
      sample: docker.io
    name:
      description: Name of the container.
      type: str
      returned: always
      sample: mirror-docker-io
    upstream:
      description: URL of the registry behind the cache.
      type: str
      returned: always
      sample: https://registry-1.docker.io
    ok:
      description: Whether RV(status[].cause) is V(ok).
      type: bool
      returned: always
      sample: true
    cause:
      description: One of V(ok), V(cache_down), V(cache_denied), V(upstream_down), V(credentials_refused), V(tls_not_trusted),
        V(name_not_found) (by DNS) and V(rate_limited).
      type: str
      returned: always
      sample: ok
    message:
      description: One sentence about it.
      type: str
      returned: always
      sample: https://registry-1.docker.io answers the cache for docker.io.
    cure:
      description: What mends it. Empty when nothing has to be mended.
      type: str
      returned: always
      sample: ""
    hits:
      description: How many manifests and blobs were served from the cache since it was started. V(null) where it does not count.
      type: int
      returned: always
      sample: 12
    misses:
      description: How many had to be pulled from the upstream.
      type: int
      returned: always
      sample: 3
    pulled_bytes:
      description: Bytes pulled from the upstream.
      type: int
      returned: always
      sample: 2097152
    served_bytes:
      description: Bytes given to clients.
      type: int
      returned: always
      sample: 8388608
    volume_bytes:
      description: Bytes on disk.
      type: int
      returned: always
      sample: 2097152
    limit:
      description: How many pulls Docker Hub allows in its window of time. V(null) where it does not say.
      type: int
      returned: always
      sample: 100
    remaining:
      description: How many of them are left.
      type: int
      returned: always
      sample: 76
"""

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.kubelocal.registry.plugins.module_utils import (
    _docker,
    _mirror_status,
    _mirrors,
    _mirrors_run,
    _options,
)
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "mirrors": {"type": "list", "elements": "dict", "options": _mirrors.OPTIONS},
            "status": {"type": "bool", "default": False},
            "status_timeout": {"type": "int", "default": 10},
            **_docker.DOCKER_OPTIONS,
        },
        supports_check_mode=True,
        # headers are secret, but Ansible would hide them in the result 'registries' as well
        no_log=True,
    )
    _options.check(
        module,
        {
            "mirrors.image": "image",
            "mirrors.username": "user",
            "mirrors.password": "secret",
            "status_timeout": "timeout",
        },
    )
    if _docker.DOCKER_IMPORT_ERROR is not None:
        module.fail_json(msg=missing_required_lib("docker"), exception=_docker.DOCKER_IMPORT_ERROR)
    options = module.params
    invocation = {"module_args": {**options, "mirrors": _mirrors.hidden(options["mirrors"])}}
    try:
        mirrors = None if options["mirrors"] is None else _mirrors.parse(options["mirrors"])
        client = _docker.connect(options["docker_host"], options["docker_timeout"])
        outcome = _mirrors_run.read(client, mirrors, module.check_mode, ask=options["status"])
        result = {"changed": False, "mirrors": outcome.mirrors, "registries": outcome.registries}
        if options["status"]:
            hosts = None if mirrors is None else [mirror.host for mirror in mirrors if not mirror.external]
            found = _mirror_status.statuses(client, hosts, options["status_timeout"])
            result["status"] = [one.as_dict() for one in found]
    except ExpectedError as error:
        module.fail_json(msg=str(error), invocation=invocation)
    module.exit_json(invocation=invocation, **result)


if __name__ == "__main__":
    main()
