# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of what speaks against a change of a registry."""

from __future__ import annotations

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils import _registry_obstacles as obstacles
from ansible_collections.kubelocal.registry.plugins.module_utils import _registry_plan as plan
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_observed import Observed
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_spec import Https, Spec
from tests.support.observed import observed

GUARDED = b"version: 0.1\nauth: {htpasswd: {realm: x}}\n"


@pytest.mark.parametrize(
    ("spec", "found", "refused"),
    [
        (Spec("hub"), observed("0.0.0.0", own=GUARDED), True),
        (Spec("hub", insecure=True), observed("0.0.0.0", own=GUARDED), False),
        (Spec("hub", port=0), observed("0.0.0.0", own=GUARDED), False),
        (Spec("hub", users={"ada": "x"}), observed("0.0.0.0", own=GUARDED), False),
        (Spec("hub", https=Https("c", "k")), observed("0.0.0.0", own=GUARDED), False),
        (Spec("hub"), observed("127.0.0.1", own=GUARDED), False),
        # as somebody else made it: taken as it is
        (Spec("hub"), observed("0.0.0.0"), False),
    ],
)
def test_taking_the_guard_away(spec: Spec, found: Observed, refused: bool) -> None:
    values = plan.wanted(spec, found)
    if not refused:
        obstacles.check_exposure(spec, found, values)
        return
    with pytest.raises(ExpectedError, match=r"would be open on 0\.0\.0\.0"):
        obstacles.check_exposure(spec, found, values)
