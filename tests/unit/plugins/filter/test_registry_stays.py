# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a registry stays when it is to be absent."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.kubelocal.registry.plugins.filter.registry_stays import registry_stays


@pytest.mark.parametrize(
    ("persistent", "purge", "stays"),
    [(False, False, False), (True, False, True), ("true", "no", True), ("false", "true", False), (False, True, False)],
)
def test_registry_stays(persistent: object, purge: object, stays: bool) -> None:
    assert registry_stays(persistent, purge) is stays


def test_it_can_not_stay_and_lose_its_data() -> None:
    with pytest.raises(AnsibleFilterError, match="choose one of them"):
        registry_stays("true", "true")
