# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What containerd_hosts writes, as a real containerd under a real systemd takes it."""

from __future__ import annotations

import docker
import pytest
from docker.models.containers import Container

from tests.support import nodes
from tests.support.modules import run_module
from tests.support.names import Names
from tests.support.registry import push_image
from tests.support.testbed import Testbed

CONFIG = "/etc/containerd/config.toml"


@pytest.fixture(scope="module")
def node(engine: docker.DockerClient, testbed: Testbed, module_names: Names) -> Container:
    network = engine.networks.create(module_names("net"))
    published = {"5000/tcp": ("127.0.0.1", None)}
    registry = engine.containers.run(
        testbed.registry_image, name=module_names("registry"), detach=True, network=network.name, ports=published
    )
    registry.reload()
    node = nodes.real(engine, testbed.node_image, module_names("node"), network=network.name)
    port = registry.attrs["NetworkSettings"]["Ports"]["5000/tcp"][0]["HostPort"]
    digest = push_image(f"127.0.0.1:{port}", "team/app", "1")
    node.registry, node.digest = registry.name, digest
    return node


def started(node: Container) -> str:
    return nodes.sh(node, "systemctl show -p ActiveEnterTimestampMonotonic --value containerd")


def test_it_pulls_and_restarts_only_when_it_must(node: Container) -> None:
    url = f"http://{node.registry}:5000"
    registries = [{"host": "localhost:5001", "server": url, "endpoints": [{"url": url}]}]
    options = {"nodes": [node.name], "registries": registries}
    before = started(node)
    predicted = run_module("containerd_hosts", check=True, **options)
    assert started(node) == before
    made = run_module("containerd_hosts", **options)
    assert predicted["actions"] == made["actions"]
    assert made["nodes"][node.name]["restarted"]
    assert started(node) != before
    after = started(node)
    assert not run_module("containerd_hosts", **options)["changed"]
    assert started(node) == after
    pull = f"ctr -n k8s.io images pull --hosts-dir {nodes.CERTS}"
    nodes.sh(node, f"{pull} localhost:5001/team/app:1")
    assert node.digest in nodes.sh(node, "ctr -n k8s.io images ls")

    # a new file is taken without a restart
    also = {**options, "registries": [*registries, {**registries[0], "host": "other:5001"}]}
    assert run_module("containerd_hosts", **also)["nodes"][node.name] == {
        "changed": True,
        "restarted": False,
        "failed": False,
        "msg": "",
        "actions": [f"wrote {nodes.CERTS}/other:5001/hosts.toml"],
    }
    nodes.sh(node, f"{pull} other:5001/team/app:1")

    # owed: the file changed after containerd had started
    nodes.sh(node, f"sleep 1.1; touch {CONFIG}")
    assert run_module("containerd_hosts", check=True, **options)["nodes"][node.name]["restarted"]
    owed = run_module("containerd_hosts", **options)
    assert owed["changed"]
    assert "older than its configuration" in owed["actions"][0]
    assert not run_module("containerd_hosts", **options)["changed"]

    # several folders and none at all
    for value in ("/nowhere", "/etc/containerd/certs.d:/etc/docker/certs.d"):
        nodes.sh(node, f"sed -i 's#config_path = .*#config_path = \"{value}\"#' {CONFIG}; systemctl restart containerd")
        assert run_module("containerd_hosts", **options)["nodes"][node.name]["restarted"]
        assert f'config_path = "{nodes.CERTS}"' in nodes.sh(node, f"cat {CONFIG}")
        assert not run_module("containerd_hosts", **options)["changed"]


def test_a_file_that_containerd_does_not_start_with_is_put_back(node: Container) -> None:
    nodes.sh(node, f"cp {CONFIG} /tmp/good; rm -f {CONFIG}.orig; sed -i '/config_path/d' {CONFIG}")
    # what breaks it shows only when it is started again
    dropin = "/run/systemd/system/containerd.service.d"
    check = f'ExecStartPre=/bin/sh -c "! grep -q config_path {CONFIG}"'
    nodes.sh(node, f"mkdir -p {dropin}; printf '[Service]\\n{check}\\n' > {dropin}/x.conf; systemctl daemon-reload")
    registries = [{"host": "a", "endpoints": [{"url": "http://b"}]}]
    failed = run_module("containerd_hosts", nodes=[node.name], registries=registries, fails=True)
    assert "put back" in failed["msg"]
    assert "config_path" not in nodes.sh(node, f"cat {CONFIG}")
    nodes.sh(node, f"rm -r {dropin}; systemctl daemon-reload; cp /tmp/good {CONFIG}; systemctl restart containerd")
