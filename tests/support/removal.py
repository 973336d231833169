# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removes from Docker what tests made, by name; what vanishes meanwhile is fine."""

from __future__ import annotations

import time
from typing import Any, Callable

import docker
from docker.errors import APIError, NotFound

KIND_CLUSTER = "io.x-k8s.kind.cluster"
_CLUSTERS = (KIND_CLUSTER, "k3d.cluster")


def remove_leftovers(client: docker.DockerClient, wanted: Callable[[str], bool]) -> list[str]:
    """Remove every container (a node also by its cluster's name), network and volume whose name is wanted."""
    removed = []
    for kind, found, remove in (
        ("container", _containers, _remove_container),
        ("network", lambda client: client.networks.list(), _remove_network),
        ("volume", lambda client: client.volumes.list(), lambda volume: volume.remove(force=True)),
    ):
        for thing in found(client):
            clusters = [thing.labels.get(label) for label in _CLUSTERS] if kind == "container" else []
            # what k3d makes for a cluster begins so
            names = [thing.name, thing.name[4:] if thing.name.startswith("k3d-") else "", *clusters]
            if any(name and wanted(name) for name in names):
                _persist(remove, thing)
                removed.append(f"{kind} {thing.name}")
    return removed


def _containers(client: docker.DockerClient) -> list[Any]:
    containers: list[Any] = client.containers.list(all=True, ignore_removed=True)
    return containers


def _remove_container(container: Any) -> None:
    container.remove(force=True, v=True)


def _remove_network(network: Any) -> None:
    network.reload()
    for endpoint in network.attrs.get("Containers") or {}:
        try:
            network.disconnect(endpoint, force=True)
        except NotFound:
            continue
    network.remove()


def _persist(remove: Callable[[Any], Any], thing: Any) -> None:
    for attempt in range(20):
        try:
            remove(thing)
            return
        except NotFound:
            return
        except APIError:
            # somebody else is removing it, or it is in use by something that is just being removed
            if attempt == 19:
                raise
            time.sleep(0.25)
