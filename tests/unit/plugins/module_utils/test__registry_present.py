# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of a registry made to exist."""

from __future__ import annotations

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils import _registry_present as present
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_observed import Observed
from tests.support.observed import observed


@pytest.mark.parametrize(
    ("found", "address", "port", "holds"),
    [
        (observed(), "127.0.0.1", 5001, True),
        (observed(status="paused"), "127.0.0.1", 5001, True),
        (observed(status="exited"), "127.0.0.1", 5001, False),
        (observed(), "127.0.0.1", 5002, False),
        (observed(), "0.0.0.0", 5001, False),
    ],
)
def test_holds(found: Observed, address: str, port: int, holds: bool) -> None:
    assert present._holds(found, {"listen_address": address, "port": port}) is holds
