# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role registry alone on localhost, as a person runs it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import docker

from tests.support.names import Names
from tests.support.playbooks import run_playbook
from tests.support.registry import pull, push_image
from tests.support.testbed import Testbed

PLAY = """\
- hosts: localhost
  gather_facts: false
  vars:
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
  roles:
    - role: kubelocal.registry.registry
"""


def test_role(
    engine: docker.DockerClient, testbed: Testbed, names: Names, free_port: Callable[[], int], tmp_path: Path
) -> None:
    play = tmp_path / "play.yml"
    play.write_text(PLAY, encoding="utf-8")
    name, port = names("role"), free_port()
    # as -e passes them: strings
    variables = {"registry_name": name, "registry_port": str(port), "registry_image": testbed.registry_image}

    planned = run_playbook(play, variables, check=True)
    assert planned.rc == 0, planned.stdout
    assert not engine.containers.list(all=True, filters={"name": name})
    assert run_playbook(play, variables).changed == {"localhost": 1}
    digest = push_image(f"localhost:{port}", "kept", "v1")
    assert run_playbook(play, {"registry_name": name}).changed == {"localhost": 0}

    kept = run_playbook(play, {**variables, "registry_state": "absent", "registry_persistent": "true"})
    assert kept.changed == {"localhost": 0}
    both = {"registry_state": "absent", "registry_persistent": "true", "registry_purge": "true"}
    refused = run_playbook(play, {**variables, **both}, fails=True)
    assert "choose one of them" in refused.failed_message

    assert run_playbook(play, {**variables, "registry_state": "absent"}).changed == {"localhost": 1}
    # purge only counts when the registry is to go
    assert run_playbook(play, {**variables, "registry_purge": "true"}).changed == {"localhost": 1}
    assert pull(f"localhost:{port}", "kept:v1") == digest
    run_playbook(play, {**variables, "registry_state": "absent", "registry_purge": "true"})
    assert not engine.containers.list(all=True, filters={"name": name})
    assert not engine.volumes.list(filters={"name": name})
