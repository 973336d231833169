# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Role remote and the playbooks with it: this machine as a node, real nodes by SSH only, and one that is not there."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import docker
import pytest

from tests.support import cluster as clusters
from tests.support.names import Names
from tests.support.nodes import put, sh
from tests.support.playbooks import PlaybookResult, run_playbook
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
SSH_NODE = "testbed/ssh-node:v1.34.4"
SSH_OPTIONS = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o ConnectTimeout=5"


def docker_has(image: str) -> bool:
    """Whether the Engine has an image; not where there is no Engine."""
    command = ["docker", "image", "inspect", image]
    return shutil.which("docker") is not None and not subprocess.run(command, capture_output=True).returncode


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


def test_an_inventory_without_machines_is_refused() -> None:
    done = run_playbook("kubelocal.registry.up", {"cluster_provider": "remote"}, fails=True)
    assert "cluster_nodes" in done.failed_message


def test_machines_are_left_alone_by_other_providers(tmp_path: Path) -> None:
    (tmp_path / "inventory.yml").write_text(INVENTORY)
    arguments = ["-i", str(tmp_path / "inventory.yml"), "--list-hosts"]
    assert "away" in run_playbook("kubelocal.registry.up", {}, *arguments).stdout
    # where there are none, there are no plays for them: nothing is printed, nothing is waited for
    for playbook in ("up", "down", "status"):
        assert run_playbook(f"kubelocal.registry.{playbook}", {}, "--list-hosts").stdout.count("play #") == 1


@pytest.mark.long
@pytest.mark.skipif(not docker_has(SSH_NODE), reason="the testbed's node with sshd is not there")
def test_a_cluster_of_strangers_is_configured_by_ssh_alone(
    engine: docker.DockerClient,
    testbed: Testbed,
    names: Names,
    free_port: Callable[[], int],
    tmp_path: Path,
) -> None:
    network = names("n")
    strangers = dataclasses.replace(testbed, node_image=SSH_NODE)
    clusters.create(strangers, names("c"), tmp_path, network=network)
    cluster = clusters.describe(engine, testbed, names("c"), tmp_path / "kubeconfig")
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    addresses = {}
    for name in cluster.nodes:
        node = engine.containers.get(name)
        put(node, "/root/.ssh/authorized_keys", key.with_suffix(".pub").read_text())
        addresses[name] = node.attrs["NetworkSettings"]["Networks"][network]["IPAddress"]
    gateway = node.attrs["NetworkSettings"]["Networks"][network]["Gateway"]
    hosts = {name: {"ansible_host": address} for name, address in addresses.items()}
    # of the same network, so that it is known at once that nobody is there
    hosts["away"] = {"ansible_host": gateway.rsplit(".", 1)[0] + ".250"}
    group = {
        "hosts": hosts,
        "vars": {
            "ansible_user": "root",
            "ansible_python_interpreter": "/usr/bin/python3",
            "ansible_ssh_private_key_file": str(key),
            "ansible_ssh_common_args": SSH_OPTIONS,
        },
    }
    (tmp_path / "inventory.json").write_text(json.dumps({"all": {"children": {"cluster_nodes": group}}}))
    variables = {
        "cluster_provider": "remote",
        "cluster_name": names("c"),
        "cluster_kubeconfig": str(cluster.kubeconfig),
        "registry_name": names("r"),
        "registry_image": testbed.registry_image,
        "remote_registry_address": gateway,
        "remote_registry_listen_address": gateway,
        "remote_registry_port": free_port(),
        "remote_folder": str(tmp_path / "keys"),
        "remote_users": {"team": "SECRET-1"},
        # each batch is one machine, and one of the batches has nothing left
        "up_serial": "1",
    }

    def play(name: str) -> PlaybookResult:
        inventory = str(tmp_path / "inventory.json")
        done = run_playbook(f"kubelocal.registry.{name}", variables, "-i", inventory, "--diff", fails=True)
        assert "SECRET-1" not in done.stdout + done.stderr
        return done

    done = play("up")
    assert "away was not configured" in done.failed_message
    assert "a push and a pull on 2 nodes worked" in done.stdout
    assert all(done.recap[name]["failed"] == 0 and done.changed[name] for name in cluster.nodes), done.stdout
    assert {count for host, count in play("up").changed.items()} == {0}

    sh(engine.containers.get(cluster.nodes[1]), "rm -r /etc/containerd/certs.d/*")
    assert f"{cluster.nodes[1]}  " in (broken := play("status").stdout)
    assert "3 links of 5 broken" in broken
    assert [name for name, count in play("up").changed.items() if count] == [cluster.nodes[1]]

    play("down")
    assert engine.containers.get(names("r")).status == "running"
    for name in cluster.nodes:
        sh(engine.containers.get(name), f"! ls -d /etc/containerd/certs.d/{gateway}*")
