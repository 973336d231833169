# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is looked at before anything is made."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils import _preflight

OPTIONS: dict[str, Any] = {
    "provider": "kind",
    "name": "dev",
    "registry_name": "reg",
    "registry_port": 5001,
    "registry_listen_address": "127.0.0.1",
    "executable": None,
    "bin_dir": None,
    "kubeconfig": None,
    "config": {},
    "quiet": True,
}


def container(name: str, port: int, image: str = "nginx", command: str = "nginx") -> dict[str, Any]:
    return {"Names": [f"/{name}"], "Ports": [{"PublicPort": port}], "Image": image, "Command": command}


def port_problems(containers: list[dict[str, Any]], **options: Any) -> list[str]:
    found = _preflight.Findings()
    _preflight._port({**OPTIONS, **options}, containers, True, found)
    return found.problems


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("kind v0.31.0 go1.25 linux/amd64", (0, 31, 0)),
        ("k3d version v5.9\nk3s version v1.31.5-k3s1 (default)", (5, 9, 0)),
        ("no version", None),
    ],
)
def test_version(text: str, version: tuple[int, ...] | None) -> None:
    assert _preflight.parse_version(text) == version


def test_a_port_that_our_registry_holds_is_ours() -> None:
    assert port_problems([container("reg", 5001)]) == []


def test_a_registry_that_was_renamed_is_ours_still() -> None:
    renamed = {**container("other", 5001), "Labels": {"kubelocal.registry.name": "reg"}}
    assert port_problems([renamed]) == []
    renamed["Labels"] = {"kubelocal.registry.name": "another"}
    assert "held by the container 'other'" in port_problems([renamed])[0]


def test_a_port_that_a_container_holds_names_it() -> None:
    assert port_problems([container("web", 5001)]) == [
        "registry_port 5001 is held by the container 'web'; stop it, set registry_port to a free one."
    ]


def test_a_port_that_another_registry_holds_says_how_to_adopt_it() -> None:
    assert (
        "set registry_name to 'kind-registry' to adopt"
        in port_problems([container("kind-registry", 5001, "registry:2")])[0]
    )


def test_a_port_that_a_process_holds_names_it() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        found = port_problems([], registry_port=port)
    assert len(found) == 1
    assert f"registry_port {port} is held by the process 'py" in found[0]
    assert f"({os.getpid()})" in found[0]
    assert port_problems([], registry_port=port) == []


def test_a_tool_that_is_not_there_says_how_to_get_it() -> None:
    found = _preflight.Findings()
    _preflight._tool({**OPTIONS, "executable": "no-such-kind", "bin_dir": "/opt/x"}, found)
    assert found.problems == [
        "no-such-kind is not on PATH or in /opt/x; install it with the role kubelocal.registry.workstation, "
        "or set kind_executable to its path."
    ]


@pytest.mark.parametrize(("version", "words"), [("0.9.1", "too old; install 0.20"), ("0.31.0", "")])
def test_a_tool_that_is_too_old(tmp_path: Path, version: str, words: str) -> None:
    program = tmp_path / "kind"
    program.write_text(f"#!/bin/sh\necho kind v{version}\n")
    program.chmod(0o755)
    found = _preflight.Findings()
    _preflight._tool({**OPTIONS, "executable": str(program)}, found)
    assert words in " ".join(found.problems)
    assert bool(found.problems) == bool(words)


@pytest.mark.parametrize("exists", [False, True])
def test_k3d_is_asked_about_its_configuration_before_a_cluster_is_made(tmp_path: Path, exists: bool) -> None:
    program = tmp_path / "k3d"
    program.write_text(
        '#!/bin/sh\n[ "$1" = version ] && echo k3d version v5.9.0 && exit 0\n'
        "echo 'level=fatal msg=\"- (root): Additional property new is not allowed\"' >&2; exit 1\n"
    )
    program.chmod(0o755)
    found = _preflight.Findings(cluster=exists)
    _preflight._tool({**OPTIONS, "provider": "k3d", "executable": str(program), "config": {"new": 1}}, found)
    told = [f"{program} does not take k3d_config: - (root): Additional property new is not allowed."]
    assert found.problems == ([] if exists else told)


def test_a_kubeconfig_that_is_a_folder(tmp_path: Path) -> None:
    found = _preflight.Findings()
    _preflight._kubeconfig({**OPTIONS, "kubeconfig": str(tmp_path)}, found)
    assert "is a folder" in found.problems[0]
    found = _preflight.Findings()
    _preflight._kubeconfig({**OPTIONS, "kubeconfig": str(tmp_path / "new" / "config")}, found)
    assert found.problems == []
