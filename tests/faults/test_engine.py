# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Engine restarted, which ends all containers: only where the tests started it, and when no other tests run."""

from __future__ import annotations

import os

import docker
import pytest

from tests.faults.caching import Cached
from tests.faults.repair import PROVED, Home
from tests.runner import engine as running
from tests.support.waiting import wait_for
from tests.testbed import engine as prepared

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.long,
    pytest.mark.skipif(
        os.environ.get("KUBELOCAL_TEST_ENGINE_OURS") != "1", reason="the tests did not start this Engine"
    ),
]


def _start(engine: docker.DockerClient) -> None:
    prepared.start()
    wait_for("the Engine answers", engine.ping)


def test_the_engine_is_restarted(home: Home, engine: docker.DockerClient) -> None:
    running.stop()
    assert set(home.broken()) == {"engine"}
    _start(engine)
    # it starts containers again itself, so that there may be nothing to change but to wait for an API server
    home.mended(changes=False)


def test_the_engine_is_restarted_while_all_upstreams_are_away(cached: Cached, engine: docker.DockerClient) -> None:
    cached.stop()
    running.stop()
    _start(engine)
    try:
        assert PROVED in cached.home.up().stdout
        assert cached.home.up(up_proof=False).changed == {"localhost": 0}
        cached.pull()
    finally:
        cached.start()
    cached.home.is_whole()
