# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults on a node with systemd and containerd, each caused for real; one run mends it, the next changes nothing."""

from __future__ import annotations

from typing import Any

import docker
import pytest
from docker.models.containers import Container

from tests.support import nodes
from tests.support.modules import run_module
from tests.support.names import Names
from tests.support.testbed import Testbed

HOSTS = f"{nodes.CERTS}/localhost:5001"
CONFIG = "/etc/containerd/config.toml"
REGISTRIES = [{"host": "localhost:5001", "server": "http://r:5000", "endpoints": [{"url": "http://r:5000"}]}]

# by name: what is done to the node, and whether containerd has to be restarted for the repair
FAULTS = {
    "hosts.toml deleted": (f"rm {HOSTS}/hosts.toml", False),
    "hosts.toml corrupted": (f"head -c 100 /dev/urandom > {HOSTS}/hosts.toml", False),
    "hosts.toml truncated": (f": > {HOSTS}/hosts.toml", False),
    "hosts.toml replaced": (f"echo 'server = \"http://elsewhere\"' > {HOSTS}/hosts.toml", False),
    "its folder deleted": (f"rm -r {HOSTS}", False),
    "its folder replaced by a file": (f"rm -r {HOSTS}; echo x > {HOSTS}", False),
    "certs.d replaced by a file": (f"rm -r {nodes.CERTS}; echo x > {nodes.CERTS}", False),
    "a run killed before its renames": (f"mkdir -p {nodes.CERTS}/.kubelocal-new-0badcafe/x", False),
    "a folder that comes first": (f"mkdir {nodes.CERTS}/localhost_5001_", False),
    "config_path pointing nowhere": (f"sed -i 's#certs.d#nowhere#' {CONFIG}; systemctl restart containerd", True),
    "config_path removed": (f"sed -i '/config_path/d' {CONFIG}; systemctl restart containerd", True),
    "containerd not restarted after its file changed": (f"sleep 1.1; touch {CONFIG}", True),
    "containerd stopped, its file wrong": (f"systemctl stop containerd; sed -i 's#certs.d#nowhere#' {CONFIG}", True),
}

# test_up.py causes the same on a cluster's nodes
_TWINS = (
    "hosts.toml deleted",
    "hosts.toml corrupted",
    "hosts.toml replaced",
    "its folder replaced by a file",
    "config_path pointing nowhere",
    "containerd not restarted after its file changed",
)


@pytest.fixture(scope="module")
def node(engine: docker.DockerClient, testbed: Testbed, module_names: Names) -> Container:
    found = nodes.real(engine, testbed.node_image, module_names("node"))
    run(found)
    return found


def run(node: Container, check: bool = False) -> dict[str, Any]:
    result: dict[str, Any] = run_module("containerd_hosts", nodes=[node.name], registries=REGISTRIES, check=check)
    return {**result["nodes"][node.name], "changed": result["changed"]}


@pytest.mark.parametrize(
    "fault", [pytest.param(name, marks=pytest.mark.long if name in _TWINS else ()) for name in FAULTS]
)
def test_one_run_mends_it(node: Container, fault: str) -> None:
    script, restarts = FAULTS[fault]
    good = nodes.sh(node, f"cat {HOSTS}/hosts.toml")
    nodes.sh(node, script)
    repair = run(node)
    assert repair["changed"]
    assert repair["restarted"] == restarts
    assert nodes.sh(node, f"cat {HOSTS}/hosts.toml") == good
    asked = f"grep -c 'config_path = \"{nodes.CERTS}\"' {CONFIG}; systemctl is-active containerd"
    assert nodes.sh(node, asked) == "1\nactive\n"
    assert not run(node)["changed"]


def test_the_restart_of_a_node_leaves_nothing_to_do(node: Container) -> None:
    node.restart(timeout=5)
    assert not run(node)["changed"]
