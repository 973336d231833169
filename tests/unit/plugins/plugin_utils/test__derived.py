# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What follows from the variables of the playbooks."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.kubelocal.registry.plugins.plugin_utils._derived import derived


@pytest.mark.parametrize(
    ("values", "name", "expected"),
    [
        ({"cluster_provider": "k3d", "cluster_name": "dev"}, "context", "k3d-dev"),
        ({"cluster_provider": "kind", "cluster_name": "dev", "cluster_context": "mine"}, "context", "mine"),
        ({"cluster_provider": "existing", "cluster_name": "dev"}, "context", ""),
        ({"mirrors": ["docker.io"]}, "minds_caches", True),
        ({"mirrors_purge": True}, "minds_caches", True),
        ({}, "minds_caches", False),
        ({"mirrors": ["docker.io"]}, "removes_caches", False),
        ({"mirrors": ["docker.io"], "mirrors_purge": True}, "removes_caches", True),
        ({"mirrors": ["docker.io"], "mirrors_state": "absent"}, "removes_caches", True),
        ({"mirrors_purge": True}, "removes_caches", False),
        ({"registry_users": {"ada": "secret"}}, "has_users", True),
        ({"k3d_registries": "mirrors: {}"}, "has_k3d_registries", True),
        ({"k3d_config": {"registries": {"config": "mirrors: {}"}}}, "has_k3d_registries", True),
        ({"k3d_config": {"registries": {"use": ["a"]}}, "k3d_registries": ""}, "has_k3d_registries", False),
        ({"k3d_config": None}, "has_k3d_registries", False),
    ],
)
def test_derived(values: dict[str, Any], name: str, expected: object) -> None:
    assert derived(values)[name] == expected
    assert "secret" not in str(derived(values))
