# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: what nodes and developers are told of a local registry. Pure functions."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

# nodes never push, and k3s has no word for it
_CAPABILITIES = ["pull", "resolve"]


@dataclass(frozen=True)
class Registry:
    """A local registry as nodes need to know it; ``ca`` is PEM text or a path on the nodes."""

    name: str
    # what image names begin with on the host, and the port of it
    host: str
    port: int
    inner_port: int = 5000
    https: bool = False
    ca: str = ""
    username: str = ""
    password: str = field(default="", repr=False)

    @property
    def host_from_cluster_network(self) -> str:
        return f"{self.name}:{self.inner_port}"

    @property
    def url(self) -> str:
        """Where nodes and pods reach it."""
        return f"{'https' if self.https else 'http'}://{self.host_from_cluster_network}"


def registry_items(registry: Registry) -> list[dict[str, Any]]:
    """Items for ``containerd_hosts``: the registry's names on the host and in the cluster's network, both by way of that network."""
    endpoint: dict[str, Any] = {"url": registry.url, "capabilities": list(_CAPABILITIES)}
    if registry.https and registry.ca:
        endpoint["ca"] = registry.ca
    if registry.username:
        pair = f"{registry.username}:{registry.password}".encode()
        endpoint["headers"] = {"Authorization": "Basic " + base64.b64encode(pair).decode()}
    hosts = [f"localhost:{registry.port}"] if registry.port else []
    hosts += [registry.host, registry.host_from_cluster_network]
    return [
        # with 'server', containerd never falls back to the node's own localhost
        {"host": host, "server": registry.url, "endpoints": [dict(endpoint)]}
        for host in dict.fromkeys(host for host in hosts if host)
    ]


def hosting(registry: Registry, help_url: str | None = None) -> dict[str, str]:
    """KEP-1755's document. The container runtime's host is ``host``, since nodes know the registry by that name too."""
    host = f"localhost:{registry.port}" if registry.port else registry.host_from_cluster_network
    document = {
        "host": registry.host or host,
        "hostFromContainerRuntime": registry.host or host,
        "hostFromClusterNetwork": registry.host_from_cluster_network,
    }
    return {**document, "help": help_url} if help_url else document


def merged(items: Sequence[Mapping[str, Any]], mirrors: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """All items for ``containerd_hosts``; a mirror of the registry itself is an ExpectedError."""
    ours = {item["host"] for item in items}
    answer = [dict(item) for item in items]
    for mirror in mirrors:
        if mirror["host"] in ours:
            raise ExpectedError(
                f"mirrors: '{mirror['host']}' is the local registry itself; leave it out of the mirrors."
            )
        answer.append(dict(mirror))
    return answer
