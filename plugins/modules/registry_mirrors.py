#!/usr/bin/python
# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: registry_mirrors
version_added: 0.1.0
short_description: Keep pull-through caches of registries on a Docker host
description:
  - Makes one pull-through cache in a container for each upstream registry, many in one call. All clusters of the Docker host share them.
  - A cache publishes no port, and has its data in a volume of its own. Nodes reach it by its name on their network.
  - What was pulled through a cache once can be pulled while its upstream is away, also after the cache was restarted. By tag it is what
    the tag meant when it was last pulled.
  - A stopped cache is started. A changed declaration makes its container anew with its data.
  - It does not touch nodes. Hand RV(registries) to M(kubelocal.registry.containerd_hosts), or use the role P(kubelocal.registry.connect#role).
author: kubelocal contributors (@kubelocal)
extends_documentation_fragment:
  - kubelocal.registry.docker
  - kubelocal.registry.mirrors
  - kubelocal.registry.attributes
  - kubelocal.registry.attributes.full
  - kubelocal.registry.attributes.docker_group
requirements:
  - bcrypt, for upstreams with credentials
options:
  mirrors:
    default: []
  state:
    description:
      - V(present) makes the listed caches exist, run and answer.
      - V(absent) removes the containers of the listed caches, except those that a node of another cluster names in its hosts.toml. Their
        data stay, unless O(purge=true).
    type: str
    choices: [present, absent]
    default: present
  networks:
    description:
      - Docker networks that the caches join, those of the clusters that use them. They have to exist.
      - A cache stays on other networks that it is on.
    type: list
    elements: str
    default: []
  exclusive:
    description:
      - With O(state=present), caches that are not listed leave O(networks), except those that a node of another cluster names in its
        hosts.toml. They keep their data.
      - With O(state=absent), caches that are not listed are removed too.
    type: bool
    default: false
  purge:
    description:
      - Also delete the data of what is removed. With O(exclusive=true) and O(state=present), delete caches that are not listed and that no other cluster uses.
    type: bool
    default: false
  image:
    description:
      - Image of the caches' containers. A new one is made of V(docker.io/library/registry:3) by default. An existing one is made anew only
        when this is set and differs.
      - Version 3 or newer is needed to start while an upstream is away.
    type: str
  pull:
    description:
      - Whether the image is pulled when the Docker host does not have it (V(missing)), at every call (V(always)), or never.
    type: str
    choices: [missing, always, never]
    default: missing
  wait_timeout:
    description:
      - Seconds to wait for a cache to answer.
    type: int
    default: 60
  publish:
    description:
      - Make caches for machines that are not on this Docker host. Each has a port of the host, TLS and users.
      - They are other containers than those that clusters of this Docker host use, with other data.
      - What is no longer listed stays, since nobody sees from here who uses it, unless O(purge=true) and O(exclusive=true).
    type: dict
    suboptions:
      address:
        description:
          - Name or IPv4 address by which nodes reach this Docker host, for which O(publish.certificate) was made.
        type: str
        required: true
      prefix:
        description:
          - What the names of the containers begin with. Caches of another prefix are left alone.
        type: str
        required: true
      listen_address:
        description:
          - IP address of this Docker host that the caches listen on.
        type: str
        default: 0.0.0.0
      first_port:
        description:
          - New caches get the first ports from here on that no container has. An existing one keeps its own.
        type: int
        default: 5100
      certificate:
        description:
          - The caches' certificate, as PEM text or as an absolute path where the module runs.
        type: str
        required: true
      key:
        description:
          - The key of O(publish.certificate), as PEM text or as an absolute path where the module runs.
        type: str
        required: true
      ca:
        description:
          - The certificate authority that nodes check O(publish.certificate) with, as PEM text or as a path where the module runs.
        type: str
      users:
        description:
          - Who may use the caches, as a dictionary of names and passwords.
        type: dict
        required: true
      authorization:
        description:
          - The C(Authorization) header that nodes send, of one of O(publish.users).
        type: str
        required: true
  cluster_provider:
    description:
      - What made the cluster that the call is for, see O(cluster_name).
    type: str
    choices: [kind, k3d, existing, remote]
    default: kind
  cluster_name:
    description:
      - The cluster that the call is for. Its own nodes don't count as another cluster's.
      - When it is not set, every node that names a cache keeps it, and so it is with V(existing), whose nodes have no label to tell by.
    type: str
seealso:
  - module: kubelocal.registry.registry_mirrors_info
  - module: kubelocal.registry.containerd_hosts
  - module: kubelocal.registry.image_preload
"""

EXAMPLES = r"""
- name: Cache what everybody pulls from
  kubelocal.registry.registry_mirrors:
    mirrors:
      - host: docker.io
      - host: ghcr.io
      - host: quay.io
      - host: registry.k8s.io
    networks: [kind]
  register: caches
  no_log: true

- name: Cache a private registry that has a certificate of its own authority
  kubelocal.registry.registry_mirrors:
    mirrors:
      - host: registry.example:5000
        username: robot
        password: "{{ vault_registry_password }}"
        ca: /etc/ssl/example-ca.pem

- name: Remove the cache of Docker Hub and what it holds
  kubelocal.registry.registry_mirrors:
    mirrors:
      - host: docker.io
    state: absent
    purge: true
"""

RETURN = r"""
actions:
  description: What was done, or in check mode would be done, one sentence each.
  returned: always
  type: list
  elements: str
  sample: ["Created the registry mirror-docker-io."]
kept:
  description: Caches that were to leave or to be removed, but that another cluster's nodes name.
  returned: success
  type: list
  elements: dict
  contains:
    host:
      description: Registry host in image references.
      type: str
      returned: always
      sample: quay.io
    name:
      description: Name of the container.
      type: str
      returned: always
      sample: mirror-quay-io
    used_by:
      description: Names of the clusters.
      type: list
      elements: str
      returned: always
      sample: [other]
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
      description: Whether it answers. External ones are taken as healthy.
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
"""

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.kubelocal.registry.plugins.module_utils import (
    _docker,
    _htpasswd,
    _mirrors,
    _mirrors_published,
    _mirrors_run,
    _options,
)
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "mirrors": {"type": "list", "elements": "dict", "options": _mirrors.OPTIONS, "default": []},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "networks": {"type": "list", "elements": "str", "default": []},
            "exclusive": {"type": "bool", "default": False},
            "purge": {"type": "bool", "default": False},
            "image": {"type": "str"},
            "pull": {"type": "str", "choices": ["missing", "always", "never"], "default": "missing"},
            "wait_timeout": {"type": "int", "default": 60},
            "cluster_provider": {"type": "str", "choices": ["kind", "k3d", "existing", "remote"], "default": "kind"},
            "cluster_name": {"type": "str"},
            "publish": _mirrors_published.OPTIONS,
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
            "publish.address": "hostport",
            "publish.ca": "pem",
            "publish.prefix": "container",
            "publish.listen_address": "address",
            "publish.first_port": "port",
            "publish.certificate": "pem",
            "publish.key": "key",
            "publish.authorization": "secret",
            "image": "image",
            "cluster_name": "text",
            "networks": "container",
            "wait_timeout": "timeout",
        },
    )
    if _docker.DOCKER_IMPORT_ERROR is not None:
        module.fail_json(msg=missing_required_lib("docker"), exception=_docker.DOCKER_IMPORT_ERROR)
    options = module.params
    shown = options["publish"] and {**options["publish"], **dict.fromkeys(("key", "users", "authorization"), "hidden")}
    invocation = {"module_args": {**options, "mirrors": _mirrors.hidden(options["mirrors"]), "publish": shown}}
    try:
        wanted = _mirrors_run.Wanted(
            mirrors=_mirrors.parse(options["mirrors"]),
            networks=tuple(dict.fromkeys(options["networks"])),
            image=options["image"],
            exclusive=options["exclusive"],
            purge=options["purge"],
            cluster_provider=options["cluster_provider"],
            cluster_name=options["cluster_name"],
            pull=options["pull"],
            wait_timeout=options["wait_timeout"],
            publish=_mirrors_published.parse(options["publish"]),
        )
        if (
            any(mirror.closed or wanted.publish for mirror in wanted.mirrors)
            and _htpasswd.BCRYPT_IMPORT_ERROR is not None
        ):
            module.fail_json(msg=missing_required_lib("bcrypt"), exception=_htpasswd.BCRYPT_IMPORT_ERROR)
        client = _docker.connect(options["docker_host"], options["docker_timeout"])
        act = _mirrors_run.present if options["state"] == "present" else _mirrors_run.absent
        outcome = act(client, wanted, module.check_mode)
    except ExpectedError as error:
        module.fail_json(msg=str(error), actions=error.actions, invocation=invocation)
    result = {
        "changed": outcome.changed,
        "actions": outcome.actions,
        "kept": outcome.kept,
        "mirrors": outcome.mirrors,
        "registries": outcome.registries,
        "invocation": invocation,
    }
    if module._diff:
        result["diff"] = {"before": outcome.before, "after": outcome.after}
    module.exit_json(**result)


if __name__ == "__main__":
    main()
