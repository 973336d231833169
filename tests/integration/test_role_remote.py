# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Role remote and the playbooks with it: this machine as a node, real nodes by SSH only, and one that is not there."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.models.containers import Container

from tests.support import cluster as clusters
from tests.support import machines
from tests.support.names import Names
from tests.support.nodes import sh
from tests.support.playbooks import PlaybookResult, run_playbook
from tests.support.registry import push_image
from tests.support.testbed import Testbed
from tests.support.waiting import wait_for

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


def test_an_inventory_without_machines_is_refused() -> None:
    done = run_playbook("kubelocal.registry.up", {"cluster_provider": "remote"}, fails=True)
    assert "cluster_nodes" in done.failed_message


def test_what_can_not_work_is_told_before_anything_is_touched(tmp_path: Path) -> None:
    (tmp_path / "play.yml").write_text(PLAYS)
    (tmp_path / "inventory.yml").write_text(INVENTORY)
    folder = tmp_path / "keys"
    variables = {"remote_registry_address": "localhost", "remote_users": {}, "remote_folder": str(folder)}
    done = run_playbook(
        tmp_path / "play.yml", variables, "-i", str(tmp_path / "inventory.yml"), "--limit", "here", fails=True
    )
    assert "remote_registry_address: 'localhost' is not an address that other machines reach" in done.failed_message
    assert "remote_users: is empty" in done.failed_message
    assert (done.changed, folder.exists()) == ({"here": 0}, False)


def test_machines_are_left_alone_by_other_providers(tmp_path: Path) -> None:
    (tmp_path / "inventory.yml").write_text(INVENTORY)
    arguments = ["-i", str(tmp_path / "inventory.yml"), "--list-hosts"]
    assert "away" in run_playbook("kubelocal.registry.up", {}, *arguments).stdout
    # where there are none, there are no plays for them: nothing is printed, nothing is waited for
    for playbook in ("up", "down", "status"):
        assert run_playbook(f"kubelocal.registry.{playbook}", {}, "--list-hosts").stdout.count("play #") == 1


