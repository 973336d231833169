# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file system of a real container by way of /proc."""

from __future__ import annotations

import os
from pathlib import Path

import docker
import pytest
from docker.models.containers import Container

from ansible_collections.kubelocal.registry.plugins.module_utils import _container_root, _docker, _node_container
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._node_tree import NewFile, Plan
from tests.support import engine_proxy, nodes
from tests.support.names import Names
from tests.support.testbed import Testbed

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or bool(os.environ.get("DOCKER_HOST")) or not Path(engine_proxy.ENGINE).exists(),
    reason="not root, or the Engine is elsewhere",
)


@pytest.fixture(scope="module")
def sleeping(engine: docker.DockerClient, testbed: Testbed, module_names: Names) -> Container:
    made = nodes.sleeping(engine, testbed.busybox_image, module_names("node"))
    proc = Path("/proc", str(engine.api.inspect_container(made.id)["State"]["Pid"]))
    try:
        os.listdir(proc / "root")
    except OSError as error:
        pytest.skip(f"this machine does not let root look into other processes: {error}")
    if str(made.id) not in (proc / "cgroup").read_text():
        pytest.skip("this machine's kernel does not tell which container a process is in")
    return made


def node(container: Container) -> _node_container.ContainerNode:
    summary = {"Id": container.id, "State": "running", "Created": 0}
    return _node_container.ContainerNode(_docker.connect(), container.name, summary)


def test_no_command_is_run(sleeping: Container, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_api: object, container: str) -> None:
        raise ExpectedError(f"a command would be run in {container}.")

    monkeypatch.setattr(_node_container, "Session", refused)
    one = node(sleeping)
    one.apply(Plan(stage="/etc/.new", folders=["/etc/h"], writes={"/etc/h/x": NewFile(b"SECRET", 0o600)}))
    assert nodes.sh(sleeping, "stat -c '%a %u %g' /etc/h/x; cat /etc/h/x; ls -A /etc/h") == "600 0 0\nSECRETx\n"
    assert one.read("/etc/h")["/etc/h/x"].content == b"SECRET"
    assert one.is_dir("/etc/h")
    one.apply(Plan(remove=["/etc/h/x"], empty=["/etc/h"]))
    assert not one.is_dir("/etc/h")
    with pytest.raises(ExpectedError, match="a command would be run"):
        one.apply(Plan(aside=[("/etc/h", "/etc/i")]))
    one.close()


def test_a_link_to_a_file_of_this_machine_shows_the_containers(sleeping: Container, tmp_path: Path) -> None:
    (tmp_path / "certs.d").mkdir()
    (tmp_path / "certs.d" / "x").write_text("this machine's")
    nodes.sh(sleeping, f"mkdir -p {tmp_path}/certs.d; echo own > {tmp_path}/certs.d/x; ln -s {tmp_path} /etc/link")
    one = node(sleeping)
    assert one.read("/etc/link")["/etc/link/certs.d/x"].content == b"own\n"
    assert one.read("/etc/link/certs.d")["/etc/link/certs.d/x"].content == b"own\n"
    path, stage = "/etc/link/certs.d/x", "/etc/link/certs.d/.new"
    one.apply(Plan(stage=stage, writes={path: NewFile(b"changed")}, staged={path: f"{stage}/0"}))
    one.close()
    assert nodes.sh(sleeping, f"cat {tmp_path}/certs.d/x") == "changed"
    assert (tmp_path / "certs.d" / "x").read_text() == "this machine's"


def test_a_tree_is_the_same_either_way(sleeping: Container, monkeypatch: pytest.MonkeyPatch) -> None:
    nodes.sh(sleeping, "mkdir -p /srv/t/sub; echo a > /srv/t/sub/a; chmod 640 /srv/t/sub/a; chown 5:6 /srv/t/sub/a")
    nodes.sh(sleeping, "ln -s sub/a /srv/t/link; ln -s t /srv/through; mkdir /srv/none")
    sleeping.reload()
    paths = ["/srv/t", "/srv/t/sub/a", "/srv/t/link", "/srv/through/sub", "/srv/none", "/srv/missing"]
    direct = [_docker.read_tree(sleeping, path) for path in paths]
    monkeypatch.setattr(_container_root, "find", lambda _container, _state: None)
    assert direct == [_docker.read_tree(sleeping, path) for path in paths]
    file = _docker.File(b"a\n", 0o640, 5, 6)
    assert direct == [{"sub/a": file}, {"": file}, {}, {"a": file}, {}, None]


def test_only_the_container_that_was_meant(
    engine: docker.DockerClient, testbed: Testbed, names: Names, sleeping: Container
) -> None:
    other = nodes.sleeping(engine, testbed.busybox_image, names("other"))
    state = engine.api.inspect_container(other.id)["State"]
    assert _container_root.find(str(sleeping.id), state) is None
    assert _container_root.find(str(other.id), {"Pid": os.getpid()}) is None
    found = _container_root.find(str(other.id), state)
    assert found is not None
    found.close()
    other.stop(timeout=0)
    assert _container_root.find(str(other.id), engine.api.inspect_container(other.id)["State"]) is None
    assert _container_root.find(str(other.id), state) is None
