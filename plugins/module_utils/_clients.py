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
    from collections.abc import Callable, Iterable, Mapping

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
    return find_each(engine, [registry])[registry]


def find_each(
    engine: Any, registries: Iterable[str], skip: Callable[[Mapping[str, str]], bool] | None = None
) -> dict[str, list[Client]]:
    """All that use each of these registries (caches among them), each container read once; ``skip`` says by its labels which are not asked."""
    wanted = set(registries)
    if not wanted:
        return {}
    try:
        containers = engine.containers.list(all=True, sparse=True)
    except (APIError, DockerException, RequestException) as error:
        raise ExpectedError(f"the Engine does not list its containers: {_docker.explain(error)}.") from error
    networks = {name for container in containers if _name(container) in wanted for name in _networks(container)}
    candidates = [
        container
        for container in containers
        if _name(container) not in wanted
        and (_cluster(container) or networks & _networks(container))
        and not (skip and skip(container.attrs.get("Labels") or {}))
    ]
    with ThreadPoolExecutor(max_workers=8) as pool:
        named = list(pool.map(lambda container: named_in(container, wanted), candidates))
    found: dict[str, dict[tuple[str, str], Client]] = {registry: {} for registry in wanted}
    for container, used in zip(candidates, named):
        provider, name = _cluster(container) or ("container", _name(container))
        for registry in used:
            client = found[registry].setdefault((provider, name), Client(provider, name))
            client.nodes.append(_name(container))
            client.nodes.sort()
    return {registry: [clients[key] for key in sorted(clients)] for registry, clients in found.items()}


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


def named_in(container: Any, registries: Iterable[str]) -> set[str]:
    """Those that a node's files name."""
    needles = {name: re.compile(rf"//{re.escape(name)}[:/\"']".encode()) for name in registries}
    found: set[str] = set()
    for path in _FILES:
        try:
            files = _docker.read_tree(container, path) or {}
        except (APIError, DockerException, RequestException, OSError):
            # one that can't be read (removed meanwhile, a device) says nothing
            continue
        for file in files.values():
            found |= {name for name, needle in needles.items() if needle.search(file.content)}
    return found
