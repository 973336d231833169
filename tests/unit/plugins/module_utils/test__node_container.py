# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node that is a container: the real command in a real shell, with an Engine that is this machine's file system."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("docker.errors")

from ansible_collections.kubelocal.registry.plugins.module_utils import _node_container as module
from ansible_collections.kubelocal.registry.plugins.module_utils import _node_session
from ansible_collections.kubelocal.registry.plugins.module_utils._containerd_plan import Wanted
from ansible_collections.kubelocal.registry.plugins.module_utils._containerd_run import run
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._hosts_toml import parse
from ansible_collections.kubelocal.registry.plugins.module_utils._node_tree import NewFile, NotStarted, Plan, Restart
from tests.support.exec_engine import ExecClient

CA = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"


@pytest.fixture
def node() -> Any:
    made = module.ContainerNode(ExecClient(), "node", {"Id": "1", "State": "running", "Created": 0})
    yield made
    made.close()


def change(node: module.ContainerNode, config: Path, *items: dict[str, Any], **options: Any) -> bool:
    options.setdefault("certs_dir", str(config.parent / "certs.d"))
    wanted = Wanted(registries=parse(items), config_file=str(config), **options)
    (result,) = run([node], wanted, "containerd", False)
    assert not result.failed, result.msg
    return result.changed


def test_it_writes_renames_and_removes(node: module.ContainerNode, tmp_path: Path) -> None:
    config = tmp_path / "containerd" / "config.toml"
    config.parent.mkdir()
    config.write_text("version = 2\n# é\\n%s\n")
    api = node._api
    assert change(node, config, {"host": "a"})
    assert "# é\\n%s\n" in config.read_text()
    items = [{"host": "a"}, {"host": "b", "endpoints": [{"url": "https://c", "ca": CA, "headers": {"X": "SECRET"}}]}]
    assert change(node, config, *items)
    assert not change(node, config, *items)
    hosts = config.parent / "certs.d" / "b" / "hosts.toml"
    assert "SECRET" in hosts.read_text()
    assert stat.S_IMODE(os.stat(hosts).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(hosts.parent).st_mode) == 0o755
    assert sorted(os.listdir(config.parent / "certs.d")) == ["a", "b"]
    assert change(node, config, {"host": "a", "endpoints": [{"url": "http://d"}]})
    assert change(node, config, exclusive=True, present=False)
    assert os.listdir(config.parent / "certs.d") == []
    assert not [path for path in config.parent.rglob("*") if "kubelocal-new" in path.name]
    # one command for each turn, in whose command line stands nothing of what is written, and which ends with it
    assert len(api.started) == 5
    assert not [word for word in api.words if "SECRET" in word or "version = 2" in word or "certs.d" in word]
    assert [process.wait(5) for process in api.started] == [0] * 5
    assert (api.gets, api.puts) == (0, 0)


def test_links_are_followed(node: module.ContainerNode, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "x").write_text("1")
    (tmp_path / "link").symlink_to("real")
    assert node.read(f"{tmp_path}/link")[f"{tmp_path}/link/x"].content == b"1"
    assert node.is_dir(f"{tmp_path}/link")
    assert not node.is_dir(f"{tmp_path}/link/x")
    assert node.read(f"{tmp_path}/nothing") == {}
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(ExpectedError, match="circle"):
        node.read(f"{tmp_path}/loop")
    assert len(node._api.started) == 1


def test_the_engine_reads_where_the_node_has_no_tar(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("1")
    client = ExecClient(["env", "PATH=/none", "/bin/sh"])
    node = module.ContainerNode(client, "node", {"Id": "1", "State": "running", "Created": 0})
    assert node.read(f"{tmp_path}/x")[f"{tmp_path}/x"].content == b"1"
    assert client.api.gets == 1
    node.close()


def test_what_tar_says_is_told(tmp_path: Path) -> None:
    (tmp_path / "tar").write_text("#!/bin/sh\necho it is broken >&2\nexit 2\n")
    (tmp_path / "tar").chmod(0o755)
    client = ExecClient(["env", f"PATH={tmp_path}:{os.environ['PATH']}", "sh"])
    node = module.ContainerNode(client, "node", {"Id": "1", "State": "running", "Created": 0})
    with pytest.raises(ExpectedError, match=r"can't be read: (it is broken|tar ended with 2)"):
        node.read(str(tmp_path))
    node.close()


def test_a_failing_step_is_told_and_leaves_no_stage(node: module.ContainerNode, tmp_path: Path) -> None:
    with pytest.raises(ExpectedError, match="unknown step"):
        node._run(["nonsense"])
    (tmp_path / "taken").mkdir()
    plan = Plan(stage=f"{tmp_path}/stage", writes={f"{tmp_path}/taken": NewFile(b"1")})
    plan.staged = {f"{tmp_path}/taken": f"{plan.stage}/0"}
    with pytest.raises(ExpectedError, match="taken is a folder"):
        node.apply(plan)
    assert os.listdir(tmp_path) == ["taken"]


def test_containerd_that_does_not_run_owes_nothing(node: module.ContainerNode, tmp_path: Path) -> None:
    assert not node.owed(Restart("x", f"{tmp_path}/none.sock", [str(tmp_path)], f"{tmp_path}/mark"))


def test_a_configuration_that_containerd_refuses_is_put_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "systemctl").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "systemctl").chmod(0o755)
    script = _node_session.SCRIPT.replace("/run/systemd/system", str(tmp_path)).replace('-S "$socket"', '-e "$socket"')
    monkeypatch.setattr(_node_session, "SCRIPT", script)
    client = ExecClient(["env", f"PATH={tmp_path}:{os.environ['PATH']}", "sh"])
    node = module.ContainerNode(client, "node", {"Id": "1", "State": "running", "Created": 0})
    config = tmp_path / "config.toml"
    config.write_text("old")
    plan = Plan(stage=f"{tmp_path}/stage", writes={str(config): NewFile(b"new")})
    plan.staged = {str(config): f"{plan.stage}/0"}
    plan.restart = Restart(
        "x", str(config), [str(config)], f"{tmp_path}/mark", True, (f"{plan.stage}/undo", str(config))
    )
    with pytest.raises(NotStarted, match="put back as it was"):
        node.apply(plan)
    node.close()
    assert config.read_text() == "old"
    assert sorted(os.listdir(tmp_path)) == ["config.toml", "systemctl"]
