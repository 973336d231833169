# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Role remote with this machine as the node and the registry's host, and a node that is not there."""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import docker
import pytest

from tests.support.names import Names
from tests.support.playbooks import run_playbook
from tests.support.registry import push_image
from tests.support.testbed import Testbed

PLAYS = """
- hosts: cluster_nodes
  gather_facts: false
  roles: [kubelocal.registry.remote]
- hosts: registry_clients
  gather_facts: false
  tasks:
    - ansible.builtin.import_role:
        name: kubelocal.registry.remote
        tasks_from: clients
"""
INVENTORY = """
all:
  children:
    registry_clients:
      hosts: {here: }
    cluster_nodes:
      hosts:
        here: {ansible_connection: local, ansible_python_interpreter: "{{ ansible_playbook_python }}"}
        away: {ansible_host: 127.0.0.1, ansible_port: 9, ansible_ssh_common_args: -o ConnectTimeout=2}
"""


def test_a_node_and_a_client_get_what_they_need(
    engine: docker.DockerClient,
    testbed: Testbed,
    names: Names,
    free_port: Callable[[], int],
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    (tmp_path / "play.yml").write_text(PLAYS)
    (tmp_path / "inventory.yml").write_text(INVENTORY)
    gateway = engine.networks.get("bridge").attrs["IPAM"]["Config"][0].get("Gateway", "172.17.0.1")
    host = f"{gateway}:{free_port()}"
    config = tmp_path / "etc" / "containerd" / "config.toml"
    variables = {
        "remote_registry_address": gateway,
        "remote_registry_port": int(host.split(":")[1]),
        "remote_registry_listen_address": gateway,
        "remote_registry_name": names("remote"),
        "remote_registry_image": testbed.registry_image,
        "remote_folder": str(tmp_path / "keys"),
        "remote_users": {"team": "SECRET-1"},
        "remote_layout": "containerd",
        "remote_config_file": str(config),
        "remote_certs_dir": str(config.parent / "certs.d"),
        "remote_service": "kltest-no-such-service",
        "remote_docker_config": str(tmp_path / "docker" / "config.json"),
    }

    def play(state: str, *arguments: str, check: bool = False) -> dict[str, int]:
        done = run_playbook(
            tmp_path / "play.yml",
            {**variables, "remote_state": state},
            "-i",
            str(tmp_path / "inventory.yml"),
            *arguments,
            check=check,
            fails=None,
        )
        assert done.recap.get("here", {}).get("failed") == 0, done.stdout + done.stderr
        # the node that is away is reported, and does not keep the other one from being done
        assert "away" in done.stdout
        assert "UNREACHABLE" in done.stdout
        assert "SECRET-1" not in done.stdout
        return done.changed

    play("present", "--diff", check=True)
    assert not (tmp_path / "keys").exists()
    assert not config.exists()
    hosts = config.parent / "certs.d" / host / "hosts.toml"
    # the Engine that logs in reads it there
    ca = Path("/etc/docker/certs.d") / host / "ca.crt"
    request.addfinalizer(lambda: shutil.rmtree(ca.parent, ignore_errors=True))
    assert play("present", "--limit", "here,away")["here"] > 0
    assert stat.S_IMODE(os.stat(hosts).st_mode) == 0o600
    assert "Authorization" in hosts.read_text()
    assert (hosts.parent / "ca-1.crt").read_text().strip() == ca.read_text().strip()
    assert stat.S_IMODE(os.stat(tmp_path / "keys" / "ca.key").st_mode) == 0o600
    login = tmp_path / "docker" / "config.json"
    assert list(json.loads(login.read_text())["auths"]) == [f"https://{host}"]
    assert stat.S_IMODE(os.stat(login).st_mode) == 0o600
    push_image(host, "app", "1", user="team", password="SECRET-1", ca=str(ca))
    assert play("present")["here"] == 0

    assert play("absent")["here"] > 0
    assert not hosts.exists()
    assert not ca.exists()
    # only disconnected: the registry is there with its images
    assert engine.containers.get(names("remote")).status == "running"
    assert play("absent")["here"] == 0
