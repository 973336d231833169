# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: what a cluster's nodes are told about its registry, each node looked at once, side by side."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from ansible_collections.kubelocal.registry.plugins.module_utils import (
    _connection_nodes,
    _containerd_config,
    _containerd_toml,
    _docker,
    _k3s_registries,
)
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
_REGISTRIES = "/etc/rancher/k3s/registries.yaml"
_ATTEMPTS = 3
_SOCKET = "/run/containerd/containerd.sock"


class Links(Protocol):
    """Where findings go."""

    def add(self, link: str, ok: bool | None, detail: str, mend: str = "") -> bool:
        """One more link."""


def look(cluster: Cluster, place: Place | None, links: Links, up: str, caches: Mapping[str, str] | None = None) -> None:
    """Links for each node's hosts.toml and what its containerd, or k3s, reads. ``caches``: where the hosts that are cached are to lead."""
    with ThreadPoolExecutor(max_workers=8) as pool:
        trees = list(pool.map(_read, cluster.nodes))
    hosts: dict[str, str] = {}
    told = ""
    if place is not None and place.host is not None:
        registry = place.host_from_cluster_network
        hosts = {place.host: registry, registry: registry, **(caches or {})}
        told = f"{place.host} and {registry} lead to the registry"
        if caches:
            told += f", {', '.join(caches)} to {'its cache' if len(caches) == 1 else 'their caches'}"
    for node, tree in zip(cluster.nodes, trees):
        if isinstance(tree, str):
            links.add(f"hosts.toml {node.name}", False, tree, up)
            links.add(f"containerd {node.name}", None, "not looked at")
            continue
        if hosts:
            wrong = hosts_problem(tree.files, hosts)
            links.add(f"hosts.toml {node.name}", not wrong, wrong or told, up)
        else:
            links.add(f"hosts.toml {node.name}", None, "not looked at: the registry does not run")
        if tree.k3s:
            if hosts:
                wrong = registries_problem(tree.registries, hosts)
                links.add(f"registries.yaml {node.name}", not wrong, wrong or "the same after a restart", up)
            continue
        wrong = config_problem(tree.files)
        if not wrong and tree.owed:
            wrong = f"containerd was not restarted since {tree.owed} changed"
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
        if not _leads(endpoints[0], address):
            return f"{path} leads to {endpoints[0]}, not to {address}"
    return ""


def registries_problem(text: str | None, hosts: Mapping[str, str]) -> str:
    """What is wrong with the file that k3s makes the tree from when it starts, or nothing."""
    if text is None:
        return f"{_REGISTRIES} is not there, so that a restart loses what the node knows"
    try:
        document, _owned = _k3s_registries.read(text, _REGISTRIES)
    except ExpectedError as error:
        return str(error)
    mirrors = document.get("mirrors") or {}
    for host, address in hosts.items():
        mirror = mirrors.get(_k3s_registries.mirror(host))
        endpoints = (mirror.get("endpoint") if isinstance(mirror, dict) else None) or []
        if not endpoints:
            return f"{_REGISTRIES} has no endpoint for {host}, so that a restart loses it"
        if not _leads(str(endpoints[0]), address):
            return f"{_REGISTRIES} leads {host} to {endpoints[0]}, not to {address}"
    return ""


def _leads(url: str, address: str) -> bool:
    """Whether an endpoint is the declared one."""
    return address in (url.partition("://")[2].rstrip("/"), _k3s_registries.bare(url).partition("://")[2])


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


@dataclass(frozen=True)
class _Tree:
    files: dict[str, File]
    # the file that containerd has yet to read
    owed: str = ""
    k3s: bool = False
    registries: str | None = None


def _read(node: Node) -> _Tree | str:
    """What one node knows, or why that can't be had."""
    if node.container is None:
        return "the node is no container of this Engine"
    k3s = _connection_nodes.layout(node) == "k3s"
    folder = _K3S if k3s else _CONFIGURATION
    try:
        files = _docker.read_tree(node.container, folder)
        if files is None:
            return f"{folder} is not there"
        if not k3s:
            return _Tree(files, _owed(node.container, files) if node.running else "")
        registries = _docker.read_file(node.container, _REGISTRIES)
        text = None if registries is None else registries.content.decode(errors="replace")
        return _Tree(files, k3s=True, registries=text)
    except (APIError, DockerException, RequestException, ExpectedError, OSError) as error:
        return f"can't be read: {_docker.explain(error)}"


def _owed(container: Any, files: Mapping[str, File]) -> str:
    configuration = [
        f"{_CONFIGURATION}/{name}"
        for name in sorted(files)
        if name.endswith(".toml") and not name.startswith("certs.d/")
    ]
    for _attempt in range(_ATTEMPTS):
        code, told = _docker.run_in(container, ["stat", "-c", "%Y %n", _SOCKET, *configuration])
        if code != 0:
            return ""
        times = [line.split(" ", 1) for line in told.splitlines()]
        # a busy Engine now and then loses what a command said that ended at once
        if len(times) == 1 + len(configuration):
            socket_time = int(times[0][0])
            return next((path for seconds, path in times[1:] if int(seconds) > socket_time), "")
    return ""
