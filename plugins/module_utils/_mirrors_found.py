# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: the pull-through caches that a Docker host has, and which clusters' nodes name them. Only reads."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils import _clients, _registry_files
from ansible_collections.kubelocal.registry.plugins.module_utils._docker import (
    EngineError,
    File,
    explain,
    read_file,
    read_tree,
)
from ansible_collections.kubelocal.registry.plugins.module_utils._mirrors import CLIENT_USER, PORT, Mirror, basic
from ansible_collections.kubelocal.registry.plugins.module_utils._mirrors_http import NoAnswer, get
from ansible_collections.kubelocal.registry.plugins.module_utils._upstreams import url_of

try:
    from docker.errors import APIError, DockerException
    from requests.exceptions import RequestException
except ImportError:  # told by the module, by way of _docker.DOCKER_IMPORT_ERROR
    pass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

ROLE_LABEL, ROLE = "kubelocal.registry.role", "mirror"
HOST_LABEL = "kubelocal.registry.upstream"
# who gave the image: the mirror's own item
IMAGE_LABEL = "kubelocal.registry.image"
# In the cache's volume, so that it outlives every container: what opens a closed cache.
CLIENT_FOLDER, CLIENT_FILE = "/var/lib/registry", "kubelocal-client.json"

CLUSTER_LABELS = {"kind": "io.x-k8s.kind.cluster", "k3d": "k3d.cluster"}


@dataclass(frozen=True)
class Found:
    """A cache of ours as it is."""

    host: str
    container: Any = field(repr=False, compare=False)
    upstream: str
    closed: bool = False
    with_credentials: bool = False
    ca: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    files: Mapping[str, File] = field(default_factory=dict, repr=False, compare=False)

    @property
    def name(self) -> str:
        return str(self.container.name)

    @property
    def running(self) -> bool:
        return str(self.container.status) == "running"

    @property
    def own_image(self) -> bool:
        """Whether its own item gave the image, and not a default for all."""
        return IMAGE_LABEL in (self.container.labels or {})

    @property
    def networks(self) -> list[str]:
        return sorted((self.container.attrs.get("NetworkSettings") or {}).get("Networks") or {})

    @property
    def port(self) -> int:
        """The port of the Docker host that it has, also when it does not run; 0 for none."""
        bindings = (self.container.attrs.get("HostConfig") or {}).get("PortBindings") or {}
        ports = [str(each.get("HostPort") or "") for binding in bindings.values() for each in binding or []]
        return next((int(port) for port in ports if port.isdigit()), 0)

    @property
    def volume(self) -> str:
        mounts = self.container.attrs.get("Mounts") or []
        names = [str(mount.get("Name")) for mount in mounts if mount.get("Type") == "volume" and mount.get("Name")]
        return names[0] if names else ""

    @property
    def authorization(self) -> str | None:
        """The header that opens it; None where it is open, or nobody knows."""
        return basic(CLIENT_USER, self.password) if self.closed and self.password else None

    def as_mirror(self) -> Mirror:
        """As if it had been declared, for what nodes are told."""
        return Mirror(host=self.host, upstream=self.upstream, ca=self.ca)


def find_all(client: Any, role: str = ROLE, prefix: str = "") -> list[Found]:
    """Every cache of this Docker host, by host; ``role`` and ``prefix`` are of those that are published."""
    try:
        containers = client.containers.list(all=True, ignore_removed=True, filters={"label": f"{ROLE_LABEL}={role}"})
        named = [one for one in containers if one.labels.get(HOST_LABEL) and str(one.name).startswith(prefix)]
        with ThreadPoolExecutor(max_workers=4) as pool:
            found = list(pool.map(describe, named))
    except (APIError, DockerException, RequestException) as error:
        raise EngineError(f"the caches on the Docker host can't be read: {explain(error)}.") from error
    return sorted(found, key=lambda one: one.host)


def on_network(client: Any, network: str) -> list[Any]:
    """The containers of the caches that are on a network, running or not."""
    try:
        found = client.containers.list(all=True, ignore_removed=True, filters={"label": f"{ROLE_LABEL}={ROLE}"})
    except (APIError, DockerException, RequestException) as error:
        raise EngineError(f"the caches on the Docker host can't be listed: {explain(error)}.") from error
    return sorted((one for one in found if network in _networks(one)), key=lambda one: str(one.name))


def named_by(nodes: Iterable[Any], names: Iterable[str]) -> set[str]:
    """Those of the caches that the files of these nodes name."""
    wanted = set(names)
    with ThreadPoolExecutor(max_workers=4) as pool:
        return {name for named in pool.map(lambda node: _clients.named_in(node, wanted), nodes) for name in named}


def describe(container: Any) -> Found:
    """What lies in a cache's container; works on a stopped one too."""
    host = str(container.labels.get(HOST_LABEL, ""))
    files = read_tree(container, _registry_files.FOLDER) or {}
    config = _registry_files.load(files[_registry_files.CONFIG].content) if _registry_files.CONFIG in files else {}
    credentials = files.get(_registry_files.CREDENTIALS)
    authority = files.get(_registry_files.UPSTREAM_CA)
    closed = bool(config.get("auth"))
    return Found(
        host=host,
        container=container,
        upstream=str(_registry_files.dig(config, "proxy", "remoteurl") or url_of(host)),
        closed=closed,
        with_credentials=_has_username(credentials.content if credentials else b"", config),
        ca=authority.content.decode(errors="replace") if authority else None,
        password=client_password(container) if closed else None,
        files=files,
    )


def _has_username(content: bytes, config: dict[str, Any]) -> bool:
    try:
        pair = json.loads(content or b"{}")
    except ValueError:
        pair = {}
    return bool((isinstance(pair, dict) and pair.get("Username")) or _registry_files.dig(config, "proxy", "username"))


def client_password(container: Any) -> str | None:
    """What opens the cache, out of its volume."""
    file = read_file(container, f"{CLIENT_FOLDER}/{CLIENT_FILE}")
    try:
        value = json.loads(file.content) if file else {}
    except ValueError:
        return None
    password = value.get("password") if isinstance(value, dict) else None
    return str(password) if password else None


def healthy(found: Found) -> bool:
    """Whether its registry answers inside the container."""
    if not found.running:
        return False
    try:
        return get(found.container, "/v2/", port=PORT, timeout=10).status in (200, 401)
    except NoAnswer:
        return False


def users(client: Any, names: Iterable[str], own: Callable[[Mapping[str, str]], bool]) -> dict[str, list[str]]:
    """For each cache the other clusters whose nodes' files name it; ``own`` says of a node's labels whether it is of the call's cluster."""
    found = _clients.find_each(client, names, own)
    return {name: sorted({one.name for one in clients}) for name, clients in found.items()}


def _networks(container: Any) -> dict[str, Any]:
    return dict((container.attrs.get("NetworkSettings") or {}).get("Networks") or {})
