# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Caches as links of the status."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils import _mirror_status, _status, _status_mirrors
from ansible_collections.kubelocal.registry.plugins.module_utils._mirror_status import MirrorStatus


def test_where_nodes_are_led() -> None:
    items = [{"host": "quay.io", "endpoint": "https://hub.example/v2/quay/"}, {"host": "docker.io", "endpoint": None}]
    found = _status_mirrors.declared(items)
    assert [mirror.host for mirror in found] == ["docker.io", "quay.io"]
    assert [mirror.address for mirror in found] == ["mirror-docker-io:5000", "hub.example/v2/quay"]


def test_links(monkeypatch: pytest.MonkeyPatch) -> None:
    one = MirrorStatus(
        "docker.io", "mirror-docker-io", "https://x", "rate_limited", "no more.", "wait", 3, 1, 2000, 4000, 5, 100, 0
    )
    asked: list[Any] = []

    def statuses(_client: Any, hosts: list[str], network: str | None) -> list[MirrorStatus]:
        asked.append((hosts, network))
        return [one]

    monkeypatch.setattr(_mirror_status, "statuses", statuses)
    status = _status.Status()
    mirrors = _status_mirrors.declared([{"host": "quay.io", "endpoint": "https://hub.example"}, {"host": "docker.io"}])
    found = _status_mirrors.look(None, mirrors, "kind", status)
    assert asked == [(["docker.io"], "kind")]
    assert [item["cause"] for item in found] == ["rate_limited"]
    told = "no more; 3 hits, 1 misses, 2.0 kB fetched, 4.0 kB served, 5 B kept, 0 of 100 pulls left"
    assert status.links[0] == _status.Link("mirror docker.io", False, told, "wait")
    assert status.links[1].ok is None
    assert "https://hub.example" in status.links[1].detail
    assert not status.ok


def test_bytes_for_people() -> None:
    assert [_status_mirrors.human(size) for size in (0, 999, 1500, 2_000_000)] == ["0 B", "999 B", "1.5 kB", "2.0 MB"]
