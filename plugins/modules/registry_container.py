#!/usr/bin/python
# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A registry in a container on a Docker host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: registry_container
short_description: A container registry on a Docker host
version_added: 0.1.0
author:
  - kubelocal contributors (@kubelocal)
description:
  - Makes sure that a registry (CNCF distribution) runs in a container and answers, that it is stopped, or that it is not there.
  - Compares only what is declared. A container that another tool made (kind's script, ctlptl, k3d) is adopted as it is when it satisfies that.
  - What differs is changed by making a new container in place of the old one, with its data and its networks. If the new one does not
    become healthy, the old one is put back and the task fails.
  - Nothing that was pushed is lost unless O(purge=true). Images that lie in an anonymous volume or in the container itself are carried over.
  - A registry that keeps its images in memory, or that was started with C(docker run --rm), is not stopped or replaced where that would
    lose them or could not be undone. The task fails and says what to do.
  - A container that was made by this module under O(name) and renamed since is renamed back.
extends_documentation_fragment:
  - kubelocal.registry.docker
  - kubelocal.registry.attributes
  - kubelocal.registry.attributes.full
  - kubelocal.registry.attributes.docker_group
options:
  name:
    description:
      - Name of the container, by which other containers on its networks reach it.
    type: str
    required: true
  state:
    description:
      - V(present) means that it exists as declared, runs and is healthy.
      - V(stopped) means that it does not run. None is created for that.
      - V(absent) means that there is no such container. Its images stay in O(volume), into which they are moved first if they lie
        elsewhere, unless O(purge=true).
    type: str
    choices: [present, stopped, absent]
    default: present
  image:
    description:
      - Image of the registry.
      - A new container gets C(docker.io/library/registry:3) when it is not set. An existing one keeps its image, unless it was made from
        an older default of this option.
    type: str
  port:
    description:
      - Port of the Docker host, from 1 to 65535, or V(0) to publish none.
      - A new container gets 5001 when it is not set; an existing one keeps its own.
    type: int
  listen_address:
    description:
      - IP address of the Docker host to listen on. Beyond loopback, O(users) or O(https) is needed, or O(insecure=true).
      - A new container gets V(127.0.0.1) when it is not set; an existing one keeps its own.
    type: str
  networks:
    description:
      - Docker networks that the registry is on. They must exist. It is never taken off others, since clusters may be using them.
      - A new container is on V(bridge) besides.
    type: list
    elements: str
  volume:
    description:
      - Docker volume with the images.
      - A new container gets V(<name>-data) when it is not set; an existing one keeps what it has.
      - When an existing container has its images elsewhere, they are copied into the volume, over what is there.
    type: str
  environment:
    description:
      - Environment variables, for example V({"OTEL_TRACES_EXPORTER":"none"}). Other variables of an existing container are kept.
      - Of those that an earlier call gave, the ones that are given no longer are removed; all are kept when the option is left out.
      - Variables that would hold a secret are refused, because they show in C(docker inspect). Use O(users), O(upstream) or O(config).
    type: dict
  config:
    description:
      - Settings of the registry, merged deeply into the configuration file of the image (or of an adopted container). A V(null) removes a key.
      - It stands in place of what an earlier call gave. Left out, that is kept; V({}) takes it back.
      - See U(https://distribution.github.io/distribution/about/configuration/).
      - It goes in as a file that only the registry reads. In diffs, what is named like a secret is covered.
    type: dict
  labels:
    description:
      - Labels of the container. Other labels of an existing container are kept.
      - Of those that an earlier call gave, the ones that are given no longer are removed; all are kept when the option is left out.
    type: dict
  restart_policy:
    description:
      - When the Engine starts it again. A new container gets V(unless-stopped) when it is not set; an existing one keeps its own.
    type: str
    choices: ['no', always, unless-stopped, on-failure]
  upstream:
    description:
      - Makes it a pull-through cache of another registry. Such a registry takes no pushes.
      - It starts while its upstream is down, and serves what it has (images of version 3 or newer).
      - Left out, a container that an earlier call made a cache stays one.
    type: dict
    suboptions:
      url:
        description: Address of the registry to cache, for example V(https://registry-1.docker.io).
        type: str
        required: true
      username:
        description: User at the upstream. Whoever reaches the cache pulls with these credentials, so give it O(users) too.
        type: str
      password:
        description: Password or token at the upstream.
        type: str
      ttl:
        description: How long content is kept, as V(168h). V(0) keeps it for ever. The registry's own default is seven days.
        type: str
      ca:
        description: CA certificate that signed the upstream's certificate, as PEM text, or the absolute path of a file with it where the module runs.
        type: str
  https:
    description:
      - Speak HTTPS with this certificate. Left out, an existing container keeps what it has; V({}) is plain HTTP.
    type: dict
    suboptions:
      certificate:
        description: Certificate with its chain, as PEM text, or the absolute path of a file with it where the module runs.
        type: str
      key:
        description: Key without a passphrase, as PEM text, or the absolute path of a file with it where the module runs.
        type: str
  users:
    description:
      - Who may push and pull, as a dictionary of names and passwords (1 to 72 bytes). They are kept as bcrypt hashes.
      - Left out, an existing container keeps the users that an earlier call gave it; V({}) is everybody.
    type: dict
  insecure:
    description:
      - Allow listening beyond loopback without O(users) and O(https).
    type: bool
    default: false
  pull:
    description:
      - V(missing) pulls the image if the Engine does not have it, V(always) looks for a newer one each time, V(never) fails when it is missing.
    type: str
    choices: [missing, always, never]
    default: missing
  purge:
    description:
      - With O(state=absent), delete the images too.
    type: bool
    default: false
  wait_timeout:
    description:
      - Seconds (1 to 3600) to wait until the registry answers.
    type: int
    default: 60
requirements:
  - "PyYAML"
  - "bcrypt, where O(users) is set"
seealso:
  - module: kubelocal.registry.registry_info
  - module: kubelocal.registry.containerd_hosts
"""

EXAMPLES = r"""
- name: A registry at localhost:5001
  kubelocal.registry.registry_container:
    name: local-registry

- name: Adopt the one of kind's documented script and put it on the network of another cluster too
  kubelocal.registry.registry_container:
    name: kind-registry
    networks: [kind, k3d-dev]

- name: For colleagues, with passwords and TLS
  kubelocal.registry.registry_container:
    name: local-registry
    listen_address: 0.0.0.0
    https:
      certificate: /etc/ssl/registry/tls.crt
      key: /etc/ssl/registry/tls.key
    users:
      ada: "{{ ada_password }}"

- name: A cache of Docker Hub that keeps everything
  kubelocal.registry.registry_container:
    name: mirror-docker-io
    port: 0
    upstream:
      url: https://registry-1.docker.io
      ttl: "0"

- name: Remove it and keep its images
  kubelocal.registry.registry_container:
    name: local-registry
    state: absent
"""

RETURN = r"""
registry:
  description: The registry as it is afterwards. In check mode, as far as that can be foretold.
  returned: success
  type: dict
  contains:
    exists:
      description: Whether there is such a container.
      type: bool
      sample: true
    name:
      description: Name of the container.
      type: str
      sample: local-registry
    id:
      description: Id of the container.
      type: str
      sample: 3f8a5c0e7d1b
    image:
      description: Image that it was made from.
      type: str
      sample: docker.io/library/registry:3
    version:
      description: Version of the registry program, if it can be told.
      type: str
      sample: 3.1.2
    status:
      description: The Engine's word for its state.
      type: str
      sample: running
    host:
      description: Where to push from the Docker host, or nothing when no port is published.
      type: str
      sample: localhost:5001
    host_from_cluster_network:
      description: Where containers on its networks reach it.
      type: str
      sample: local-registry:5000
    port:
      description: Published port.
      type: int
      sample: 5001
    listen_address:
      description: Address that the port is published on.
      type: str
      sample: 127.0.0.1
    https:
      description: Whether it speaks HTTPS.
      type: bool
      sample: false
    users:
      description: Whether it asks for credentials.
      type: bool
      sample: false
    networks:
      description: Networks that it is on, sorted.
      type: list
      elements: str
      sample: [bridge, kind]
    volume:
      description: Volume with its images, or nothing when they are not in one.
      type: str
      sample: local-registry-data
    data:
      description: Where its images lie. C(kind) is V(volume), V(bind), V(tmpfs), V(layer), V(memory) or V(elsewhere).
      type: dict
      sample: {"kind": "volume", "name": "local-registry-data", "folder": "/var/lib/registry"}
    restart_policy:
      description: When the Engine starts it again.
      type: str
      sample: unless-stopped
    healthy:
      description: Whether it answers.
      type: bool
      sample: true
    labels:
      description: Labels of the container.
      type: dict
      sample: {"kubelocal.registry.managed": "true"}
    managed:
      description: Whether this module made the container.
      type: bool
      sample: true
actions:
  description: What was done, or in check mode would be done, one sentence each.
  returned: always
  type: list
  elements: str
  sample: ["Started the registry 'local-registry', which was stopped."]
"""

import copy

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.kubelocal.registry.plugins.module_utils import (
    _docker,
    _htpasswd,
    _options,
    _registry_answer,
    _registry_container,
    _registry_files,
    _registry_plan,
    _registry_spec,
)
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError


def run(module: AnsibleModule) -> _registry_answer.Result:
    options = module.params
    spec = _registry_spec.from_options(options)
    if options["purge"] and options["state"] != "absent":
        raise ExpectedError(
            f"purge deletes images, which goes with state 'absent' only; state is '{options['state']}'."
        )
    client = _docker.connect(options["docker_host"], options["docker_timeout"])
    if options["state"] == "absent":
        return _registry_container.absent(client, spec, module.check_mode, options["purge"])
    state = _registry_container.present if options["state"] == "present" else _registry_container.stopped
    return state(client, spec, module.check_mode)


def main() -> None:
    # no_log: the arguments go into no system log, since config may hold secrets
    module = AnsibleModule(
        argument_spec={**copy.deepcopy(_registry_spec.OPTIONS), **_docker.DOCKER_OPTIONS},
        supports_check_mode=True,
        no_log=True,
    )
    _options.check(module, {"upstream.username": "user"})
    for library, error in (
        ("docker", _docker.DOCKER_IMPORT_ERROR),
        ("PyYAML", _registry_files.YAML_IMPORT_ERROR),
        ("bcrypt", _htpasswd.BCRYPT_IMPORT_ERROR if module.params["users"] else None),
    ):
        if error:
            module.fail_json(msg=missing_required_lib(library), exception=error, actions=[])
    shown = {"module_args": {**module.params, "config": _registry_plan.mask(module.params["config"])}}
    try:
        result = run(module)
    except ExpectedError as error:
        module.fail_json(msg=str(error), changed=bool(error.actions), actions=error.actions, invocation=shown)
    for warning in result.warnings:
        module.warn(warning)
    answer = {"changed": result.changed, "actions": result.actions, "registry": result.registry, "invocation": shown}
    if module._diff:
        answer["diff"] = {"before": result.before, "after": result.after}
    module.exit_json(**answer)


if __name__ == "__main__":
    main()
