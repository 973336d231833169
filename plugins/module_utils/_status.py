# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: every link between a host, its registry, a cluster's nodes and its pods. It reads, and repairs nothing."""

from __future__ import annotations

import contextlib
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils import (
    _cluster,
    _discovery,
    _docker,
    _kubernetes,
    _kubernetes_connect,
    _proof,
    _proof_push,
    _registry_disk,
    _status_mirrors,
    _status_nodes,
)
from ansible_collections.kubelocal.registry.plugins.module_utils._distribution_errors import DENIED, RegistryError
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_spec import LABEL_PREFIX

with contextlib.suppress(ImportError):  # told by the module, from _docker.DOCKER_IMPORT_ERROR
    from docker.errors import APIError, DockerException, NotFound
    from requests.exceptions import RequestException

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.kubelocal.registry.plugins.module_utils._access import Access
    from ansible_collections.kubelocal.registry.plugins.module_utils._proof_push import Place

# The options of the module, the variables of the playbooks for them, and the playbooks' defaults.
_VARIABLES = (
    ("provider", "cluster_provider", "kind"),
    ("name", "cluster_name", "dev"),
    ("kubeconfig", "cluster_kubeconfig", None),
    ("context", "cluster_context", None),
    ("docker_host", "cluster_docker_host", None),
    ("registry_name", "registry_name", "local-registry"),
    ("registry_port", "registry_port", None),
)


@dataclass
class Link:
    """One link of the chain; ``ok`` None: not looked at, because an earlier one is broken or it was not asked for."""

    link: str
    ok: bool | None
    detail: str
    mend: str = ""


@dataclass
class Status:
    links: list[Link] = field(default_factory=list)
    registry: dict[str, Any] = field(default_factory=dict)
    cluster: dict[str, Any] = field(default_factory=dict)
    mirrors: list[dict[str, Any]] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return all(link.ok is not False for link in self.links)

    def add(self, link: str, ok: bool | None, detail: str, mend: str = "") -> bool:
        self.links.append(Link(link, ok, detail.strip().rstrip("."), mend if ok is False else ""))
        return ok is True

    def as_result(self) -> dict[str, Any]:
        return {
            "ok": self.ok,
            "cluster": self.cluster,
            "registry": self.registry,
            "mirrors": self.mirrors,
            "links": [vars(link) for link in self.links],
        }


def up_command(options: Mapping[str, Any]) -> str:
    """The command that mends most of it."""
    command = ["ansible-playbook", "kubelocal.registry.up"]
    for option, variable, default in _VARIABLES:
        value = options.get(option)
        if value not in (None, "", default):
            command += ["-e", f"{variable}={value}"]
    return shlex.join(command)


def look(options: Mapping[str, Any], access: Access) -> Status:
    """All links, in the order in which an image passes them."""
    status = Status()
    up = up_command(options)
    try:
        engine = _docker.connect(options["docker_host"], options["docker_timeout"])
    except ExpectedError as error:
        status.add("engine", False, str(error), "systemctl start docker")
        hosts = [f"mirror {mirror.host}" for mirror in _status_mirrors.declared(options.get("mirrors") or [])]
        for link in ("container", "port", "/v2/", "images", "network", "nodes", *hosts, "configmap", "pull", "pod"):
            status.add(link, None, "not looked at: no Engine")
        return status
    status.add("engine", True, f"answers, API {engine.api.api_version}")
    place = _container(engine, options, status, up)
    _http(engine, place, access, options["docker_host"], status, up)
    cluster = _find_cluster(engine, options, status, up)
    _network(place, cluster, status, up)
    mirrors = _status_mirrors.declared(options.get("mirrors") or [])
    if cluster is not None:
        _status_nodes.look(cluster, place, status, up, {mirror.host: mirror.address for mirror in mirrors})
    if mirrors:
        status.mirrors = _status_mirrors.look(engine, mirrors, cluster.network if cluster else None, status)
    client = _client(options, cluster)
    answers = client is not None and _configmap(client, place, status, up)
    _pulls(engine, client if answers else None, place, cluster, access, options, status, up)
    return status


