# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: which clusters on a Docker Engine use a registry, by what their nodes' files say."""

from __future__ import annotations

import contextlib
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils import _docker
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError

with contextlib.suppress(ImportError):  # told by the module, from _docker.DOCKER_IMPORT_ERROR
    from docker.errors import APIError, DockerException
    from requests.exceptions import RequestException

if TYPE_CHECKING:
    from collections.abc import Mapping

# label of the cluster, label of the role, the roles that are nodes
_PROVIDERS = {
    "kind": ("io.x-k8s.kind.cluster", "io.x-k8s.kind.role", ("control-plane", "worker")),
    "k3d": ("k3d.cluster", "k3d.role", ("server", "agent")),
}
_FILES = ("/etc/containerd/certs.d", "/etc/rancher/k3s/registries.yaml")


@dataclass
class Client:
    """A cluster, or a container of no known cluster, that uses the registry."""

    provider: str
    name: str
    nodes: list[str] = field(default_factory=list)


def find(engine: Any, registry: str) -> list[Client]:
    """All that use it, whether they run or not."""
    try:
        containers = engine.containers.list(all=True, sparse=True)
    except (APIError, DockerException, RequestException) as error:
        raise ExpectedError(f"the Engine does not list its containers: {_docker.explain(error)}.") from error
    networks = next((_networks(container) for container in containers if _name(container) == registry), set())
    candidates = [
        container
        for container in containers
        if _name(container) != registry and (_cluster(container) or networks & _networks(container))
    ]
    with ThreadPoolExecutor(max_workers=8) as pool:
        uses = list(pool.map(lambda container: _uses(container, registry), candidates))
    found: dict[tuple[str, str], Client] = {}
    for container, used in zip(candidates, uses):
        if used:
            provider, name = _cluster(container) or ("container", _name(container))
            found.setdefault((provider, name), Client(provider, name)).nodes.append(_name(container))
    for client in found.values():
        client.nodes.sort()
    return [found[key] for key in sorted(found)]


def _name(container: Any) -> str:
    names = [str(name).lstrip("/") for name in container.attrs.get("Names") or []]
    return next((name for name in names if "/" not in name), str(container.id))


def _networks(container: Any) -> set[str]:
    # on Docker's default bridge containers don't find each other by name
    return set((container.attrs.get("NetworkSettings") or {}).get("Networks") or {}) - {"bridge", "host", "none"}


def _cluster(container: Any) -> tuple[str, str] | None:
    labels: Mapping[str, str] = container.attrs.get("Labels") or {}
    for provider, (name_label, role_label, roles) in _PROVIDERS.items():
        if labels.get(name_label) and labels.get(role_label) in roles:
            return provider, str(labels[name_label])
    return None


def _uses(container: Any, registry: str) -> bool:
    needle = re.compile(rf"//{re.escape(registry)}[:/\"']".encode())
    for path in _FILES:
        try:
            files = _docker.read_tree(container, path) or {}
        except (APIError, DockerException, RequestException, OSError):
            # one that can't be read (removed meanwhile, a device) says nothing
            continue
        if any(needle.search(file.content) for file in files.values()):
            return True
    return False
