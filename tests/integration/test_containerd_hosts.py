# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""containerd_hosts on the file systems of sleeping containers; test_containerd_hosts_pull.py has real containerd."""

from __future__ import annotations

import os
from typing import Any

import docker
import pytest
from docker.models.containers import Container

from tests.support import nodes
from tests.support.modules import BY_SHELL, run_module
from tests.support.names import Names
from tests.support.testbed import Testbed

CA = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
HOSTS = f"{nodes.CERTS}/localhost:5001/hosts.toml"


def item(host: str = "localhost:5001", url: str = "http://reg:5000", **endpoint: Any) -> dict[str, Any]:
    return {"host": host, "server": url, "endpoints": [{"url": url, **endpoint}]}


@pytest.fixture(scope="module")
def three(engine: docker.DockerClient, testbed: Testbed, module_names: Names) -> list[Container]:
    return [nodes.sleeping(engine, testbed.busybox_image, module_names(f"node{number}")) for number in range(3)]


@pytest.fixture(params=["shell", "proc"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways to a node's files; the second is there for root alone."""
    if request.param == "shell":
        monkeypatch.setenv(BY_SHELL, "1")
    elif os.geteuid() != 0:
        pytest.skip("not root")


def run(three: list[Container], *items: dict[str, Any], **options: Any) -> dict[str, Any]:
    return run_module("containerd_hosts", nodes=[node.name for node in three], registries=list(items), **options)


def tree(node: Container) -> str:
    return nodes.sh(node, "cd /etc/containerd; find . -type f | sort | while read -r f; do ls -l $f; cat $f; done")


@pytest.mark.usefixtures("way")
def test_from_nothing_to_nothing(three: list[Container]) -> None:
    before = [tree(node) for node in three]
    predicted = run(three, item(), check=True, diff=True)
    assert [tree(node) for node in three] == before
    made = run(three, item(), diff=True)
    assert (predicted["changed"], predicted["actions"], predicted["diff"]) == (True, made["actions"], made["diff"])
    assert sorted(made["nodes"]) == sorted(node.name for node in three)
    for node in three:
        assert 'server = "http://reg:5000"' in nodes.sh(node, f"cat {HOSTS}")
    for check in (True, False):
        again = run(three, item(), check=check, diff=True)
        assert (again["changed"], again["diff"], again["actions"]) == (False, [], [])

    # one node differs: only that one changes
    nodes.sh(three[1], f"echo broken > {HOSTS}")
    mended = run(three, item(), diff=True)
    assert [name for name, node in mended["nodes"].items() if node["changed"]] == [three[1].name]
    assert mended["diff"][0]["before"] == "broken\n"
    assert nodes.sh(three[1], f"cat {HOSTS}.orig") == "broken\n"

    secret = item(url="https://reg:5000", ca=CA, headers={"Authorization": "Basic U0VDUkVU"})
    changed = run(three, secret, item("reg:5000"), diff=True)
    assert "U0VDUkVU" not in str({**changed, "invocation": None})
    assert nodes.sh(three[0], f"stat -c '%a %u %n' {nodes.CERTS}/*/*").split("\n")[:2] == [
        f"644 0 {nodes.CERTS}/localhost:5001/ca-1.crt",
        f"600 0 {HOSTS}",
    ]
    assert "U0VDUkVU" in nodes.sh(three[0], f"cat {HOSTS}")
    assert not run(three, item("reg:5000"), secret)["changed"]

    assert run(three, item("reg:5000"), exclusive=True)["changed"]
    assert nodes.sh(three[0], f"ls {nodes.CERTS}") == "reg:5000\n"
    # the one that had been somebody else's is back
    assert nodes.sh(three[1], f"cat {HOSTS}") == "broken\n"
    assert run(three, exclusive=True, state="absent", check=True)["changed"]
    assert run(three, exclusive=True, state="absent")["changed"]
    assert not run(three, exclusive=True, state="absent")["changed"]
    assert nodes.sh(three[0], f"ls -A {nodes.CERTS}") == ""


def test_nodes_that_are_gone_or_broken_are_named_and_the_others_done(three: list[Container]) -> None:
    nodes.sh(three[2], "mv /etc/containerd/config.toml /tmp/; echo 'version = [' > /etc/containerd/config.toml")
    names = [three[0].name, "kltest-gone", three[2].name]
    failed = run_module("containerd_hosts", nodes=names, registries=[item("other")], fails=True)
    assert failed["msg"].startswith("2 of 3 nodes failed, the others are done: ")
    assert "kltest-gone: there is no container" in failed["msg"]
    assert f"{three[2].name}: /etc/containerd/config.toml is not valid TOML" in failed["msg"]
    assert failed["nodes"][three[0].name]["changed"]
    assert nodes.sh(three[0], f"ls {nodes.CERTS}") == "other\n"
    nodes.sh(three[2], "mv /tmp/config.toml /etc/containerd/config.toml")


def test_a_stopped_node_is_written_and_told(engine: docker.DockerClient, testbed: Testbed, names: Names) -> None:
    node = nodes.sleeping(engine, testbed.busybox_image, names("stopped"), config="version = 2\n")
    nodes.sh(node, f"mkdir -p {nodes.CERTS}/localhost:5001; echo theirs > {HOSTS}; echo x > {nodes.CERTS}/reg:5000")
    node.stop(timeout=0)
    registries = [item(url="https://r", ca=CA, headers={"A": "b"}), item("reg:5000")]
    done = run_module("containerd_hosts", nodes=[node.name], registries=registries)
    assert any("it is stopped" in action for action in done["actions"])
    assert not run_module("containerd_hosts", nodes=[node.name], registries=registries)["changed"]
    node.start()
    assert not run_module("containerd_hosts", nodes=[node.name], registries=registries)["changed"]
    assert nodes.sh(node, f"cat {HOSTS}.orig {nodes.CERTS}/reg:5000.orig") == "theirs\nx\n"
    assert nodes.sh(node, f"stat -c %a {HOSTS}") == "600\n"
    node.stop(timeout=0)
    assert run_module("containerd_hosts", nodes=[node.name], exclusive=True, state="absent")["changed"]
    assert not run_module("containerd_hosts", nodes=[node.name], exclusive=True, state="absent")["changed"]
    node.start()
    run_module("containerd_hosts", nodes=[node.name], exclusive=True, state="absent")
    assert "reg:5000\n" not in nodes.sh(node, f"ls {nodes.CERTS}")


@pytest.mark.usefixtures("way")
def test_k3s_keeps_both_in_step(three: list[Container]) -> None:
    done = run(three[:1], item(), layout="k3s")
    assert done["changed"]
    text = nodes.sh(three[0], "cat /etc/rancher/k3s/registries.yaml")
    assert 'endpoint:\n      - "http://reg:5000"\n' in text
    rendered = "/var/lib/rancher/k3s/agent/etc/containerd/certs.d/localhost:5001/hosts.toml"
    assert '[host."http://reg:5000"]' in nodes.sh(three[0], f"cat {rendered}")
    assert not run(three[:1], item(), layout="k3s", check=True)["changed"]
    assert not run(three[:1], item(), layout="k3s")["changed"]
    assert run(three[:1], item(), layout="k3s", state="absent")["changed"]
    assert not run(three[:1], item(), layout="k3s", state="absent")["changed"]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"registries": [{"host": "a/b"}]}, "registries[0].host: 'a/b'"),
        ({"registries": [item(capabilities=["fly"])]}, "capabilities: 'fly'"),
        ({"registries": [item(), item()]}, "'localhost:5001' is listed twice"),
        ({"certs_dir": "relative"}, "certs_dir: 'relative'"),
        ({"certs_dir": "/etc/a:/etc/b"}, "certs_dir: '/etc/a:/etc/b'"),
        ({"certs_dir": "/etc/../x"}, "certs_dir: '/etc/../x'"),
        ({"config_file": "/$(id)/x"}, "config_file: '/$(id)/x'"),
        ({"service": "a b;c"}, "service: 'a b;c'"),
        ({"nodes": ["a;b"]}, "nodes[0]: 'a;b'"),
        ({"nodes": [""]}, "nodes[0]: ''"),
        ({"k3s_config_dir": "x"}, "k3s_config_dir: 'x'"),
        ({"k3s_data_dir": "/x\n/y"}, "k3s_data_dir: "),
        ({"layout": "k8s"}, "layout must be one of"),
        ({"state": "gone"}, "state must be one of"),
        ({"docker_host": "tcp://127.0.0.1:9"}, "tcp://127.0.0.1:9"),
    ],
)
def test_bad_input_is_told_before_anything_is_touched(options: dict[str, Any], named: str) -> None:
    failed = run_module("containerd_hosts", fails=True, **{"nodes": ["kltest-none"], **options})
    assert named in failed["msg"]
