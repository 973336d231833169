# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Engine restarted, which ends all containers: only where the tests started it, and when no other tests run."""

from __future__ import annotations

import os

import docker
import pytest

from tests.faults.repair import Home
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


def test_the_engine_is_restarted(home: Home, engine: docker.DockerClient) -> None:
    running.stop()
    assert set(home.broken()) == {"engine"}
    prepared.start()
    wait_for("the Engine answers", engine.ping)
    # it starts containers again itself, so that there may be nothing to change but to wait for an API server
    home.mended(changes=False)
