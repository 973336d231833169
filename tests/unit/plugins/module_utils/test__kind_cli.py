# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""kind's program, its environment, and what its output means."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils import _kind_cli
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError

# as kind 0.33 prints it
PULL = """Creating cluster "dev" ...
 • Ensuring node image (nope:1) 🖼  ...
 ✗ Ensuring node image (nope:1) 🖼
ERROR: failed to create cluster: failed to pull image "nope:1": command "docker pull nope:1" failed

Command Output: Error response from daemon: pull access denied for nope, repository does not exist
"""
PORT = """Creating cluster "dev" ...
 ✗ Preparing nodes 📦
ERROR: failed to create cluster: command "docker run --name dev-control-plane" failed with error: exit status 125
Command Output: 0123456789abcdef
docker: Error response from daemon: driver failed on dev: Bind for 0.0.0.0:80 failed: port is already allocated.
"""
CONFIG = "ERROR: failed to create cluster: unable to decode config: yaml: errors:\n  line 3: field nope not found"


@pytest.mark.parametrize(
    ("log", "told"),
    [
        (PULL, "pull access denied"),
        (PULL, 'failed to pull image "nope:1"'),
        (PORT, "Bind for 0.0.0.0:80 failed: port is already allocated"),
        (CONFIG, "unable to decode config"),
        (CONFIG, "field nope not found"),
        ("something\nlast words\n\n", "last words"),
        ("", "it printed nothing"),
    ],
)
def test_tells_why_kind_failed(log: str, told: str) -> None:
    essence = _kind_cli.essence(log)
    assert told in essence
    assert "\n" not in essence


def test_tells_the_step_without_pictures() -> None:
    log = " • Preparing nodes 📦 📦   ...\n ✓ Preparing nodes 📦 📦 \n • Starting control-plane 🕹️  ...\n"
    assert _kind_cli.step(log) == "Starting control-plane"
    assert _kind_cli.step("") == ""


def test_no_proxy_counts_only_where_there_is_a_proxy() -> None:
    assert "NO_PROXY" not in _kind_cli.environment(None, ["local-registry"], {})
    made = _kind_cli.environment(None, ["local-registry"], {"https_proxy": "http://proxy:3128", "no_proxy": "a, b"})
    assert made["NO_PROXY"] == made["no_proxy"] == "a,b,local-registry"
    again = _kind_cli.environment(None, ["local-registry"], made)
    assert again["NO_PROXY"] == "a,b,local-registry"


def test_hands_the_engine_on() -> None:
    assert _kind_cli.environment("tcp://192.0.2.7:2375", [], {})["DOCKER_HOST"] == "tcp://192.0.2.7:2375"


def test_a_missing_program_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ExpectedError, match="the program 'kind' is not there; install kind"):
        _kind_cli.program("kind")
    kind = tmp_path / "kind"
    kind.write_text("#!/bin/sh\n")
    kind.chmod(0o755)
    with pytest.raises(ExpectedError, match="'docker', which is not in PATH"):
        _kind_cli.program("kind")


@pytest.mark.parametrize(
    ("says", "knows"),
    [("kind v0.33.0 go1.26.0 linux/amd64", True), ("kind v0.31.0 go1.24 x", False), ("kind v1.0.0", True), ("?", True)],
)
def test_knows_what_this_kind_can(tmp_path: Path, says: str, knows: bool) -> None:
    kind = tmp_path / "kind"
    kind.write_text(f"#!/bin/sh\necho '{says}'\n")
    kind.chmod(0o755)
    assert _kind_cli.knows_versions(str(kind)) is knows
