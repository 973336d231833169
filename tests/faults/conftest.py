# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One cluster with its registry for all tests that break what ``up`` made."""

from __future__ import annotations

import os
from pathlib import Path

import docker
import pytest

from tests.faults.repair import PROVED, Home
from tests.support.names import Names
from tests.support.testbed import Testbed


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
