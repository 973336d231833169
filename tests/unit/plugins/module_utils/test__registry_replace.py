# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of a registry's container made anew."""

from __future__ import annotations

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils import _registry_replace as replace
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_spec import Spec
from tests.support.observed import observed


@pytest.mark.parametrize(
    ("mount", "volume", "moves"),
    [
        (("volume", "hub-data"), None, False),
        (("volume", "hub-data"), "hub-data", False),
        (("volume", "hub-data"), "other", True),
        (("bind", "/host"), None, False),
        (("bind", "/host"), "other", True),
        (None, None, True),
    ],
)
def test_moves(mount: tuple[str, str] | None, volume: str | None, moves: bool) -> None:
    assert replace._moves(Spec("hub", volume=volume), observed(mount=mount)) is moves
