# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of what is answered about a registry."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils import _registry_answer as answer
from ansible_collections.kubelocal.registry.plugins.module_utils import _registry_plan as plan
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_spec import Https, Spec
from tests.support.observed import observed


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.1", "localhost:5001"),
        ("0.0.0.0", "localhost:5001"),
        ("::", "localhost:5001"),
        ("::1", "localhost:5001"),
        ("127.0.0.2", "127.0.0.2:5001"),
        ("10.0.0.1", "10.0.0.1:5001"),
        ("fd00::1", "[fd00::1]:5001"),
    ],
)
def test_host(address: str, expected: str) -> None:
    assert answer.host_of(address, 5001) == expected


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (Spec("hub", port=5002), {"port": 5002, "host": "localhost:5002"}),
        (Spec("hub", port=0), {"port": 0, "host": None}),
        (Spec("hub", listen_address="127.0.0.2"), {"listen_address": "127.0.0.2", "host": "127.0.0.2:5001"}),
        (Spec("hub", networks=("kind",)), {"networks": ["bridge", "kind"]}),
        (Spec("hub", users={"ada": "x"}), {"users": True}),
        (Spec("hub", https=Https("c", "k")), {"https": True}),
        (Spec("hub", restart_policy="always"), {"restart_policy": "always"}),
    ],
)
def test_foretold(spec: Spec, expected: dict[str, Any]) -> None:
    found = observed()
    if spec.users or spec.https:
        changes = [plan.Change("users" if spec.users else "https", None, None)]
    else:
        changes = plan.changes(spec, found, plan.wanted(spec, found), {})
    assert answer.predicted(spec, plan.wanted(spec, found), found, changes).items() >= expected.items()
