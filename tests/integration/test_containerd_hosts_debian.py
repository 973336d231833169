# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What containerd_hosts writes, as Debian's containerd 1.6.20 takes it, whose configuration is of version 2."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import docker
import pytest
from docker.models.containers import Container

from tests.support import cri, machines, nodes
from tests.support.modules import run_module
from tests.support.names import Names
from tests.support.registry import push_image
from tests.support.testbed import Testbed
from tests.support.upstream import certificates

pytestmark = pytest.mark.skipif(
    not machines.have(machines.DEBIAN_IMAGE), reason="the testbed's node with Debian's containerd is not there"
)
CONFIG = "/etc/containerd/config.toml"
TABLE = 'plugins."io.containerd.grpc.v1.cri".registry'


@pytest.fixture(scope="module")
def node(engine: docker.DockerClient, testbed: Testbed, module_names: Names) -> Container:
    network = engine.networks.create(module_names("net"))
    registry = engine.containers.run(
        testbed.registry_image, name=module_names("registry"), detach=True, network=network.name
    )
    node = nodes.real(engine, machines.DEBIAN_IMAGE, module_names("node"), network=network.name)
    nodes.sh(node, f"cp {CONFIG} /opt/package.toml")
    registry.reload()
    address = registry.attrs["NetworkSettings"]["Networks"][network.name]["IPAddress"]
    node.url, node.address = f"http://{registry.name}:5000", address
    node.digest = push_image(f"{address}:5000", "team/app", "1")
    return node


def started(node: Container) -> str:
    return nodes.sh(node, "systemctl show -p ActiveEnterTimestampMonotonic --value containerd")


def items(node: Container, *hosts: str) -> list[dict[str, object]]:
    return [{"host": host, "server": node.url, "endpoints": [{"url": node.url}]} for host in hosts]


def as_packaged(node: Container, more: str = "") -> None:
    """The configuration that the package brings, with something added, and a containerd that has read it."""
    nodes.sh(node, f"rm -rf {nodes.CERTS} {CONFIG}*; cp /opt/package.toml {CONFIG}")
    if more:
        nodes.put(node, "/opt/more.toml", more)
        nodes.sh(node, f"cat /opt/more.toml >> {CONFIG}")
    nodes.sh(node, "systemctl restart containerd")


def test_it_is_the_real_one(node: Container) -> None:
    assert " 1.6.20" in nodes.sh(node, "ctr version | grep -A1 Server")
    assert "version = 2" in nodes.sh(node, f"cat {CONFIG}")


@pytest.mark.parametrize(
    ("more", "kept"),
    [
        pytest.param("", "/var/lib/containerd/opt", id="as the package has it"),
        pytest.param(f'[{TABLE}]\n  config_path = ""\n', "/usr/lib/cni", id="empty", marks=pytest.mark.long),
        pytest.param('[debug]\n  level = "info"\n', 'level = "info"', id="further tables", marks=pytest.mark.long),
    ],
)
def test_config_path_is_added_once(node: Container, more: str, kept: str) -> None:
    as_packaged(node, more)
    before = started(node)
    made = run_module("containerd_hosts", nodes=[node.name], registries=items(node, "localhost:5001"))
    assert made["nodes"][node.name]["restarted"]
    assert (after := started(node)) != before
    text = nodes.sh(node, f"cat {CONFIG}")
    assert text.count("config_path") == 1
    assert kept in text
    # what a kubelet does, and what ctr does
    assert cri.pull(node, "localhost:5001/team/app:1") == _configuration(node)
    nodes.sh(node, f"ctr -n k8s.io images pull --hosts-dir {nodes.CERTS} localhost:5001/team/app:1")
    assert node.digest in nodes.sh(node, "ctr -n k8s.io images ls")

    # another registry is another file, and no restart
    also = items(node, "localhost:5001", "other:5001")
    made = run_module("containerd_hosts", nodes=[node.name], registries=also)
    assert not made["nodes"][node.name]["restarted"]
    assert started(node) == after
    cri.pull(node, "other:5001/team/app:1")
    assert not run_module("containerd_hosts", nodes=[node.name], registries=also)["changed"]


