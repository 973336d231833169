# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What roles did in a play."""

from __future__ import annotations

from ansible_collections.kubelocal.registry.plugins.filter.role_results import role_results

DONE = {
    "__kind_cluster": {"changed": False, "actions": []},
    "__registry_result": {"changed": True, "actions": ["Started it."]},
    # a task that was skipped
    "__mirrors_result": {"changed": False, "skipped": True},
}


def test_role_results() -> None:
    assert role_results(DONE) == {"changed": True, "actions": ["Started it."]}
    assert role_results(DONE, ["kind", "mirrors"]) == {"changed": False, "actions": []}
    assert role_results({}) == {"changed": False, "actions": []}
