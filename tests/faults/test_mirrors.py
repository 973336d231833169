# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults of pull-through caches, caused for real and repaired by the next run; what was cached is served afterwards."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Any

import docker
import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils._docker import File, put_files
from tests.support.caches import address, cache, header, remove_caches
from tests.support.modules import run_module
from tests.support.names import Names
from tests.support.registry import pull
from tests.support.testbed import Testbed
from tests.support.upstream import Upstream

PASSWORD = "hush-hush-1234"
Fault = Callable[[Any, str], None]


def _stopped(container: Any, _network: str) -> None:
    container.stop(timeout=1)


def _paused(container: Any, _network: str) -> None:
    container.pause()


def _killed(container: Any, _network: str) -> None:
    container.kill()


def _removed(container: Any, _network: str) -> None:
    container.remove(force=True)


def _disconnected(container: Any, network: str) -> None:
    container.client.networks.get(network).disconnect(container)


def _client_file_lost(container: Any, _network: str) -> None:
    assert container.exec_run(["rm", "/var/lib/registry/kubelocal-client.json"])[0] == 0


def _credentials_edited(container: Any, _network: str) -> None:
    put_files(container, "/etc/kubelocal-registry", {"upstream-credentials.json": File(b"{}", 0o600)})


def _configuration_broken(container: Any, _network: str) -> None:
    put_files(container, "/etc/kubelocal-registry", {"config.yml": File(b"version: [\n", 0o600)})
    container.restart(timeout=1)


@pytest.fixture(scope="module")
def upstream(
    engine: docker.DockerClient, testbed: Testbed, module_names: Names
) -> Iterator[tuple[Upstream, str, dict[str, Any]]]:
    network = module_names("net")
    engine.networks.create(network)
    one = Upstream(engine, testbed.registry_image, module_names("up"), network, users={"robot": PASSWORD})
    item = {"host": one.host, "upstream": one.url, "username": "robot", "password": PASSWORD}
    options = {"mirrors": [item], "networks": [network], "image": testbed.registry_image}
    yield one, network, options
    remove_caches(engine, module_names.prefix)


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        pytest.param(_stopped, "cache_down", id="stopped"),
        pytest.param(_paused, "cache_down", id="paused", marks=pytest.mark.long),
        pytest.param(_killed, "cache_down", id="killed", marks=pytest.mark.long),
        pytest.param(_removed, "cache_down", id="removed"),
        # its name is not found, unless a connection from before is still open and stays silent
        pytest.param(_disconnected, "name_not_found upstream_down", id="disconnected"),
        pytest.param(_client_file_lost, "cache_denied", id="client-file-lost"),
        pytest.param(_credentials_edited, None, id="credentials-edited", marks=pytest.mark.long),
        pytest.param(_configuration_broken, "cache_down", id="configuration-broken", marks=pytest.mark.long),
    ],
)
def test_a_fault_is_named_and_repaired(
    engine: docker.DockerClient, upstream: tuple[Upstream, str, dict[str, Any]], fault: Fault, cause: str | None
) -> None:
    one, network, options = upstream
    run_module("registry_mirrors", **options)
    digest = one.push("team/app", "1")
    run_module("image_preload", images=[f"{one.host}/team/app:1"])

    fault(cache(engine, one.host), network)
    told = run_module("registry_mirrors_info", mirrors=options["mirrors"], status=True)["status"][0]
    if cause is not None:
        assert told["cause"] in cause.split(), told
        assert told["cure"]

    assert run_module("registry_mirrors", **options)["changed"]
    again = run_module("registry_mirrors", **options)
    assert not again["changed"], again["actions"]
    word = base64.b64decode((header(again, one.host) or "").partition(" ")[2]).decode().partition(":")[2]
    where = address(engine, one.host, network)
    assert pull(where, f"team/app@{digest}", user="mirror", password=word) == digest
    told = run_module("registry_mirrors_info", mirrors=options["mirrors"], status=True)["status"][0]
    assert told["cause"] == "ok", told
