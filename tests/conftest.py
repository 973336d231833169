# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of tests that use the testbed; unit tests need none of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest

from tests.support import cluster as clusters
from tests.support import ports
from tests.support import testbed as testbeds
from tests.support.names import Names, is_leftover
from tests.support.removal import remove_leftovers


@pytest.fixture(scope="session")
def engine() -> Iterator[docker.DockerClient]:
    """The Engine, after what dead runs of the tests left behind was removed."""
    client = docker.from_env(version="auto", timeout=120)
    remove_leftovers(client, is_leftover)
    yield client
    client.close()


@pytest.fixture(scope="session")
def testbed() -> testbeds.Testbed:
    """Images, programs and variables."""
    return testbeds.load()


@pytest.fixture
def names(engine: docker.DockerClient) -> Iterator[Names]:
    """Names for what one test makes in Docker; everything with these names is removed after it."""
    yield from _names(engine)


@pytest.fixture(scope="module")
def module_names(engine: docker.DockerClient) -> Iterator[Names]:
    """The same for what all tests of a file share."""
    yield from _names(engine)


@pytest.fixture(scope="session")
def session_names(engine: docker.DockerClient) -> Iterator[Names]:
    """The same for what all tests share."""
    yield from _names(engine)


@pytest.fixture
def free_port() -> Callable[[], int]:
    """Ports that nobody listens on."""
    return ports.free_port


@pytest.fixture(scope="session")
def cluster(
    engine: docker.DockerClient,
    testbed: testbeds.Testbed,
    session_names: Names,
    tmp_path_factory: pytest.TempPathFactory,
) -> clusters.Cluster:
    """A kind cluster of two nodes that all tests share, and leave as they found it."""
    existing = os.environ.get("KUBELOCAL_TEST_CLUSTER")
    if existing:
        return clusters.describe(engine, testbed, existing, Path(os.environ["KUBELOCAL_TEST_KUBECONFIG"]))
    name, folder = session_names("c"), tmp_path_factory.mktemp("cluster")
    clusters.create(testbed, name, folder, network=session_names("n"))
    return clusters.describe(engine, testbed, name, folder / "kubeconfig")


def _names(client: docker.DockerClient) -> Iterator[Names]:
    names = Names()
    remove_leftovers(client, names.owns)
    yield names
    remove_leftovers(client, names.owns)
