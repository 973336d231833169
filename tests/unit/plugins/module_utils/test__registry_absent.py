# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of a registry removed."""

from __future__ import annotations

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils import _registry_absent as absent
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_observed import Data


@pytest.mark.parametrize(
    ("data", "lies"),
    [
        (Data("volume", "v", "/r", "/r"), True),
        (Data("volume", "other", "/r", "/r"), False),
        (Data("volume", "v", "/r", "/r/part"), False),
    ],
)
def test_lies_in(data: Data, lies: bool) -> None:
    assert absent._lies_in(data, "v") is lies
