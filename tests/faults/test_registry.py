# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults of a registry alone, each caused for real: repaired, nothing lost, and the run after that changes nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.support import modules
from tests.support.modules import run_module
from tests.support.names import Names
from tests.support.registry import pull, push_image
from tests.support.testbed import Testbed


class Registry:
    """A registry with one image in it."""

    def __init__(self, engine: docker.DockerClient, image: str, name: str, port: int) -> None:
        self.engine, self.name, self.port = engine, name, port
        self.options: dict[str, Any] = {"image": image}
        self.made = self.run(port=port)["registry"]
        self.digest = push_image(f"localhost:{port}", "kept", "v1")

    @property
    def container(self) -> Any:
        return self.engine.containers.get(self.name)

    def run(self, **options: Any) -> dict[str, Any]:
        return run_module("registry_container", name=self.name, **{**self.options, **options})

    def start(self, **options: Any) -> subprocess.Popen[str]:
        """The same without waiting for its end."""
        pipe = subprocess.PIPE
        process = subprocess.Popen(
            [sys.executable, "-c", modules._RUN], stdin=pipe, stdout=pipe, stderr=pipe, text=True
        )
        assert process.stdin is not None
        arguments = {"name": self.name, **self.options, **options, "_ansible_tracebacks_for": []}
        process.stdin.write(json.dumps(["registry_container", arguments]))
        process.stdin.close()
        process.stdin = None
        return process

    def names(self) -> set[str]:
        # the plain list: the other one inspects each, and some are gone by then
        listed = self.engine.api.containers(all=True, filters={"name": self.name})
        return {name.lstrip("/") for found in listed for name in found["Names"]}

    def repaired(self) -> dict[str, Any]:
        """A run repairs it, the next changes nothing, and the image is there."""
        first = self.run()
        again = self.run()
        assert not again["changed"], again["actions"]
        assert self.names() == {self.name}
        assert pull(f"localhost:{self.port}", "kept:v1") == self.digest
        return first


@pytest.fixture
def registry(engine: docker.DockerClient, testbed: Testbed, names: Names, free_port: Callable[[], int]) -> Registry:
    return Registry(engine, testbed.registry_image, names("reg"), free_port())


@pytest.mark.long  # test_up.py causes the same
def test_stopped_paused_killed_removed(registry: Registry) -> None:
    registry.container.pause()
    registry.repaired()
    registry.container.kill()
    registry.repaired()
    registry.container.remove(force=True)
    registry.options["port"] = registry.port
    registry.repaired()


def test_cut_off_from_its_networks(registry: Registry, engine: docker.DockerClient, names: Names) -> None:
    network = engine.networks.create(names("net"))
    network.connect(registry.name)
    network.disconnect(registry.name)
    registry.repaired()
    engine.networks.get("bridge").disconnect(registry.name)
    assert registry.repaired()["changed"]


def test_a_network_that_is_gone(registry: Registry, engine: docker.DockerClient, names: Names) -> None:
    network = engine.networks.create(names("net"))
    network.connect(registry.name)
    registry.container.stop()
    # as the removal of a cluster does it, while the registry is stopped
    network.remove()
    assert registry.repaired()["changed"]


def test_killed_at_any_moment_of_a_replacement(registry: Registry, free_port: Callable[[], int]) -> None:
    for delay in (0.3, 0.45, 0.6, 0.9, 1.3):
        other = free_port()
        process = registry.start(port=other)
        time.sleep(delay)
        process.kill()
        process.communicate()
        registry.options["port"] = other
        registry.port = other
        registry.repaired()


def test_told_to_end_in_the_middle(registry: Registry, free_port: Callable[[], int]) -> None:
    before = registry.container.id
    # a registry that never becomes healthy, so that there is a middle
    process = registry.start(port=free_port(), config={"http": {"addr": "127.0.0.1:5999"}})
    deadline = time.monotonic() + 60
    while f"{registry.name}-kubelocal-old" not in registry.names():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert registry.names() == {registry.name}
    assert registry.container.id == before
    registry.repaired()


@pytest.mark.long  # test_up.py causes the same
def test_pushes_while_it_is_replaced(registry: Registry) -> None:
    pushed: dict[str, str] = {}
    end = threading.Event()

    def push() -> None:
        number = 0
        while not end.is_set():
            number += 1
            try:
                pushed[f"n{number}"] = push_image(f"localhost:{registry.port}", "many", f"n{number}", size=200_000)
            except (OSError, AssertionError):
                time.sleep(0.05)

    thread = threading.Thread(target=push)
    thread.start()
    try:
        registry.run(labels={"again": "1"})
        registry.run(labels={"again": "2"})
    finally:
        end.set()
        thread.join()
    assert pushed
    for tag, digest in pushed.items():
        assert pull(f"localhost:{registry.port}", f"many:{tag}") == digest
    registry.options["labels"] = {"again": "2"}
    registry.repaired()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 16 MB."""
    image, place = tmp_path / "disk", tmp_path / "place"
    place.mkdir()
    image.write_bytes(b"\0" * 16_000_000)
    for argv in (["mkfs.ext4", "-q", "-F", str(image)], ["mount", "-o", "loop", str(image), str(place)]):
        if subprocess.run(argv, capture_output=True, check=False).returncode != 0:
            pytest.skip("no loop mount is possible here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=False)


@pytest.mark.long  # test_up.py causes the same
def test_disk_full_while_pushing(
    engine: docker.DockerClient, testbed: Testbed, names: Names, free_port: Callable[[], int], small_disk: Path
) -> None:
    name, port = names("full"), free_port()
    engine.volumes.create(f"{name}-data", driver_opts={"type": "none", "o": "bind", "device": str(small_disk)})
    registry = Registry(engine, testbed.registry_image, name, port)
    with pytest.raises(AssertionError):
        push_image(f"localhost:{port}", "big", "v1", size=20_000_000)
    assert not registry.run()["changed"]
    registry.repaired()
    with pytest.raises(AssertionError):
        push_image(f"localhost:{port}", "big", "v1", size=20_000_000)
    # the cause goes
    for left in small_disk.glob("docker/registry/v2/repositories/big/_uploads/*/data"):
        os.remove(left)
    push_image(f"localhost:{port}", "small", "v1")
    registry.repaired()
    registry.container.remove(force=True)
