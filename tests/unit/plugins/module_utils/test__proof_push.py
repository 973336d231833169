# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The addresses in what the Engine tells about a registry's container."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils._proof_push import place_of


def inspected(ports: dict[str, Any], host_config: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "Image": "sha256:1",
        "NetworkSettings": {"Ports": ports, "Networks": {"kind": {}, "bridge": {}}},
        "HostConfig": {"PortBindings": host_config or {}},
    }


@pytest.mark.parametrize(
    ("ports", "host", "inside"),
    [
        ({"5000/tcp": [{"HostIp": "127.0.0.1", "HostPort": "5001"}]}, "localhost:5001", "reg:5000"),
        ({"5000/tcp": [{"HostIp": "0.0.0.0", "HostPort": "5001"}]}, "localhost:5001", "reg:5000"),
        ({"5000/tcp": [{"HostIp": "192.0.2.7", "HostPort": "5001"}]}, "192.0.2.7:5001", "reg:5000"),
        ({"5000/tcp": None, "443/tcp": [{"HostIp": "", "HostPort": "8443"}]}, "localhost:8443", "reg:443"),
        ({"5000/tcp": None}, None, "reg:5000"),
        ({}, None, "reg:5000"),
    ],
)
def test_addresses(ports: dict[str, Any], host: str | None, inside: str) -> None:
    place = place_of("reg", inspected(ports))
    assert place.host == host
    assert place.host_from_cluster_network == inside
    assert place.networks == ("bridge", "kind")


def test_a_stopped_container_still_tells_what_it_publishes() -> None:
    bindings = {"5000/tcp": [{"HostIp": "127.0.0.1", "HostPort": "5001"}]}
    assert place_of("reg", inspected({}, bindings)).port == 5001
