# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What nodes are told of caches that somebody else runs."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.kubelocal.registry.plugins.filter.mirror_registries import mirror_registries


def test_the_cache_comes_before_the_upstream() -> None:
    item = {"host": "docker.io", "endpoint": "https://cache.example:5000", "username": "me", "password": "word"}
    (found,) = mirror_registries([item])
    assert found["server"] == "https://registry-1.docker.io"
    (endpoint,) = found["endpoints"]
    assert endpoint["url"] == "https://cache.example:5000"
    assert endpoint["headers"]["Authorization"].startswith("Basic ")


def test_a_cache_of_ours_is_refused() -> None:
    with pytest.raises(AnsibleFilterError, match=r"the mirror of quay\.io has no 'endpoint'"):
        mirror_registries([{"host": "quay.io"}])