def _container(engine: Any, options: Mapping[str, Any], status: Status, up: str) -> Place | None:
    name = options["registry_name"]
    try:
        found = engine.api.inspect_container(name)
    except NotFound:
        status.add("container", False, f"there is no container '{name}'{_renamed(engine, name)}", up)
        status.add("port", None, "not looked at: no container")
        return None
    except (APIError, DockerException, RequestException) as error:
        status.add("container", False, f"the Engine does not tell about '{name}': {_docker.explain(error)}", up)
        status.add("port", None, "not looked at: no container")
        return None
    place = _proof_push.place_of(name, found)
    state = found["State"]
    image = str((found.get("Config") or {}).get("Image") or "")
    status.registry = {
        "name": name,
        "image": image,
        "state": str(state.get("Status")),
        "host": place.host,
        "host_from_cluster_network": place.host_from_cluster_network,
        "networks": list(place.networks),
    }
    running = bool(state.get("Running")) and not state.get("Paused")
    told = f"'{name}' runs {image}" if running else f"'{name}' is {state.get('Status')}"
    if not running and state.get("Error"):
        told += f" ({state['Error']})"
    status.add("container", running, told, up)
    _port(place, options, running, status, up)
    return place if running else None


def _renamed(engine: Any, name: str) -> str:
    """What the registry that was made under this name is called, for the end of a sentence."""
    with contextlib.suppress(APIError, DockerException, RequestException):
        for container in engine.api.containers(all=True, filters={"label": f"{LABEL_PREFIX}name={name}"}):
            return ": it is called '{}' now".format(str(container["Names"][0]).lstrip("/"))
    return ""


def _port(place: Place, options: Mapping[str, Any], running: bool, status: Status, up: str) -> None:
    wanted = options["registry_port"]
    if not running and place.port is None:
        status.add("port", None, "not looked at: the container does not run")
    elif place.port is None:
        status.add("port", False, f"'{place.name}' publishes no port", up)
    elif wanted and place.port != wanted:
        status.add("port", False, f"{place.port} is published, not {wanted}", up)
    else:
        status.add("port", True, f"{place.host} is published")


def _http(engine: Any, place: Place | None, access: Access, docker_host: str | None, status: Status, up: str) -> None:
    if place is None or place.host is None:
        status.add("/v2/", None, "not looked at: the registry does not run")
        status.add("images", None, "not looked at: the registry does not run")
        return
    local = (_docker.chosen_host(docker_host) or "unix://").startswith(("unix://", "npipe://"))
    if not local:
        status.add("/v2/", None, "not looked at: the Engine is on another machine")
        status.add("images", None, "not looked at: the Engine is on another machine")
        return
    try:
        registry = _proof_push.registry_at(place.host, access)
        code = registry.probe()
        status.add("/v2/", code in (200, 401), f"answers {code}", up)
    except RegistryError as error:
        status.add("/v2/", False, str(error), up)
        status.add("images", None, "not looked at: the registry does not answer")
        return
    try:
        repositories = registry.catalog()
        tags = sum(len(registry.tags(name)) for name in repositories[:200])
    except RegistryError as error:
        # an open question without credentials, a broken link with wrong ones
        closed = error.reason == DENIED and not access.username
        mend = "give registry_users, or connect_registry_username and connect_registry_password"
        status.add("images", None if closed else False, str(error), mend)
        return
    if _registry_disk.is_full(engine, place.name):
        status.add("disk", False, _registry_disk.told(place.name), _registry_disk.MEND)
    size = _bytes(engine, place.name)
    status.registry.update(repositories=len(repositories), tags=tags, bytes=size)
    more = "" if len(repositories) <= 200 else " in the first 200"
    told = f"{len(repositories)} repositories, {tags} tags{more}"
    status.add("images", True, told + ("" if size is None else f", {_status_mirrors.human(size)}"))


def _bytes(engine: Any, name: str) -> int | None:
    with contextlib.suppress(APIError, DockerException, RequestException, ValueError, IndexError):
        container = engine.containers.get(name)
        code, told = _docker.run_in(container, ["du", "-sk", "/var/lib/registry"])
        if code == 0:
            return int(told.split()[0]) * 1024
    return None


def _find_cluster(engine: Any, options: Mapping[str, Any], status: Status, up: str) -> _cluster.Cluster | None:
    try:
        cluster = _cluster.find(
            engine, options["provider"], options["name"], options["kubeconfig"], options["context"], options
        )
    except ExpectedError as error:
        status.add("cluster", False, str(error), up)
        return None
    status.cluster = cluster.as_result()
    if not cluster.exists or not cluster.nodes:
        reason = f": {cluster.reason}" if cluster.reason else ""
        status.add("cluster", False, f"there is no {options['provider']} cluster '{options['name']}'{reason}", up)
        return None
    down = [node for node in cluster.nodes if not node.running]
    if down:
        told = ", ".join(f"'{node.name}' is {node.status}" for node in down)
        status.add("cluster", False, f"node {told}", up)
    else:
        count = len(cluster.nodes)
        status.add("cluster", True, f"{count} node{'' if count == 1 else 's'} of '{cluster.name}' run")
    return cluster


