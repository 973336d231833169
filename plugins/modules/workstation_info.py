# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: workstation_info
short_description: Tell what a developer's machine has
version_added: 0.1.0
author: "kubelocal contributors (@kubelocal)"
description:
  - Tells in one call which system and init system run, whether a Docker Engine is installed and answers, which of the tools are there with
    their versions, and whether a user may use Docker.
  - Needs no facts and no root.
options:
  tools:
    description:
      - The command line tools to look for, in O(bin_dir) first and then on E(PATH).
    type: list
    elements: str
    choices:
      - kind
      - kubectl
      - k3d
    default:
      - kind
      - kubectl
      - k3d
  bin_dir:
    description:
      - Folder for tools.
      - By default C(/usr/local/bin) where the user who runs the module can write there, else C(~/.local/bin).
    type: path
  user:
    description:
      - The user whose membership in the group C(docker) is told.
      - By default the one who runs the module, or the one behind C(sudo).
    type: str
extends_documentation_fragment:
  - kubelocal.registry.docker
  - kubelocal.registry.attributes
  - kubelocal.registry.attributes.info
  - kubelocal.registry.attributes.docker_group
"""

EXAMPLES = r"""
- name: Look at this machine
  kubelocal.registry.workstation_info:
  register: machine

- name: Say which kind is there
  ansible.builtin.debug:
    msg: "{{ machine.workstation.tools.kind.version | default('none', true) }}"
"""

RETURN = r"""
workstation:
  description: What was found.
  returned: success
  type: dict
  contains:
    system:
      description: The operating system.
      type: dict
      contains:
        name:
          description: Its full name.
          type: str
          sample: Debian GNU/Linux 12 (bookworm)
        id:
          description: Its short name, as in C(/etc/os-release).
          type: str
          sample: debian
        version:
          description: Its version.
          type: str
          sample: "12"
        family:
          description: The family whose packages it uses; empty when it is none that the role C(workstation) knows.
          type: str
          sample: debian
        supported:
          description: Whether the role C(workstation) can install a Docker Engine on it.
          type: bool
          sample: true
        os:
          description: The kernel, as releases of Go programs name it.
          type: str
          sample: linux
        architecture:
          description: The processor, as releases of Go programs name it.
          type: str
          sample: amd64
        init:
          description: The init system that runs, V(systemd), V(openrc), V(launchd) or V(none).
          type: str
          sample: systemd
        engine_packages:
          description: The packages that make a Docker Engine on it.
          type: list
          elements: str
          sample: ["docker.io"]
    supported_systems:
      description: The systems on which the role C(workstation) can install a Docker Engine.
      type: str
      sample: Debian, Ubuntu, Fedora
    user:
      description: The user.
      type: dict
      contains:
        name:
          description: The login name.
          type: str
          sample: ada
        root:
          description: Whether it is root.
          type: bool
          sample: false
        in_docker_group:
          description: Whether the machine counts the user in the group C(docker).
          type: bool
          sample: true
        session_in_docker_group:
          description: Whether this login has the group already.
          type: bool
          sample: false
        runs_as_root:
          description: Whether the module itself ran as root.
          type: bool
          sample: false
    engine:
      description: The Docker Engine.
      type: dict
      contains:
        installed:
          description: Whether its program is on this machine.
          type: bool
          sample: true
        reachable:
          description: Whether it answers this user.
          type: bool
          sample: true
        version:
          description: Its version, where it answers.
          type: str
          sample: 27.5.1
        permitted:
          description: Whether this user may talk to it; false only where the socket said that it may not.
          type: bool
          sample: true
        reason:
          description: Why it does not answer.
          type: str
          sample: "no Docker Engine answers at unix:///var/run/docker.sock; start it."
        local:
          description: Whether it is one that this machine's own service provides, and not one that O(docker_host), E(DOCKER_HOST) or a
            context names.
          type: bool
          sample: true
    bin_dir:
      description: The folder for tools.
      type: dict
      contains:
        path:
          description: Its path.
          type: str
          sample: /usr/local/bin
        writable:
          description: Whether this user can write there.
          type: bool
          sample: true
        on_path:
          description: Whether a shell finds what lies there.
          type: bool
          sample: true
    tools:
      description: Each tool by name, with C(path) and C(version), both null where it is not there.
      type: dict
      sample: {"kind": {"path": "/usr/local/bin/kind", "version": "v0.33.0"}}
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.kubelocal.registry.plugins.module_utils import _docker, _options, _workstation


def engine(docker_host: str | None, timeout: int) -> dict[str, Any]:
    """The Engine's state, as plain data."""
    state: dict[str, Any] = {
        "installed": _workstation.engine_installed(),
        "reachable": False,
        "permitted": True,
        "version": None,
        "reason": None,
        "local": True,
    }
    try:
        host = _docker.chosen_host(docker_host)
        state["local"] = host in (None, "unix:///var/run/docker.sock", "unix:///run/docker.sock")
        client = _docker.connect(docker_host, timeout)
        try:
            state["version"] = str(client.version()["Version"])
        finally:
            client.close()
        state["reachable"] = True
    except _docker.EngineError as error:
        state["reason"] = str(error)
        state["permitted"] = not str(error).startswith("no permission")
    return state


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **_docker.DOCKER_OPTIONS,
            "tools": {
                "type": "list",
                "elements": "str",
                "choices": ["kind", "kubectl", "k3d"],
                "default": ["kind", "kubectl", "k3d"],
            },
            "bin_dir": {"type": "path"},
            "user": {"type": "str"},
        },
        supports_check_mode=True,
    )
    _options.check(module, {"bin_dir": "path", "user": "user"})
    if _docker.DOCKER_IMPORT_ERROR:
        module.fail_json(msg=missing_required_lib("docker"), exception=_docker.DOCKER_IMPORT_ERROR)
    options = module.params
    if options["user"] and not _workstation.user_exists(options["user"]):
        module.fail_json(msg=f"user: there is no user '{options['user']}' on this machine; name one that it has.")
    found = _workstation.describe(options["tools"], options["bin_dir"], options["user"])
    found["engine"] = engine(options["docker_host"], options["docker_timeout"])
    module.exit_json(changed=False, workstation=found)


if __name__ == "__main__":
    main()
