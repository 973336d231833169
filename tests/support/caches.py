# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pull-through caches that tests make: their names come from their upstreams, so they are found by label."""

from __future__ import annotations

import contextlib
from typing import Any

import requests
from docker.errors import NotFound

from ansible_collections.kubelocal.registry.plugins.module_utils._mirrors import container_name

_ROLE = "kubelocal.registry.role=mirror"
_HOST = "kubelocal.registry.upstream"


def remove_caches(engine: Any, prefix: str) -> None:
    """Remove every cache whose upstream's host begins so, with its volumes."""
    for container in engine.containers.list(all=True, filters={"label": _ROLE}, ignore_removed=True):
        if container.labels.get(_HOST, "").startswith(prefix):
            with contextlib.suppress(NotFound):
                container.remove(force=True, v=True)
    stem = container_name(prefix + "x")[:-1]
    for volume in engine.volumes.list():
        if volume.name.startswith(stem):
            with contextlib.suppress(NotFound):
                volume.remove(force=True)


def cache(engine: Any, host: str) -> Any:
    """The container of a host's cache."""
    return engine.containers.get(container_name(host))


def address(engine: Any, host: str, network: str) -> str:
    """Where tests on this machine reach it."""
    networks = cache(engine, host).attrs["NetworkSettings"]["Networks"]
    return f"{networks[network]['IPAddress']}:5000"


def status(address: str, authorization: str | None = None) -> int:
    """How it answers ``/v2/``."""
    headers = {"Authorization": authorization} if authorization else {}
    return requests.get(f"http://{address}/v2/", headers=headers, timeout=10).status_code


def header(result: dict[str, Any], host: str) -> str | None:
    """What nodes are told to send to the cache of a host."""
    item = next(item for item in result["registries"] if item["host"] == host)
    found: str | None = (item["endpoints"][0].get("headers") or {}).get("Authorization")
    return found
