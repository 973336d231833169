# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: what ``k3d cluster delete`` leaves that is of no use, and what it takes that holds data."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils._docker import EngineError, explain

try:
    from docker.errors import APIError, DockerException, NotFound
    from requests.exceptions import RequestException
except ImportError:  # told by the module, by way of _docker.DOCKER_IMPORT_ERROR
    pass

if TYPE_CHECKING:
    from collections.abc import Callable

_CLUSTER, _ROLE = "k3d.cluster", "k3d.role"
_MADE_BY_K3D = {"label": "app=k3d"}
_OURS = "kubelocal.registry.managed"


def find(client: Any, name: str) -> list[tuple[str, Callable[[], None]]]:
    """The network and the volume of a cluster that is no more: a sentence each, and what removes it.

    k3d leaves its network where a container that is not k3d's is on it, such as our registry, and both when it was killed early.
    """
    try:
        network = next((n for n in client.networks.list(filters=_MADE_BY_K3D) if n.name == f"k3d-{name}"), None)
        volume = next((v for v in client.volumes.list(filters=_MADE_BY_K3D) if v.name == f"k3d-{name}-images"), None)
        found: list[tuple[str, Callable[[], None]]] = []
        if network is not None:
            on_it = client.containers.list(all=True, sparse=True, filters={"network": [network.name, network.id]})
            if all(_may_leave(container.attrs.get("Labels") or {}) for container in on_it):
                found.append(
                    (f"Remove the network {network.name} that k3d left.", lambda: _remove(network, on_it)),
                )
        if volume is not None and not client.containers.list(all=True, sparse=True, filters={"volume": volume.name}):
            found.append((f"Remove the volume {volume.name} that k3d left.", lambda: _remove(volume, [])))
    except (DockerException, RequestException, OSError) as error:
        raise EngineError(f"what is left of the k3d cluster '{name}' can't be read: {explain(error)}.") from error
    return found


def spare_registries(client: Any, name: str) -> Callable[[], None]:
    """Keep k3d from deleting a registry together with the cluster it made it with, and the images in it.

    k3d takes a registry only off the cluster's network while it is on another one too; Docker's default network is none to k3d.
    """
    labels = [f"{_CLUSTER}={name}", f"{_ROLE}=registry"]
    try:
        registries = client.containers.list(all=True, ignore_removed=True, filters={"label": labels})
        if not registries:
            return lambda: None
        shelter = client.networks.create(f"k3d-{name}-kubelocal")
        for registry in registries:
            shelter.connect(registry)
            with contextlib.suppress(APIError):  # it is there already
                client.networks.get("bridge").connect(registry)
    except (DockerException, RequestException, OSError) as error:
        raise EngineError(f"the registry of the k3d cluster '{name}' can't be kept: {explain(error)}.") from error
    return lambda: _remove(shelter, registries)


def _may_leave(labels: dict[str, str]) -> bool:
    """Whether a container can be taken off the network: a registry of ours or of k3d's, and no node of another cluster."""
    return _OURS in labels or labels.get(_ROLE) == "registry"


def _networks(container: Any) -> dict[str, Any]:
    return dict((container.attrs.get("NetworkSettings") or {}).get("Networks") or {})


def _remove(thing: Any, connected: list[Any]) -> None:
    try:
        for container in connected:
            with contextlib.suppress(NotFound):
                thing.disconnect(container, force=True)
                if list(_networks(container)) == [thing.name]:
                    # without any network its port would not be published
                    thing.client.networks.get("bridge").connect(container)
        thing.remove()
    except NotFound:
        pass
    except (DockerException, RequestException, OSError) as error:
        raise EngineError(f"{thing.name} can't be removed: {explain(error)}; run this again.") from error
