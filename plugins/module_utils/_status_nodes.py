# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: what a cluster's nodes are told about its registry, each node looked at once, side by side."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Protocol

from ansible_collections.kubelocal.registry.plugins.module_utils import _containerd_config, _containerd_toml, _docker
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError

with contextlib.suppress(ImportError):  # told by the module, from _docker.DOCKER_IMPORT_ERROR
    from docker.errors import APIError, DockerException
    from requests.exceptions import RequestException

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.kubelocal.registry.plugins.module_utils._cluster import Cluster, Node
    from ansible_collections.kubelocal.registry.plugins.module_utils._docker import File
    from ansible_collections.kubelocal.registry.plugins.module_utils._proof_push import Place

_CONFIGURATION = "/etc/containerd"
_CERTS = f"{_CONFIGURATION}/certs.d"
_K3S = "/var/lib/rancher/k3s/agent/etc/containerd"
_SOCKET = "/run/containerd/containerd.sock"


class Links(Protocol):
    """Where findings go."""

    def add(self, link: str, ok: bool | None, detail: str, mend: str = "") -> bool:
        """One more link."""


def look(cluster: Cluster, place: Place | None, links: Links, up: str, caches: Mapping[str, str] | None = None) -> None:
    """A link for each node's hosts.toml, and one for its containerd. ``caches``: where the hosts that are cached are to lead."""
    folder = _K3S if cluster.provider == "k3d" else _CONFIGURATION
    with ThreadPoolExecutor(max_workers=8) as pool:
        trees = list(pool.map(lambda node: _read(node, folder), cluster.nodes))
    for node, tree in zip(cluster.nodes, trees):
        if isinstance(tree, str):
            links.add(f"hosts.toml {node.name}", False, tree, up)
            links.add(f"containerd {node.name}", None, "not looked at")
            continue
        files, owed = tree
        if place is None or place.host is None:
            links.add(f"hosts.toml {node.name}", None, "not looked at: the registry does not run")
        else:
            registry = place.host_from_cluster_network
            wrong = hosts_problem(files, {place.host: registry, registry: registry, **(caches or {})})
            told = f"{place.host} and {registry} lead to the registry"
            if caches:
                told += f", {', '.join(caches)} to {'its cache' if len(caches) == 1 else 'their caches'}"
            links.add(f"hosts.toml {node.name}", not wrong, wrong or told, up)
        if folder == _K3S:
            continue
        wrong = config_problem(files)
        if not wrong and owed:
            wrong = f"containerd was not restarted since {owed} changed"
        links.add(f"containerd {node.name}", not wrong, wrong or f"reads {_CERTS}", up)


def hosts_problem(files: Mapping[str, File], hosts: Mapping[str, str]) -> str:
    """What is wrong with the files below certs.d (relative to the folder above it), or nothing; ``hosts`` by where they are to lead."""
    for host, address in hosts.items():
        path = f"certs.d/{host}/hosts.toml"
        file = files.get(path)
        if file is None:
            kind = "is a file, no folder" if f"certs.d/{host}" in files else "is not there"
            where = f"certs.d/{host}" if "no folder" in kind else path
            return f"{where} {kind}"
        try:
            leaves = _containerd_toml.leaves(file.content.decode(errors="replace"))
        except _containerd_toml.TomlError as error:
            return f"{path} is not valid TOML ({error})"
        endpoints = [key[1] for key in leaves if len(key) > 1 and key[0] == "host"]
        if not endpoints:
            return f"{path} names no endpoint"
        if endpoints[0].partition("://")[2].rstrip("/") != address:
            return f"{path} leads to {endpoints[0]}, not to {address}"
    return ""


def config_problem(files: Mapping[str, File]) -> str:
    """What is wrong with containerd's configuration (paths relative to its folder), or nothing."""
    texts = {
        f"{_CONFIGURATION}/{name}": file.content.decode(errors="replace")
        for name, file in files.items()
        if name.endswith(".toml") and not name.startswith("certs.d/")
    }
    main = f"{_CONFIGURATION}/config.toml"
    if main not in texts:
        return f"{main} is not there"
    try:
        setting = _containerd_config.effective(main, texts)
    except ExpectedError as error:
        return str(error)
    if setting.value is None:
        return f"{setting.file} sets no config_path"
    if _CERTS not in setting.value.split(":"):
        return f"{setting.file} sets config_path to {setting.value!r}, not to {_CERTS}"
    return ""


def _read(node: Node, folder: str) -> tuple[dict[str, File], str] | str:
    """The files of one node and the one that containerd has yet to read, or why they can't be had."""
    if node.container is None:
        return "the node is no container of this Engine"
    try:
        files = _docker.read_tree(node.container, folder)
        if files is None:
            return f"{folder} is not there"
        return files, (_owed(node.container, files) if node.running and folder == _CONFIGURATION else "")
    except (APIError, DockerException, RequestException, ExpectedError, OSError) as error:
        return f"can't be read: {_docker.explain(error)}"


def _owed(container: Any, files: Mapping[str, File]) -> str:
    configuration = [
        f"{_CONFIGURATION}/{name}"
        for name in sorted(files)
        if name.endswith(".toml") and not name.startswith("certs.d/")
    ]
    code, told = _docker.run_in(container, ["stat", "-c", "%Y %n", _SOCKET, *configuration])
    if code != 0:
        return ""
    times = [line.split(" ", 1) for line in told.splitlines()]
    socket_time = int(times[0][0])
    return next((path for seconds, path in times[1:] if int(seconds) > socket_time), "")
