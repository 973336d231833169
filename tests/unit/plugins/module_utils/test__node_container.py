# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node that is a container: the real command in a real shell, with an Engine that is this machine's file system."""

from __future__ import annotations

import io
import os
import stat
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

docker_errors = pytest.importorskip("docker.errors")

from ansible_collections.kubelocal.registry.plugins.module_utils import _node_container as module
from ansible_collections.kubelocal.registry.plugins.module_utils._containerd_plan import Wanted
from ansible_collections.kubelocal.registry.plugins.module_utils._containerd_run import run
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._hosts_toml import parse
from ansible_collections.kubelocal.registry.plugins.module_utils._node_tree import Restart

CA = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"


class Api:
    """The calls of Docker's low-level client that a node needs."""

    base_url, api_version, timeout = "http://none", "1.41", 1

    def __init__(self) -> None:
        self.puts = 0
        self.words: list[str] = []

    def get_archive(self, _container: str, path: str, **_options: Any) -> tuple[Iterator[bytes], dict[str, Any]]:
        if not os.path.lexists(path):
            raise docker_errors.NotFound("no such path")
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            tar.add(path, os.path.basename(path))
        return iter([buffer.getvalue()]), {}

    def put_archive(self, _container: str, path: str, data: bytes) -> None:
        self.puts += 1
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            tar.extractall(path, filter="fully_trusted")

    def head(self, _url: str, params: dict[str, str], **_options: Any) -> Any:
        raise AssertionError(f"{params} is asked for, though all was read")

    def exec_create(self, _container: str, command: list[str], **_options: Any) -> dict[str, str]:
        self.words = command
        return {"Id": "1"}

    def exec_start(self, _id: str) -> bytes:
        self.done = subprocess.run(self.words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        return self.done.stdout

    def exec_inspect(self, _id: str) -> dict[str, int]:
        return {"ExitCode": self.done.returncode}


class Client:
    def __init__(self) -> None:
        self.api = Api()


@pytest.fixture
def node() -> module.ContainerNode:
    return module.ContainerNode(Client(), "node", {"Id": "1", "State": "running", "Created": 0})


def change(node: module.ContainerNode, config: Path, *items: dict[str, Any], **options: Any) -> bool:
    options.setdefault("certs_dir", str(config.parent / "certs.d"))
    wanted = Wanted(registries=parse(items), config_file=str(config), **options)
    (result,) = run([node], wanted, "containerd", False)
    assert not result.failed, result.msg
    return result.changed


def test_it_writes_renames_and_removes(node: module.ContainerNode, tmp_path: Path) -> None:
    config = tmp_path / "containerd" / "config.toml"
    config.parent.mkdir()
    config.write_text("version = 2\n")
    api = node._api
    # containerd's own configuration may hold a secret
    assert change(node, config, {"host": "a"})
    assert "version = 2" not in " ".join(api.words)
    items = [{"host": "a"}, {"host": "b", "endpoints": [{"url": "https://c", "ca": CA, "headers": {"X": "SECRET"}}]}]
    assert change(node, config, *items)
    # what is secret goes by an archive, and never through a process list
    assert api.puts == 2
    assert "SECRET" not in " ".join(api.words)
    assert not change(node, config, *items)
    hosts = config.parent / "certs.d" / "b" / "hosts.toml"
    assert stat.S_IMODE(os.stat(hosts).st_mode) == 0o600
    assert sorted(os.listdir(config.parent / "certs.d")) == ["a", "b"]
    # what is none needs no archive
    assert change(node, config, {"host": "a", "endpoints": [{"url": "http://d"}]})
    assert api.puts == 2
    assert change(node, config, exclusive=True, present=False)
    assert os.listdir(config.parent / "certs.d") == []
    assert not [path for path in config.parent.rglob("*") if "kubelocal-new" in path.name]


def test_links_are_followed(node: module.ContainerNode, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "x").write_text("1")
    (tmp_path / "link").symlink_to("real")
    assert node.read(f"{tmp_path}/link")[f"{tmp_path}/link/x"].content == b"1"
    assert node.read(f"{tmp_path}/nothing") == {}
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(ExpectedError, match="circle"):
        node.read(f"{tmp_path}/loop")


def test_a_failing_command_is_told(node: module.ContainerNode) -> None:
    with pytest.raises(ExpectedError, match="unknown step"):
        node._run(["nonsense"])


def test_containerd_that_does_not_run_owes_nothing(node: module.ContainerNode, tmp_path: Path) -> None:
    assert not node.owed(Restart("x", f"{tmp_path}/none.sock", [str(tmp_path)], f"{tmp_path}/mark"))
