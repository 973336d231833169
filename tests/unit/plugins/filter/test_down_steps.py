# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which roles the playbook down runs."""

from __future__ import annotations

import pytest

from ansible_collections.kubelocal.registry.plugins.filter.down_steps import down_steps


@pytest.mark.parametrize(
    ("variables", "others", "cluster", "beside"),
    [
        ({"cluster_provider": "kind"}, [], ["kind"], ["registry"]),
        ({"cluster_provider": "k3d", "removes_caches": True}, [], ["k3d"], ["registry", "mirrors"]),
        ({"cluster_provider": "existing"}, [], ["connect"], ["registry"]),
        ({"cluster_provider": "kind", "registry_persistent": True}, [], ["kind"], []),
        ({"cluster_provider": "kind", "removes_caches": True}, ["kind cluster 'a'"], ["kind"], ["mirrors"]),
        ({"cluster_provider": "remote", "removes_caches": True}, [], [], ["mirrors"]),
    ],
)
def test_down_steps(variables: dict[str, object], others: list[str], cluster: list[str], beside: list[str]) -> None:
    steps = down_steps({"registry_persistent": False, "removes_caches": False, **variables}, others)
    assert steps == {"cluster": [[role, "main"] for role in cluster], "beside": [[role, "main"] for role in beside]}
