# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.kubelocal.registry.plugins.filter.registries_yaml import FilterModule

CACHE = {
    "host": "docker.io",
    "server": "https://registry-1.docker.io",
    "endpoints": [{"url": "http://mirror-docker-io:5000", "capabilities": ["pull", "resolve"]}],
}


def test_registries_yaml() -> None:
    text = FilterModule().filters()["registries_yaml"]
    registry = {"name": "reg", "host": "localhost:5001", "host_from_cluster_network": "reg:5000"}
    ours = {"endpoint": ["http://reg:5000"]}
    assert yaml.safe_load(text([CACHE], registry)) == {
        "mirrors": {
            "localhost:5001": ours,
            "reg:5000": ours,
            "docker.io": {"endpoint": ["http://mirror-docker-io:5000"]},
        }
    }
    assert text([]) == text([], {}) == ""
    assert text([], {**registry, "users": True}) == text([], {**registry, "https": True}) == ""
    closed = {**CACHE, "endpoints": [{**CACHE["endpoints"][0], "headers": {"Authorization": "Basic bTpw"}}]}  # type: ignore[dict-item]
    assert yaml.safe_load(text([closed]))["configs"] == {
        "mirror-docker-io:5000": {"auth": {"username": "m", "password": "p"}}
    }
    pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
    private = {"host": "team.test", "endpoints": [{"url": "https://cache.test", "ca": pem}]}
    assert list(yaml.safe_load(text([CACHE, private]))["mirrors"]) == ["docker.io"]
    with pytest.raises(AnsibleFilterError, match="dial_timeout"):
        text([{"host": "x.test", "endpoints": [{"url": "http://y", "capabilities": ["pull"], "dial_timeout": "3s"}]}])
