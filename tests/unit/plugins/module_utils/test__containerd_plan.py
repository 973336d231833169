# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a node's real files (a folder of this machine) to as they should be, and again to no change."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils._containerd_plan import Wanted
from ansible_collections.kubelocal.registry.plugins.module_utils._containerd_run import NodeResult, run
from ansible_collections.kubelocal.registry.plugins.module_utils._hosts_toml import ours, parse
from ansible_collections.kubelocal.registry.plugins.module_utils._node_local import LocalNode

CA = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"


class Machine:
    """A folder that stands for a node's /etc/containerd."""

    def __init__(self, path: Path) -> None:
        self.etc = path / "etc" / "containerd"
        self.etc.mkdir(parents=True)
        self.certs = self.etc / "certs.d"
        self.config = self.etc / "config.toml"
        self.config.write_text(
            f"version = 2\n[plugins.'io.containerd.grpc.v1.cri'.registry]\nconfig_path = '{self.certs}'\n"
        )

    def run(self, *items: dict[str, Any], check: bool = False, **options: Any) -> NodeResult:
        options.setdefault("certs_dir", str(self.certs))
        wanted = replace(Wanted(), registries=parse(items), config_file=str(self.config), **options)
        (result,) = run([LocalNode()], wanted, "containerd", check)
        assert not result.failed, result.msg
        return result

    def again(self, *items: dict[str, Any], **options: Any) -> None:
        """Nothing is left to be done, nor by another run."""
        for check in (True, False):
            result = self.run(*items, check=check, **options)
            assert (result.changed, result.actions, result.diff) == (False, [], [])
        assert not list(self.etc.rglob(".kubelocal-new*"))

    def hosts(self, host: str) -> Path:
        return self.certs / host / "hosts.toml"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def item(host: str = "localhost:5001", **endpoint: Any) -> dict[str, Any]:
    return {"host": host, "endpoints": [{"url": "https://reg:5000", **endpoint}]}


def snapshot(folder: Path) -> dict[str, str]:
    return {str(path): path.read_text() if path.is_file() else "" for path in sorted(folder.rglob("*"))}


def test_create_change_remove(machine: Machine) -> None:
    before = snapshot(machine.etc)
    predicted = machine.run(item(ca=CA), item("b"), check=True)
    assert snapshot(machine.etc) == before
    done = machine.run(item(ca=CA), item("b"))
    assert done.changed
    assert (predicted.changed, predicted.actions, predicted.diff) == (done.changed, done.actions, done.diff)
    assert (machine.certs / "localhost:5001" / "ca-1.crt").read_text() == CA + "\n"
    assert f'ca = "{machine.certs}/localhost:5001/ca-1.crt"' in machine.hosts("localhost:5001").read_text()
    machine.again(item("b"), item(ca=CA))

    changed = machine.run(item(headers={"Authorization": "Basic SECRET"}))
    assert [part["after_header"] for part in changed.diff] == [f"localhost:{machine.hosts('localhost:5001')}"]
    assert "SECRET" not in str(changed.diff) + str(changed.actions)
    assert stat.S_IMODE(os.stat(machine.hosts("localhost:5001")).st_mode) == 0o600
    # the certificate that nothing names any more is gone, the other registry is not touched
    assert os.listdir(machine.certs / "localhost:5001") == ["hosts.toml"]
    assert machine.hosts("b").exists()

    machine.run(item(), present=False)
    assert os.listdir(machine.certs) == ["b"]
    machine.again(item(), present=False)
    machine.run(exclusive=True, present=False)
    assert os.listdir(machine.certs) == []


def test_exclusive_removes_only_ours(machine: Machine) -> None:
    machine.run(item("a"), item("b"))
    foreign = machine.hosts("foreign")
    foreign.parent.mkdir()
    foreign.write_text("server = 'x'\n")
    machine.run(item("b"), exclusive=True)
    assert sorted(os.listdir(machine.certs)) == ["b", "foreign"]
    machine.again(item("b"), exclusive=True)


def test_a_foreign_file_is_kept_once_and_comes_back(machine: Machine) -> None:
    file = machine.hosts("localhost:5001")
    file.parent.mkdir(parents=True)
    file.write_text("server = 'theirs'\n")
    machine.run(item())
    kept = file.with_name("hosts.toml.orig")
    assert kept.read_text() == "server = 'theirs'\n"
    file.write_text("garbage")
    machine.run(item())
    assert ours(file.read_text())
    assert kept.read_text() == "server = 'theirs'\n"
    machine.again(item())
    machine.run(item(), present=False)
    assert file.read_text() == "server = 'theirs'\n"
    assert not kept.exists()


