# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shell on a node that is a container, over every kind of connection that the SDK has."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from docker.models.containers import Container

from ansible_collections.kubelocal.registry.plugins.module_utils import _container_root, _docker
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._node_container import ContainerNode
from ansible_collections.kubelocal.registry.plugins.module_utils._node_tree import NewFile, Plan
from tests.support import engine_proxy, nodes
from tests.support.certificates import Authority
from tests.support.names import Names
from tests.support.pausing import pause
from tests.support.testbed import Testbed
from tests.support.waiting import wait_for

# ends at SIGTERM as ssh does, which Docker's CLI alone does not
_SSH = """#!/bin/sh
for last; do :; done
exec 3<&0
$last <&3 &
trap 'kill -KILL $!' TERM
wait
"""
KINDS = ["socket", "tcp", "tls", "ssh"]


@pytest.fixture(scope="module")
def sleeping(engine: docker.DockerClient, testbed: Testbed, module_names: Names) -> Container:
    return nodes.sleeping(engine, testbed.busybox_image, module_names("node"))


@pytest.fixture(params=KINDS)
def client(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[docker.DockerClient]:
    if os.environ.get("DOCKER_HOST") or not Path(engine_proxy.ENGINE).exists():
        pytest.skip(f"the Engine is not at {engine_proxy.ENGINE}")
    if request.param == "socket":
        yield _docker.connect()
    elif request.param == "tcp":
        with engine_proxy.listening() as port:
            yield _docker.connect(f"tcp://127.0.0.1:{port}")
    elif request.param == "tls":
        authority = Authority()
        for name, text in zip(("cert.pem", "key.pem"), authority.issue("localhost")):
            (tmp_path / name).write_text(text)
        (tmp_path / "ca.pem").write_text(authority.certificate)
        # requests takes these before what it is told
        for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
        monkeypatch.setenv("DOCKER_CERT_PATH", str(tmp_path))
        with engine_proxy.listening(f"{tmp_path}/cert.pem", f"{tmp_path}/key.pem") as port:
            yield _docker.connect(f"tcp://localhost:{port}")
    else:
        pytest.importorskip("paramiko")
        # what the SDK starts, ending here instead of on another machine
        (tmp_path / "ssh").write_text(_SSH)
        (tmp_path / "ssh").chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        yield _docker.connect("ssh://somewhere")


@pytest.fixture(autouse=True)
def by_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    """As for all who are not root."""
    monkeypatch.setattr(_container_root, "find", lambda _container, _state: None)


def node(client: docker.DockerClient, container: Container) -> ContainerNode:
    return ContainerNode(client, container.name, {"Id": container.id, "State": "running", "Created": 0})


def shells(container: Container) -> int:
    """How many shells run in it."""
    return sum(process[-1] in ("sh", "busybox") for process in container.top(ps_args="-eo pid,comm")["Processes"])


def test_it_reads_and_writes(client: docker.DockerClient, sleeping: Container) -> None:
    one = node(client, sleeping)
    content = bytes(range(256)) * 3000
    plan = Plan(stage="/etc/.kubelocal-new-1", writes={"/etc/all": NewFile(content[:2560]), "/etc/x": NewFile(b"")})
    plan.staged = {"/etc/all": f"{plan.stage}/0", "/etc/x": f"{plan.stage}/1"}
    one.apply(plan)
    nodes.sh(sleeping, "for i in $(seq 300); do cat /etc/all; done > /etc/much")
    assert one.read("/etc/all")["/etc/all"].content == content[:2560]
    assert one.read("/etc/much")["/etc/much"].content == content
    assert one.read("/etc/none") == {}
    assert one.is_dir("/etc")
    assert not one.is_dir("/etc/all")
    assert shells(sleeping) == 1
    one.close()
    wait_for("no shell in the node", lambda: shells(sleeping) == 0, 10)


def test_one_that_hangs_is_given_up(client: docker.DockerClient, sleeping: Container) -> None:
    client.api.timeout = 2
    one = node(client, sleeping)
    assert one.is_dir("/etc")
    pause(sleeping)
    try:
        with pytest.raises(ExpectedError, match="did not answer within 2 s"):
            one.read("/etc/containerd")
    finally:
        sleeping.unpause()
    one.close()
    wait_for("no shell in the node", lambda: shells(sleeping) == 0, 10)
