# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils import _connection_items as items
from ansible_collections.kubelocal.registry.plugins.module_utils import _hosts_toml
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError

PLAIN = items.Registry("reg", "localhost:5001", 5001)
CLOSED = items.Registry("reg", "localhost:5001", 5001, 5443, True, "/etc/ca.pem", "me", "s:ecret")


def test_both_names_lead_through_the_clusters_network() -> None:
    found = items.registry_items(PLAIN)
    assert [(item["host"], item["server"]) for item in found] == [
        ("localhost:5001", "http://reg:5000"),
        ("reg:5000", "http://reg:5000"),
    ]
    for item in found:
        assert item["endpoints"] == [{"url": "http://reg:5000", "capabilities": ["pull", "resolve"]}]
    assert len(_hosts_toml.parse(found)) == 2


def test_https_and_users() -> None:
    found = items.registry_items(CLOSED)
    assert [item["host"] for item in found] == ["localhost:5001", "reg:5443"]
    endpoint = found[0]["endpoints"][0]
    assert endpoint["url"] == found[0]["server"] == "https://reg:5443"
    assert endpoint["ca"] == "/etc/ca.pem"
    assert base64.b64decode(endpoint["headers"]["Authorization"].split()[1]) == b"me:s:ecret"
    assert "s:ecret" not in repr(CLOSED)
    assert len(_hosts_toml.parse(found)) == 2


def test_a_registry_on_another_address_keeps_localhost() -> None:
    found = items.registry_items(items.Registry("reg", "192.0.2.7:5001", 5001))
    assert [item["host"] for item in found] == ["localhost:5001", "192.0.2.7:5001", "reg:5000"]
    unpublished = items.registry_items(items.Registry("reg", "", 0))
    assert [item["host"] for item in unpublished] == ["reg:5000"]


def test_all_four_keys_are_filled_in() -> None:
    assert items.hosting(PLAIN, "https://example.com") == {
        "host": "localhost:5001",
        "hostFromContainerRuntime": "localhost:5001",
        "hostFromClusterNetwork": "reg:5000",
        "help": "https://example.com",
    }
    assert items.hosting(items.Registry("reg", "", 0)) == {
        "host": "reg:5000",
        "hostFromContainerRuntime": "reg:5000",
        "hostFromClusterNetwork": "reg:5000",
    }


def test_mirrors_come_beside_and_never_instead() -> None:
    ours = items.registry_items(PLAIN)
    found = items.merged(ours, [{"host": "docker.io", "endpoints": []}])
    assert [item["host"] for item in found] == ["localhost:5001", "reg:5000", "docker.io"]
    with pytest.raises(ExpectedError, match="'reg:5000' is the local registry itself"):
        items.merged(ours, [{"host": "reg:5000"}])
