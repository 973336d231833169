# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of a registry's container changed in place."""

from __future__ import annotations

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils import _registry_in_place as in_place
from tests.support.observed import observed


@pytest.mark.parametrize(
    ("mode", "networks", "cut", "home"),
    [
        ("default", ("bridge",), False, "bridge"),
        ("default", (), True, "bridge"),
        ("kind", (), True, "kind"),
        ("host", (), False, "host"),
        ("none", (), False, "none"),
        ("container:1", (), False, "container:1"),
    ],
)
def test_cut_off(mode: str, networks: tuple[str, ...], cut: bool, home: str) -> None:
    found = observed(mode=mode, networks=networks)
    assert (in_place._cut_off(found), in_place._home(found)) == (cut, home)