def _network(place: Place | None, cluster: _cluster.Cluster | None, status: Status, up: str) -> None:
    if cluster is None or place is None:
        status.add("network", None, f"not looked at: no {'cluster' if cluster is None else 'running registry'}")
        return
    joined = cluster.network in place.networks
    on = ", ".join(place.networks) or "none"
    told = f"'{place.name}' is on '{cluster.network}'" if joined else f"'{place.name}' is not on '{cluster.network}'"
    status.add("network", joined, told if joined else f"{told} but on {on}", up)


def _client(options: Mapping[str, Any], cluster: _cluster.Cluster | None) -> _kubernetes.Client | None:
    if cluster is None:
        return None
    chosen = dict(options)
    chosen["context"] = options.get("context") or cluster.context or None
    if not options.get("kubeconfig") and cluster.kubeconfig:
        chosen["kubeconfig"] = cluster.kubeconfig
    try:
        return _kubernetes_connect.connect(chosen)
    except ExpectedError as error:
        return _Broken(error)  # type: ignore[return-value]


class _Broken:
    """Stands for a client that could not be made, so that the reason is told where it is asked."""

    def __init__(self, error: ExpectedError) -> None:
        self._error = error

    def get(self, *_arguments: Any) -> dict[str, Any]:
        raise self._error


def _configmap(client: _kubernetes.Client, place: Place | None, status: Status, up: str) -> bool:
    """Whether the API server answers at all."""
    try:
        found = _discovery.read(client)
    except ExpectedError as error:
        status.add("api server", False, str(error), up)
        status.add("configmap", None, "not looked at: the API server does not answer")
        return False
    where = f"{_discovery.NAMESPACE}/{_discovery.NAME}"
    if found.reason == "forbidden":
        status.add("configmap", False, found.message, f"kubectl auth can-i get configmap -n {_discovery.NAMESPACE}")
        return True
    if found.problem or not found.exists:
        status.add("configmap", False, found.problem or found.message, up)
        return True
    wanted = {}
    if place is not None and place.host is not None:
        wanted = {"host": place.host, "hostFromClusterNetwork": place.host_from_cluster_network}
    wrong = [
        f"{key} is {found.hosting.get(key)}, not {value}"
        for key, value in wanted.items()
        if found.hosting.get(key) != value
    ]
    told = (
        ", ".join(wrong)
        if wrong
        else ", ".join(f"{key}: {value}" for key, value in found.hosting.items() if key != "help")
    )
    status.add("configmap", not wrong, f"{where}: {told}", up)
    return True


def _pulls(
    engine: Any,
    client: _kubernetes.Client | None,
    place: Place | None,
    cluster: _cluster.Cluster | None,
    access: Access,
    options: Mapping[str, Any],
    status: Status,
    up: str,
) -> None:
    why = ""
    if not options["proof"]:
        why = "not asked for"
    elif place is None:
        why = "the registry does not run"
    elif cluster is None or client is None:
        why = "no cluster answers"
    if why or place is None or client is None:
        status.add("pull", None, f"not tried: {why}")
        status.add("pod", None, f"not tried: {why}")
        return
    try:
        proof = _proof.prove(engine, client, place.name, access, False, options["timeout"])
    except ExpectedError as error:
        status.add("push", False, str(error), up)
        status.add("pull", None, "not tried: nothing could be pushed")
        status.add("pod", None, "not tried: nothing could be pushed")
        return
    for name, node in proof.nodes.items():
        told = "pulls by both names" if node["pulled"] else f"does not pull: {node['message']}"
        status.add(f"pull {name}", bool(node["pulled"]), told, up)
    by_name = proof.addresses[-1]
    unreached = [problem for problem in proof.problems if problem.startswith("a pod on node")]
    if by_name.pod is None:
        status.add("pod", None, f"whether {by_name.address} is reached could not be tried")
    else:
        told = f"pods reach {by_name.address}" if by_name.pod else " ".join(unreached)
        status.add("pod", by_name.pod, told, up)
