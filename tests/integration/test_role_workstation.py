# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role workstation on this machine, into a folder of its own, with real downloads from a server on loopback."""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import stat
import subprocess
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.support.modules import run_module
from tests.support.playbooks import run_playbook

PLAY = """\
- hosts: localhost
  connection: local
  gather_facts: false
  roles:
    - kubelocal.registry.workstation
"""
PROGRAM = b"#!/bin/sh\necho kind v0.33.0 go1.26.0 linux/amd64\n"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_arguments: Any) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "kind").write_bytes(PROGRAM)
    (folder / "kind.sha256sum").write_text(f"{hashlib.sha256(PROGRAM).hexdigest()}  kind\n")
    (folder / "wrong.sha256sum").write_text(f"{'0' * 64}  kind\n")
    listening = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder)))
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{listening.server_port}"
    listening.shutdown()
    listening.server_close()


@pytest.fixture
def play(tmp_path: Path) -> Path:
    path = tmp_path / "play.yml"
    path.write_text(PLAY)
    return path


def test_role_from_a_path(tmp_path: Path, play: Path) -> None:
    source, folder = tmp_path / "kind", tmp_path / "bin"
    source.write_bytes(PROGRAM)
    # the Engine of this machine is there, so nothing of it is touched
    variables = {
        "workstation_tools": ["docker", "kind"],
        "workstation_bin_dir": str(folder),
        "workstation_kind_source": "path",
        "workstation_kind_path": str(source),
    }
    # a kind that this machine has would be left as it is
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "docker").symlink_to(shutil.which("docker") or "docker")
    environment = {"PATH": f"{programs}:/usr/sbin:/usr/bin:/sbin:/bin"}
    planned = run_playbook(play, variables, "--diff", check=True, environment=environment)
    assert planned.changed == {"localhost": 1}
    assert not folder.exists()
    assert run_playbook(play, variables, environment=environment).changed == {"localhost": 1}
    assert (folder / "kind").read_bytes() == PROGRAM
    assert stat.S_IMODE((folder / "kind").stat().st_mode) == 0o755
    assert run_playbook(play, variables, environment=environment).changed == {"localhost": 0}
    removed = run_playbook(play, {**variables, "workstation_state": "absent"}, environment=environment)
    assert removed.changed == {"localhost": 1}
    assert list(folder.iterdir()) == []


def test_role_tells_what_is_wrong(play: Path) -> None:
    path = {"workstation_kind_source": "path", "workstation_kind_path": "/none/kind"}
    failed = run_playbook(play, {"workstation_tools": ["kind"], **path}, fails=True)
    assert "workstation_kind_path: '/none/kind' is no file" in failed.failed_message
    none = {"workstation_docker_source": "none", "workstation_docker_host": "unix:///none/docker.sock"}
    failed = run_playbook(play, {"workstation_tools": ["docker"], **none}, fails=True)
    assert "no Docker Engine answers at unix:///none/docker.sock" in failed.failed_message


def test_download_is_verified(tmp_path: Path, server: str) -> None:
    folder = tmp_path / "bin"
    tool = {"name": "kind", "version": "v0.33.0", "url": f"{server}/kind", "checksum": f"{server}/kind.sha256sum"}
    # a folder of its own, and no kind elsewhere on PATH
    options: dict[str, Any] = {"bin_dir": str(folder), "environment": {"PATH": "/usr/bin:/bin"}}
    for checksum in (f"{server}/wrong.sha256sum", "0" * 64):
        refused = run_module("workstation_tools", fails=True, tools=[{**tool, "checksum": checksum}], **options)
        assert "has the SHA-256" in refused["msg"]
        assert not (folder / "kind").exists()
    missing = run_module("workstation_tools", fails=True, tools=[{**tool, "url": f"{server}/gone"}], **options)
    assert "404" in missing["msg"] or "no SHA-256" in missing["msg"]
    made = run_module("workstation_tools", diff=True, tools=[tool], **options)
    assert made["diff"] == {"before": {"kind": None}, "after": {"kind": f"{folder}/kind v0.33.0"}}
    assert run_module("workstation_tools", tools=[tool], **options)["actions"] == []


def test_info_of_this_machine(tmp_path: Path) -> None:
    found = run_module("workstation_info", bin_dir=str(tmp_path))["workstation"]
    assert found["engine"]["reachable"]
    assert found["bin_dir"] == {"path": str(tmp_path), "writable": True, "on_path": False}
    assert set(found["tools"]) == {"kind", "kubectl", "k3d"}
    failed = run_module("workstation_info", fails=True, user="no such user")
    assert "'no such user'" in failed["msg"]
    gone = run_module("workstation_info", docker_host="unix:///none/docker.sock")["workstation"]["engine"]
    assert (gone["reachable"], gone["local"], gone["permitted"]) == (False, False, True)


@pytest.mark.long
@pytest.mark.skipif(shutil.which("go") is None, reason="Go is not on PATH")
def test_kind_from_go(tmp_path: Path) -> None:
    # the user's own module and build caches make this quick where kind was built before
    tool = {"name": "kind", "source": "go", "version": "v0.33.0"}
    without = {"PATH": _path_without_kind()}
    made = run_module("workstation_tools", bin_dir=str(tmp_path), tools=[tool], environment=without)
    assert made["tools"]["kind"] == {"path": str(tmp_path / "kind"), "version": "v0.33.0"}
    answer = subprocess.run([tmp_path / "kind", "version"], capture_output=True, text=True, check=True)
    assert answer.stdout.startswith("kind v0.33.0")


def _path_without_kind() -> str:
    folders = os.environ["PATH"].split(os.pathsep)
    return os.pathsep.join(folder for folder in folders if not (Path(folder) / "kind").exists())