@pytest.mark.parametrize(
    "what", ["deleted", "corrupted", "mode", "file for folder", "folder for file", "certs.d is a file", "link"]
)
def test_whatever_happened_to_it_is_mended(machine: Machine, what: str) -> None:
    machine.run(item(ca=CA))
    file = machine.hosts("localhost:5001")
    if what == "deleted":
        file.unlink()
    elif what == "corrupted":
        file.write_bytes(b"\xff\x00 = [")
    elif what == "mode":
        file.chmod(0o600)
    elif what == "file for folder":
        for each in file.parent.iterdir():
            each.unlink()
        file.parent.rmdir()
        file.parent.write_text("x")
    elif what == "folder for file":
        file.unlink()
        (file / "inner").mkdir(parents=True)
    elif what == "certs.d is a file":
        machine.certs.rename(machine.certs.with_name("old"))
        machine.certs.write_text("x")
    else:
        file.unlink()
        file.symlink_to("/nowhere")
    assert machine.run(item(ca=CA)).changed
    assert ours(file.read_text())
    assert not file.is_symlink()
    machine.again(item(ca=CA))


def test_a_folder_that_containerd_would_prefer_is_moved_away(machine: Machine) -> None:
    shadow = machine.certs / "localhost_5001_"
    shadow.mkdir(parents=True)
    machine.run(item())
    assert sorted(os.listdir(machine.certs)) == ["localhost:5001", "localhost_5001_.orig"]
    machine.again(item())


def test_what_a_killed_run_left_is_removed(machine: Machine) -> None:
    machine.run(item())
    (machine.certs / ".kubelocal-new-12345678" / "x").mkdir(parents=True)
    assert machine.run(item()).changed
    machine.again(item())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "version = 3\n# mine\n",
        "version = 2\n[plugins.'io.containerd.grpc.v1.cri'.registry]\nconfig_path = '/nowhere:/etc/x'\n",
    ],
)
def test_config_path_is_made_one_explicit_folder(machine: Machine, text: str) -> None:
    machine.config.write_text(text)
    result = machine.run(item())
    assert any("config_path" in action for action in result.actions)
    assert f'config_path = "{machine.certs}"' in machine.config.read_text()
    assert machine.config.with_name("config.toml.orig").read_text() == text
    machine.again(item())


def test_without_a_file_one_is_made(machine: Machine) -> None:
    machine.config.unlink()
    machine.run(item())
    assert machine.config.read_text().startswith("version = 2\n")
    machine.again(item())


def test_another_single_folder_that_exists_is_used(machine: Machine, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere"
    other.mkdir()
    text = f"version = 3\n[plugins.'io.containerd.cri.v1.images'.registry]\nconfig_path = '{other}'\n"
    machine.config.write_text(text)
    machine.run(item(), certs_dir=None)
    assert os.listdir(other) == ["localhost:5001"]
    assert machine.config.read_text() == text
    machine.again(item(), certs_dir=None)


def test_an_imported_file_that_sets_it_is_edited(machine: Machine) -> None:
    machine.config.write_text("version = 3\nimports = ['conf.d/*.toml']\n")
    part = machine.etc / "conf.d" / "registry.toml"
    part.parent.mkdir()
    part.write_text("version = 3\n[plugins.'io.containerd.cri.v1.images'.registry]\nconfig_path = ''\n")
    machine.run(item())
    assert f'"{machine.certs}"' in part.read_text()
    assert "config_path" not in machine.config.read_text()
    machine.again(item())


def test_a_legacy_table_stops_it_before_anything_is_touched(machine: Machine) -> None:
    machine.config.write_text(
        "version = 2\n[plugins.'io.containerd.grpc.v1.cri'.registry.mirrors.'docker.io']\nendpoint = []\n"
    )
    before = snapshot(machine.etc)
    wanted = Wanted(registries=parse([item()]), config_file=str(machine.config), certs_dir=str(machine.certs))
    (result,) = run([LocalNode()], wanted, "containerd", False)
    assert result.failed
    assert "docker.io" in result.msg
    assert snapshot(machine.etc) == before


def test_absent_never_touches_containerds_configuration(machine: Machine) -> None:
    machine.config.write_text("version = 2\n")
    machine.again(item(), present=False)
    assert machine.config.read_text() == "version = 2\n"
