#!/usr/bin/python
# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Module containerd_hosts: see DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
module: containerd_hosts
short_description: Tell containerd on many nodes where registries are
version_added: 0.1.0
description:
  - Keeps the C(hosts.toml) files of containerd's C(config_path) layout on one or many nodes as declared, in one call.
  - Nodes are containers of a Docker Engine (kind, k3d), or the machine that the module runs on, which may be reached over SSH.
  - Each node is read once. What differs is put into a folder beside and renamed into place, so containerd never sees half a file.
    All nodes are done side by side; a node that fails is reported by its name and the others are still done.
  - Makes sure that containerd's own configuration (versions 2, 3 and 4 of the file) names one explicit C(config_path), and restarts
    containerd only when that had to change, or when it was started before its file last changed. Pods keep running.
  - A container that is stopped is written too, and reported; what was written counts when it starts.
author:
  - kubelocal contributors (@kubelocal)
extends_documentation_fragment:
  - kubelocal.registry.attributes
  - kubelocal.registry.attributes.full
  - kubelocal.registry.attributes.docker_group
  - kubelocal.registry.docker
options:
  registries:
    description:
      - The registries that containerd should know, one item per host in image names.
      - With O(state=absent) only O(registries[].host) is looked at.
    type: list
    elements: dict
    default: []
    suboptions:
      host:
        description:
          - The registry's host as it stands in image names, with its port if it has one, for example V(localhost:5001) or V(docker.io).
          - V(_default) is for every host that is not named by an item of its own.
        type: str
        required: true
      server:
        description:
          - URL that containerd asks after all endpoints.
          - When not set, V(https://) and the host, and for V(docker.io) its real address V(https://registry-1.docker.io). Nothing for V(_default).
          - For a name such as V(localhost:5001) that no server answers to from a node, give the endpoint's own URL, so that errors name it.
        type: str
      endpoints:
        description:
          - Where to get the registry's images from, tried in this order.
        type: list
        elements: dict
        default: []
        suboptions:
          url:
            description:
              - URL with scheme, host and port, for example V(http://local-registry:5000).
            type: str
            required: true
          capabilities:
            description:
              - What the endpoint may be used for, some of V(pull), V(resolve), V(push) and V(referrers).
              - V(referrers) is known to containerd 2.2 and newer; an older one ignores the whole file when it is listed.
            type: list
            elements: str
            default: [pull, resolve]
          ca:
            description:
              - The certificate authority that the endpoint's certificate is checked with, as PEM text, which is written beside the C(hosts.toml),
                or as an absolute path of a file that is on the node already.
            type: str
          client:
            description:
              - Certificate that containerd shows to the endpoint.
            type: dict
            suboptions:
              certificate:
                description:
                  - The certificate, as PEM text or an absolute path on the node. It may carry the key too.
                type: str
                required: true
              key:
                description:
                  - The private key, as PEM text, which is written with mode 0600, or an absolute path on the node.
                type: str
          skip_verify:
            description:
              - Do not check the endpoint's certificate.
            type: bool
            default: false
          override_path:
            description:
              - The URL's path is the whole path of the registry's API, nothing (V(/v2)) is added to it.
            type: bool
            default: false
          headers:
            description:
              - HTTP headers sent with every request to the endpoint, values by name. V(Authorization) is how credentials are given.
              - A file with headers is readable by root only, and their values are not shown in diffs.
            type: dict
          dial_timeout:
            description:
              - How long to try to reach the endpoint before the next one is asked, with a unit, for example V(3s) or V(500ms).
              - Known to containerd 2.1 and newer.
            type: str
  nodes:
    description:
      - Names of the containers that are the nodes, on the Docker Engine.
      - When not set, the machine that the module runs on is the node.
    type: list
    elements: str
  layout:
    description:
      - V(containerd) is for nodes whose containerd reads C(/etc/containerd/config.toml), which are kind's, kubeadm's and any with containerd's package.
      - V(k3s) is for k3s and rke2, which make the tree from their C(registries.yaml) when they start. Both are kept in step, so that it works
        at once and survives a restart. Entries of C(registries.yaml) that others wrote are kept. It has no words for
        O(registries[].endpoints[].dial_timeout), for capabilities other than V(pull) and V(resolve), and for headers other than one
        C(Authorization) of the kind C(Basic); these are refused.
    type: str
    choices: [containerd, k3s]
    default: containerd
  certs_dir:
    description:
      - The folder that the C(hosts.toml) files are in, an absolute path on the node.
      - When not set, it is the folder that containerd's configuration names, if it names a single one that exists, else
        V(/etc/containerd/certs.d). With O(layout=k3s) it is C(agent/etc/containerd/certs.d) in O(k3s_data_dir).
    type: str
  config_file:
    description:
      - containerd's configuration file on the node, an absolute path. Only used with O(layout=containerd).
    type: str
    default: /etc/containerd/config.toml
  service:
    description:
      - Name of containerd's systemd service, restarted when it must be. Only used with O(layout=containerd).
    type: str
    default: containerd
  k3s_config_dir:
    description:
      - The folder of C(registries.yaml) on the node; V(/etc/rancher/rke2) for rke2. Only used with O(layout=k3s).
    type: str
    default: /etc/rancher/k3s
  k3s_data_dir:
    description:
      - The data folder of k3s on the node; V(/var/lib/rancher/rke2) for rke2. Only used with O(layout=k3s).
    type: str
    default: /var/lib/rancher/k3s
  exclusive:
    description:
      - Also remove the registries that this module wrote earlier and that are not in O(registries), never anything that it did not write.
      - With O(state=absent) everything that this module wrote is removed, whatever O(registries) lists.
    type: bool
    default: false
  state:
    description:
      - V(present) makes every item of O(registries) known to containerd as declared.
      - V(absent) removes the hosts listed in O(registries) that this module wrote, and puts back what they had replaced.
        containerd's C(config_path) stays as it is.
    type: str
    choices: [present, absent]
    default: present
seealso:
  - module: kubelocal.registry.registry_container
  - name: containerd's registry configuration
    description: What each field of a hosts.toml means.
    link: https://github.com/containerd/containerd/blob/main/docs/hosts.md
"""

EXAMPLES = r"""
- name: The nodes of a kind cluster pull localhost:5001 from the container local-registry
  kubelocal.registry.containerd_hosts:
    nodes: [dev-control-plane, dev-worker]
    registries:
      - host: localhost:5001
        server: http://local-registry:5000
        endpoints:
          - url: http://local-registry:5000

- name: Docker Hub through a cache that needs a password, on a machine with containerd
  kubelocal.registry.containerd_hosts:
    registries:
      - host: docker.io
        endpoints:
          - url: https://cache.example:5000
            ca: "{{ lookup('ansible.builtin.file', 'ca.crt') }}"
            headers:
              Authorization: "Basic {{ ('puller:' ~ cache_password) | b64encode }}"
  become: true

- name: Remove all that was written earlier
  kubelocal.registry.containerd_hosts:
    nodes: [dev-control-plane, dev-worker]
    exclusive: true
    state: absent
"""

RETURN = r"""
nodes:
  description: What came of each node, by its name; the machine that the module runs on is V(localhost).
  returned: always
  type: dict
  contains:
    changed:
      description: Whether anything changed on it.
      type: bool
    restarted:
      description: Whether its containerd was restarted.
      type: bool
    failed:
      description: Whether the node could not be done.
      type: bool
    msg:
      description: Why it failed, else empty.
      type: str
    actions:
      description: What was done on it, one sentence each.
      type: list
      elements: str
  sample:
    dev-control-plane:
      changed: true
      restarted: false
      failed: false
      msg: ""
      actions: ["wrote /etc/containerd/certs.d/localhost:5001/hosts.toml"]
actions:
  description: What was done, or in check mode would be, one sentence each that begins with the node's name.
  returned: always
  type: list
  elements: str
  sample: ["dev-control-plane: wrote /etc/containerd/certs.d/localhost:5001/hosts.toml"]
"""

import re

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.kubelocal.registry.plugins.module_utils import _options
from ansible_collections.kubelocal.registry.plugins.module_utils._containerd_plan import Wanted
from ansible_collections.kubelocal.registry.plugins.module_utils._containerd_run import (
    answer,
    containers,
    run,
    this_machine,
)
from ansible_collections.kubelocal.registry.plugins.module_utils._docker import (
    DOCKER_IMPORT_ERROR,
    DOCKER_OPTIONS,
    connect,
)
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._hosts_toml import parse

ENDPOINT = {
    "url": {"type": "str", "required": True},
    "capabilities": {"type": "list", "elements": "str", "default": ["pull", "resolve"]},
    "ca": {"type": "str"},
    "client": {
        "type": "dict",
        "options": {"certificate": {"type": "str", "required": True}, "key": {"type": "str", "no_log": True}},
    },
    "skip_verify": {"type": "bool", "default": False},
    "override_path": {"type": "bool", "default": False},
    "headers": {"type": "dict", "no_log": True},
    "dial_timeout": {"type": "str"},
}

SPEC = {
    "registries": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "host": {"type": "str", "required": True},
            "server": {"type": "str"},
            "endpoints": {"type": "list", "elements": "dict", "default": [], "options": ENDPOINT},
        },
    },
    "nodes": {"type": "list", "elements": "str"},
    "layout": {"type": "str", "choices": ["containerd", "k3s"], "default": "containerd"},
    "certs_dir": {"type": "str"},
    "config_file": {"type": "str", "default": "/etc/containerd/config.toml"},
    "service": {"type": "str", "default": "containerd"},
    "k3s_config_dir": {"type": "str", "default": "/etc/rancher/k3s"},
    "k3s_data_dir": {"type": "str", "default": "/var/lib/rancher/k3s"},
    "exclusive": {"type": "bool", "default": False},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    **DOCKER_OPTIONS,
}

_PATH = re.compile(r"(?:/[A-Za-z0-9@%+=:,._-]+){2,}")


def _checked(module: AnsibleModule) -> Wanted:
    params = module.params
    for name in ("certs_dir", "config_file", "k3s_config_dir", "k3s_data_dir"):
        value = params[name]
        if value is not None and (not _PATH.fullmatch(value) or "/../" in f"{value}/" or "/./" in f"{value}/"):
            raise ExpectedError(
                f"{name}: {value!r} is not an absolute path of plain characters, two folders deep or more."
            )
    if params["certs_dir"] and ":" in params["certs_dir"]:
        raise ExpectedError(
            f"certs_dir: {params['certs_dir']!r} has a colon, which containerd takes for a list; give one folder."
        )
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9@:._-]*", params["service"]):
        raise ExpectedError(f"service: {params['service']!r} is not the name of a systemd service.")
    for index, node in enumerate(params["nodes"] or []):
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", node):
            raise ExpectedError(f"nodes[{index}]: {node!r} is not a container's name.")
    return Wanted(
        registries=parse(params["registries"]),
        present=params["state"] == "present",
        exclusive=params["exclusive"],
        certs_dir=params["certs_dir"],
        config_file=params["config_file"],
        service=params["service"],
        k3s_config=params["k3s_config_dir"],
        k3s_data=params["k3s_data_dir"],
    )


def main() -> None:
    """Entry point."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    _options.check(module)
    params = module.params
    try:
        wanted = _checked(module)
        if params["nodes"] is None:
            results = run([this_machine()], wanted, params["layout"], module.check_mode)
        else:
            if DOCKER_IMPORT_ERROR:
                module.fail_json(msg=missing_required_lib("docker"), exception=DOCKER_IMPORT_ERROR)
            found, missing = containers(connect(params["docker_host"], params["docker_timeout"]), params["nodes"])
            results = missing + run(found, wanted, params["layout"], module.check_mode)
    except ExpectedError as error:
        module.fail_json(msg=str(error), actions=error.actions)
    result = answer(results, module._diff)
    if result.get("failed"):
        module.fail_json(**result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
