# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why no Docker Engine can be made to answer."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.kubelocal.registry.plugins.filter.engine_obstacle import engine_obstacle


@pytest.mark.parametrize(
    ("engine", "system", "given", "told"),
    [
        ({}, {}, {"source": "none"}, "workstation_docker_source is none, and nothing answers"),
        ({"local": False}, {}, {"source": "package"}, "nothing answers"),
        ({}, {"os": "darwin"}, {"source": "package"}, "on macOS it comes with Docker Desktop or colima"),
        ({"installed": False}, {"supported": False}, {"source": "package"}, "how Plan 9 installs one; it knows Debian"),
        ({"installed": False}, {"supported": False}, {"source": "package", "packages": ["docker"]}, ""),
        ({"installed": False}, {}, {"source": "package"}, ""),
        ({}, {"supported": False}, {"source": "package"}, ""),
    ],
)
def test_engine_obstacle(engine: dict[str, Any], system: dict[str, Any], given: dict[str, Any], told: str) -> None:
    machine = {
        "engine": {"reason": "nothing answers.", "local": True, "installed": True, **engine},
        "system": {"os": "linux", "supported": True, "name": "Plan 9", **system},
        "supported_systems": "Debian",
    }
    obstacle = engine_obstacle(machine, **given)
    assert told in obstacle
    assert bool(obstacle) is bool(told)
