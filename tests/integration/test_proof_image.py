# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof's image as a real Engine loads and runs it; a kubelet pulls it in test_playbooks.py."""

from __future__ import annotations

from collections.abc import Callable

import docker
import pytest
from docker.models.containers import Container

from ansible_collections.kubelocal.registry.plugins.module_utils import _proof_image
from tests.support.modules import run_module
from tests.support.names import Names
from tests.support.registry import Registry, tags
from tests.support.testbed import Testbed


@pytest.fixture
def registry(engine: docker.DockerClient, testbed: Testbed, names: Names, free_port: Callable[[], int]) -> Container:
    options = {"name": names("registry"), "image": testbed.registry_image, "port": free_port()}
    done = run_module("registry_container", more=options)
    found: Container = engine.containers.get(done["registry"]["name"])
    return found


def host(registry: Container) -> str:
    return f"localhost:{registry.ports['5000/tcp'][0]['HostPort']}"


def size(host: str) -> int:
    """Bytes of the layers that a node has to pull."""
    manifest = Registry(host).call("GET", "/v2/kubelocal/proof/manifests/1").json()
    return sum(int(layer["size"]) for layer in manifest["layers"])


def test_it_is_small_and_runs(engine: docker.DockerClient, registry: Container, names: Names) -> None:
    image = _proof_image.of(engine, str(registry.name))
    reference = f"{names('image')}:1"
    engine.images.load(image.archive(reference))
    try:
        assert engine.containers.run(reference, ["sh", "-c", "true && echo ran"], remove=True) == b"ran\n"
        # what pods ask the registry with
        shown = engine.containers.run(
            reference, ["sh", "-c", "wget --help 2>&1; date +%s; echo x | tail -n 1"], remove=True
        )
        assert b"Usage: wget" in shown
    finally:
        engine.images.remove(reference, force=True)
    before = {each.id for each in engine.images.list()}
    for _time in range(2):
        run_module("registry_proof", registry_name=registry.name, pull=False)
    assert tags(host(registry), "kubelocal/proof") == ["1"]
    assert 0 < size(host(registry)) < 3_000_000
    assert {each.id for each in engine.images.list()} == before


def test_nothing_to_prove() -> None:
    failed = run_module("registry_proof", fails=True, registry_name="none", push=False, pull=False)
    assert failed["msg"].startswith("push and pull are both false")


def test_without_a_busybox_it_is_the_registrys_own(registry: Container) -> None:
    assert registry.exec_run(["rm", "/bin/busybox"], user="0").exit_code == 0
    run_module("registry_proof", registry_name=registry.name, pull=False)
    assert size(host(registry)) > 3_000_000
