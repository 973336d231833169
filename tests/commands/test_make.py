# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands that a person types in a checkout."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import docker
import pytest

from tests.support.names import Names
from tests.support.testbed import ROOT, cache

_CHANGED = re.compile(r"changed=(\d+)")


class Checkout:
    """A checkout, with names of its own for what it makes."""

    def __init__(self, root: Path, environment: dict[str, str], arguments: str) -> None:
        self._root, self._environment, self._arguments = root, environment, arguments

    def make(self, target: str) -> str:
        """What a target printed; it has to succeed."""
        process = subprocess.run(
            ["make", target, f"ARGS={self._arguments}"],
            cwd=self._root,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=1500,
            check=False,
        )
        assert process.returncode == 0, process.stdout + process.stderr
        return process.stdout


def _arguments(names: Names, port: int) -> str:
    return f"-e cluster_name={names('c')} -e registry_name={names('registry')} -e registry_port={port}"


def _environment(names: Names, folder: Path) -> dict[str, str]:
    ours = {"KUBECONFIG": str(folder / "kubeconfig"), "KIND_EXPERIMENTAL_DOCKER_NETWORK": names("n")}
    return {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")} | ours


def _prove(checkout: Checkout, engine: docker.DockerClient, names: Names) -> None:
    """The whole life of a cluster and its registry."""
    first = checkout.make("up")
    assert any(int(count) for count in _CHANGED.findall(first)), first
    again = checkout.make("up")
    assert set(_CHANGED.findall(again)) == {"0"}, again
    checkout.make("status")
    checkout.make("down")
    left = [container.name for container in engine.containers.list(all=True, ignore_removed=True)]
    assert not [name for name in left if name.startswith(names.prefix)]
    assert any(volume.name.startswith(names.prefix) for volume in engine.volumes.list()), "the data did not stay"


def test_up_status_down(
    engine: docker.DockerClient, names: Names, free_port: Callable[[], int], tmp_path: Path
) -> None:
    checkout = Checkout(ROOT, _environment(names, tmp_path), _arguments(names, free_port()))
    _prove(checkout, engine, names)


@pytest.mark.long
def test_a_fresh_clone_with_an_empty_home(
    engine: docker.DockerClient, names: Names, free_port: Callable[[], int], tmp_path: Path
) -> None:
    clone = tmp_path / "another-name"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
    home = tmp_path / "home"
    home.mkdir()
    environment = _environment(names, tmp_path) | {"HOME": str(home)}
    environment.pop("KUBELOCAL_CACHE", None)
    # the packages that Go downloads are no part of what is tested
    for name in ("GOCACHE", "GOMODCACHE"):
        if shutil.which("go"):
            environment[name] = subprocess.run(
                ["go", "env", name], capture_output=True, text=True, check=True
            ).stdout.strip()
    _prove(Checkout(clone, environment, _arguments(names, free_port())), engine, names)
    assert (home / ".cache" / "kubelocal" / "testbed.yml").exists()
    assert cache() != home / ".cache" / "kubelocal"


def test_make_alone_tells_what_there_is() -> None:
    said = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {line.split()[0] for line in said.splitlines()} >= {"up", "down", "status", "test", "test-long", "bench"}
