# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One cluster with its registry, and caches for it, for all tests that break what ``up`` made."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from tests.faults.caching import PASSWORD, Cached
from tests.faults.repair import PROVED, Home
from tests.support.caches import remove_caches
from tests.support.names import Names
from tests.support.testbed import Testbed
from tests.support.upstream import Upstream, certificates, front, gateway


@pytest.fixture(scope="session")
def home(
    engine: docker.DockerClient,
    testbed: Testbed,
    session_names: Names,
    tmp_path_factory: pytest.TempPathFactory,
) -> Home:
    """Made by ``up``, with an image in its registry; every test leaves it whole."""
    # for whoever works on these tests: a folder, whose cluster is left for the next run
    kept = os.environ.get("KUBELOCAL_TEST_HOME")
    folder = Path(kept) if kept else tmp_path_factory.mktemp("home")
    names = (lambda suffix: f"kltest-{folder.name}-{suffix}") if kept else session_names
    made = Home(engine, testbed, names, folder)
    if kept:
        made.port = 20999
    assert PROVED in made.up().stdout
    made.keep()
    return made


@pytest.fixture(scope="module")
def cached(
    home: Home,
    engine: docker.DockerClient,
    testbed: Testbed,
    module_names: Names,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Cached]:
    """Its caches hold what the nodes pulled; every test leaves them so."""
    image, network = testbed.registry_image, home.network
    free = Upstream(engine, image, module_names("free"), network)
    guarded = Upstream(engine, image, module_names("guarded"), network, users={"robot": PASSWORD})
    pems = certificates(tmp_path_factory.mktemp("tls"), module_names("tls"), "127.0.0.1")
    tls = Upstream(engine, image, module_names("tls"), network, tls=pems)
    with front(free.address, gateway(engine, network), tokens=True) as hub:
        made = Cached(home, module_names, free, guarded, tls, hub)
        made.authority = pems.authority
        for upstream in (free, guarded, tls):
            upstream.push("team/app", "1")
        made.images = [f"{host}/team/app:1" for host in (free.host, guarded.host, tls.host, made.hub_host)]
        made.declare()
        try:
            assert PROVED in home.up().stdout
            made.pull()
            home.is_whole()
            yield made
        finally:
            home.mirrors = []
            home.up(up_proof=False)
            remove_caches(engine, module_names.prefix)