@pytest.mark.long
@pytest.mark.skipif(not machines.have(machines.SSH_IMAGE), reason="the testbed's node with sshd is not there")
def test_a_cluster_of_strangers_is_configured_by_ssh_alone(
    engine: docker.DockerClient,
    testbed: Testbed,
    names: Names,
    free_port: Callable[[], int],
    tmp_path: Path,
) -> None:
    network = names("n")
    strangers = dataclasses.replace(testbed, node_image=machines.SSH_IMAGE)
    clusters.create(strangers, names("c"), tmp_path, network=network)
    cluster = clusters.describe(engine, testbed, names("c"), tmp_path / "kubeconfig")
    reached = machines.Machines.on(engine, network, tmp_path)
    for name in cluster.nodes:
        # its containerd has to be restarted for the folder that is then named
        sh(reached.add(engine.containers.get(name)), "sed -i '/config_path/d' /etc/containerd/config.toml")
    group = reached.group()
    # of the same network, so that it is known at once that nobody is there
    group["hosts"]["away"] = {"ansible_host": reached.gateway.rsplit(".", 1)[0] + ".250"}
    # the only one of its group, and neither keeps the others from being done
    laptop = {"hosts": {"laptop": {**group["hosts"]["away"], "ansible_ssh_common_args": "-o ConnectTimeout=2"}}}
    inventory = {"all": {"children": {"cluster_nodes": group, "registry_clients": laptop}}}
    (tmp_path / "inventory.json").write_text(json.dumps(inventory))
    variables = {
        "cluster_provider": "remote",
        "cluster_name": names("c"),
        "cluster_kubeconfig": str(cluster.kubeconfig),
        "registry_name": names("r"),
        "registry_image": testbed.registry_image,
        "remote_registry_address": reached.gateway,
        "remote_registry_listen_address": reached.gateway,
        "remote_registry_port": free_port(),
        "remote_folder": str(tmp_path / "keys"),
        "remote_users": {"team": "SECRET-1"},
        # each batch is one machine, and one of the batches has nothing left
        "up_serial": "1",
    }

    def play(name: str, **more: Any) -> PlaybookResult:
        inventory = str(tmp_path / "inventory.json")
        # the machine that is away makes each of them fail
        done = run_playbook(f"kubelocal.registry.{name}", {**variables, **more}, "-i", inventory, "--diff", fails=True)
        assert "SECRET-1" not in done.stdout + done.stderr
        return done

    for name in cluster.nodes:
        cluster.kubectl("apply", "-f", "-", input=json.dumps(_sleeper(name, testbed.busybox_image)))
    before = wait_for("pods that sleep", lambda: _running(cluster), 120, 1)
    starts = {name: _starts(engine.containers.get(name)) for name in cluster.nodes}
    done = play("up")
    assert "away was not configured: it is not reached by SSH" in done.stdout
    assert "The Docker client laptop was not configured: it is not reached by SSH" in done.failed_message
    assert "a push and a pull on 2 nodes worked" in done.stdout
    assert all(done.recap[name]["failed"] == 0 and done.changed[name] for name in cluster.nodes), done.stdout
    # containerd was restarted on both, one after another, and no pod noticed
    assert all(_starts(engine.containers.get(name)) != starts[name] for name in cluster.nodes)
    first, second = sorted(_starts(engine.containers.get(name)) for name in cluster.nodes)
    assert first[1] < second[0]
    assert _running(cluster) == before
    assert {count for host, count in play("up").changed.items()} == {0}

    sh(engine.containers.get(cluster.nodes[1]), "rm -r /etc/containerd/certs.d/*")
    states = dict(_LINK.findall(play("status").stdout))
    assert states == {
        "registry": "ok",
        "away": "FAILS",
        cluster.nodes[0]: "ok",
        cluster.nodes[1]: "FAILS",
        "pull by every kubelet": "FAILS",
    }
    assert [name for name, count in play("up").changed.items() if count] == [cluster.nodes[1]]

    # with an agent nobody has to run anything
    agent = {"connect_node_agent": True, "connect_node_agent_image": f"docker.io/{testbed.busybox_image}"}
    play("up", **agent)
    host = f"{reached.gateway}:{variables['remote_registry_port']}"
    file = f"/etc/containerd/certs.d/{host}/hosts.toml"
    worker = engine.containers.get(cluster.nodes[1])
    written = sh(worker, f"cat {file}")
    sh(worker, f"rm -r /etc/containerd/certs.d/{host}")
    wait_for("the agent's file", lambda: worker.exec_run(["cat", file]).output.decode() == written, 60)
    assert set(play("up", **agent).changed.values()) == {0}

    play("down")
    assert engine.containers.get(names("r")).status == "running"
    assert not cluster.kubectl(
        "get", "daemonsets", "--all-namespaces", "-l", "app.kubernetes.io/name=node-agent", "-o", "name"
    )
    for name in cluster.nodes:
        sh(engine.containers.get(name), f"! ls -d /etc/containerd/certs.d/{reached.gateway}*")
    assert _running(cluster) == before


_LINK = re.compile(r"^\W*(\S.*?)  +(ok|FAILS|-)  ", re.MULTILINE)


def _sleeper(node: str, image: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"sleeper-{node}", "namespace": "default", "labels": {"test": "sleeper"}},
        "spec": {
            "nodeName": node,
            "tolerations": [{"operator": "Exists"}],
            "containers": [{"name": "sleeper", "image": f"docker.io/{image}", "command": ["sleep", "100000"]}],
        },
    }


def _running(cluster: clusters.Cluster) -> dict[str, tuple[str, int]]:
    """Containers and restarts of the pods that sleep; nothing until all of them run."""
    found = {}
    for pod in cluster.get("pods", "-l", "test=sleeper")["items"]:
        for status in pod["status"].get("containerStatuses") or []:
            if "running" in status["state"]:
                found[pod["metadata"]["name"]] = (status["containerID"], status["restartCount"])
    return found if len(found) == len(cluster.nodes) else {}


def _starts(node: Container) -> tuple[int, int]:
    """When containerd was last started, and when it was up: by the host's clock, so that nodes can be compared."""
    names = ("InactiveExitTimestampMonotonic", "ActiveEnterTimestampMonotonic")
    shown = sh(node, "systemctl show containerd " + " ".join(f"-p {name}" for name in names))
    values = dict(line.split("=") for line in shown.split())
    return int(values[names[0]]), int(values[names[1]])
