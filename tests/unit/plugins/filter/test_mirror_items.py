# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.kubelocal.registry.plugins.filter.mirror_items import FilterModule


def test_mirror_items() -> None:
    items = FilterModule().filters()["mirror_items"]
    assert items(["docker.io", {"host": "quay.io", "ttl": 3}]) == [{"host": "docker.io"}, {"host": "quay.io", "ttl": 3}]
    with pytest.raises(AnsibleFilterError, match="did you mean 'host'"):
        items([{"hots": "quay.io"}])
    assert items('["docker.io"]') == items("docker.io") == [{"host": "docker.io"}]
    assert items("docker.io, quay.io") == [{"host": "docker.io"}, {"host": "quay.io"}]
    secret = {"host": "quay.io", "username": "me", "password": "x"}
    assert items([secret], ["host", "endpoint"]) == [{"host": "quay.io"}]
