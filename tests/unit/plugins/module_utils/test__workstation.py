# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils import _workstation

RELEASES = [
    ('ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n', "debian", ["docker.io"]),
    ("ID=ubuntu\nID_LIKE=debian\n", "ubuntu", ["docker.io"]),
    ('ID=linuxmint\nID_LIKE="ubuntu debian"\n', "ubuntu", ["docker.io"]),
    ("ID=fedora\n", "fedora", ["moby-engine"]),
    ('ID="rocky"\nID_LIKE="rhel centos fedora"\n', "rhel", ["docker-ce", "docker-ce-cli", "containerd.io"]),
    ('ID="rhel"\nID_LIKE="fedora"\n', "rhel", ["docker-ce", "docker-ce-cli", "containerd.io"]),
    ('ID="opensuse-tumbleweed"\nID_LIKE="opensuse suse"\n', "suse", ["docker"]),
    ("ID=arch\n", "arch", ["docker"]),
    ("ID=manjaro\nID_LIKE=arch\n", "arch", ["docker"]),
    ("ID=alpine\n", "alpine", ["docker"]),
    ('ID="amzn"\nID_LIKE="fedora"\n', "amzn", ["docker"]),
    ("ID=nixos\n", "", []),
    ("", "", []),
]


@pytest.mark.parametrize(("text", "family", "packages"), RELEASES)
def test_system(tmp_path: Path, text: str, family: str, packages: list[str]) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/os-release").write_text(text)
    found = _workstation.system(tmp_path, "Linux", "aarch64")
    assert (found.family, found.supported, found.engine_packages) == (family, bool(family), packages)
    assert (found.os, found.architecture, found.init) == ("linux", "arm64", "none")


def test_macos_is_told_apart(tmp_path: Path) -> None:
    found = _workstation.system(tmp_path, "Darwin", "arm64")
    assert (found.os, found.architecture, found.init, found.supported) == ("darwin", "arm64", "launchd", False)


def test_os_release_is_read_as_a_shell_does() -> None:
    text = '# note\n\nNAME=\'A "b"\'\nBROKEN="x\nEMPTY=\nID=x\nno assignment\n'
    assert _workstation.parse_os_release(text) == {"NAME": 'A "b"', "EMPTY": "", "ID": "x"}


@pytest.mark.parametrize(
    ("made", "init"), [("run/systemd/system/", "systemd"), ("run/openrc/softlevel", "openrc"), ("sbin/init", "none")]
)
def test_init_system(tmp_path: Path, made: str, init: str) -> None:
    path = tmp_path / made
    path.parent.mkdir(parents=True)
    if made.endswith("/"):
        path.mkdir()
    else:
        path.touch()
    assert _workstation.init_system(tmp_path) == init


@pytest.mark.parametrize(
    ("name", "output", "version"),
    [
        ("kind", "kind v0.33.0 go1.26.0 linux/amd64\n", "v0.33.0"),
        ("kind", "kind 0.33.0-alpha+abc go1.26.0 linux/amd64\n", "v0.33.0-alpha+abc"),
        ("k3d", "k3d version v5.9.0\nk3s version v1.33.6-k3s1 (default)\n", "v5.9.0"),
        ("kubectl", '{"clientVersion": {"gitVersion": "v1.34.4"}}', "v1.34.4"),
        ("kubectl", "Client Version: v1.34.4", None),
        ("kubectl", "[]", None),
        ("kind", "usage: kind COMMAND", None),
        ("kind", "", None),
    ],
)
def test_parse_version(name: str, output: str, version: str | None) -> None:
    assert _workstation.parse_version(name, output) == version


def test_a_tool_in_the_folder_goes_before_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own, elsewhere = tmp_path / "own", tmp_path / "elsewhere"
    for folder, version in ((own, "1.0.0"), (elsewhere, "2.0.0")):
        folder.mkdir()
        (folder / "kind").write_text(f"#!/bin/sh\necho kind v{version}\n")
        (folder / "kind").chmod(0o755)
    monkeypatch.setenv("PATH", f"{elsewhere}:/usr/bin:/bin")
    assert _workstation.find_tool("kind", own) == _workstation.Tool(str(own / "kind"), "v1.0.0")
    assert _workstation.find_tool("kind", tmp_path) == _workstation.Tool(str(elsewhere / "kind"), "v2.0.0")
    assert _workstation.find_tool("k3d", tmp_path) == _workstation.Tool()
    assert not _workstation.on_path(own)
    assert _workstation.on_path(elsewhere)


def test_the_user_behind_sudo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert _workstation.user(None, {"SUDO_USER": "daemon"}).name == "daemon"
    assert _workstation.user(None, {}).root
    assert _workstation.user("daemon", {"SUDO_USER": "bin"}).name == "daemon"
    assert not _workstation.user_exists("no-such-user")