@pytest.mark.long
def test_a_folder_that_is_named_already_is_used(node: Container) -> None:
    as_packaged(node, f'[{TABLE}]\n  config_path = "/etc/registries.d"\n')
    nodes.sh(node, "mkdir -p /etc/registries.d")
    before = started(node)
    made = run_module("containerd_hosts", nodes=[node.name], registries=items(node, "localhost:5001"))
    assert made["nodes"][node.name]["actions"] == ["wrote /etc/registries.d/localhost:5001/hosts.toml"]
    assert started(node) == before
    cri.pull(node, "localhost:5001/team/app:1")


@pytest.mark.long
def test_without_a_file_one_is_made(node: Container) -> None:
    nodes.sh(node, f"rm -rf {nodes.CERTS} {CONFIG}*; systemctl restart containerd")
    assert run_module("containerd_hosts", nodes=[node.name], registries=items(node, "localhost:5001"))["changed"]
    assert nodes.sh(node, f"cat {CONFIG}").startswith("version = 2\n")
    cri.pull(node, "localhost:5001/team/app:1")


def test_legacy_tables_are_refused_and_nothing_is_touched(node: Container) -> None:
    as_packaged(node, f'[{TABLE}.mirrors."localhost:5001"]\n  endpoint = ["{node.url}"]\n')
    # they do work here, as long as nothing else is configured
    cri.pull(node, "localhost:5001/team/app:1")
    before, text = started(node), nodes.sh(node, f"cat {CONFIG}")
    failed = run_module("containerd_hosts", nodes=[node.name], registries=items(node, "localhost:5001"), fails=True)
    assert 'mirrors."localhost:5001"' in failed["msg"]
    assert "declare 'localhost:5001' in registries instead" in failed["msg"]
    assert nodes.sh(node, f"cat {CONFIG}") == text
    assert started(node) == before
    nodes.sh(node, f"! ls {nodes.CERTS}")
    # why: this containerd has no CRI with both
    as_packaged(node, f'[{TABLE}]\n  config_path = "/x"\n[{TABLE}.mirrors."a"]\n  endpoint = ["{node.url}"]\n')
    assert "error" in nodes.sh(node, "ctr plugins ls | grep ' cri '")


def test_a_registry_with_tls_and_users(testbed: Testbed, node: Container, names: Names, tmp_path: Path) -> None:
    name = names("tls")
    given = certificates(tmp_path, name)
    run_module(
        "registry_container",
        name=name,
        image=testbed.registry_image,
        port=0,
        networks=list(node.attrs["NetworkSettings"]["Networks"]),
        https={"certificate": given.certificate, "key": given.key},
        users={"team": "SECRET-1"},
    )
    pair = base64.b64encode(b"team:SECRET-1").decode()
    endpoint = {"url": f"https://{name}:5000", "ca": given.authority}
    item = {"host": f"{name}:5000", "server": f"https://{name}:5000", "endpoints": [endpoint]}
    as_packaged(node)
    run_module("containerd_hosts", nodes=[node.name], registries=[item])
    with pytest.raises(cri.CriFailed, match=r"401|no basic auth|authorization"):
        cri.pull(node, f"{name}:5000/team/app:1")
    endpoint["headers"] = {"Authorization": f"Basic {pair}"}  # type: ignore[assignment]
    run_module("containerd_hosts", nodes=[node.name], registries=[item])
    with pytest.raises(cri.CriFailed, match="not found"):
        # let in, and told that there is no such image
        cri.pull(node, f"{name}:5000/team/app:1")
    assert nodes.sh(node, f"stat -c %a {nodes.CERTS}/{name}:5000/hosts.toml").strip() == "600"


def _configuration(node: Container) -> str:
    """What CRI calls an image by: the digest of its configuration."""
    config = nodes.sh(node, f"ctr -n k8s.io content get {node.digest}")
    return str(json.loads(config)["config"]["digest"])
