# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: a registry and its mirrors made reachable from a cluster, and the cluster told of it.

Every step compares first and stands for itself, so that a run that was cut off is finished by the next one: the network, the agent
for nodes that come later (which would undo what is written while it works by an earlier declaration), the nodes' files and meanwhile
the ConfigMap, the exception from proxies.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Callable

from ansible_collections.kubelocal.registry.plugins.module_utils import (
    _cluster,
    _connection_items,
    _connection_nodes,
    _discovery,
    _kubernetes,
    _kubernetes_connect,
    _mirrors,
    _mirrors_found,
    _node_agent,
    _proxy,
    _registry_files,
    _registry_network,
    _registry_observed,
)
from ansible_collections.kubelocal.registry.plugins.module_utils._docker import EngineError, explain, read_file
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError

try:
    from docker.errors import DockerException, NotFound
    from requests.exceptions import RequestException
except ImportError:  # told by the module, by way of _docker.DOCKER_IMPORT_ERROR
    pass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.kubelocal.registry.plugins.module_utils._cluster import Cluster

_EVERYWHERE = ("", "0.0.0.0", "::", "::1")


@dataclass(frozen=True)
class Request:
    """What was asked for, checked as far as that is possible without asking anybody."""

    provider: str
    cluster_name: str
    registry_name: str
    ca: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    mirrors: list[_mirrors.Mirror] = field(default_factory=list)
    help_url: str | None = None
    readers: list[dict[str, str]] | None = None
    node_agent: bool = False
    node_agent_image: str = ""
    kubernetes: Mapping[str, Any] = field(default_factory=dict, repr=False)


def request_from(options: Mapping[str, Any]) -> Request:
    """The module's options checked, before anything is asked."""
    username, password = options["registry_username"], options["registry_password"]
    for name, value in (("registry_username", username), ("registry_password", password)):
        if value is not None and (
            not value or not value.isprintable() or (name == "registry_username" and ":" in value)
        ):
            shown = f" is {value!r}" if name == "registry_username" else ""
            raise ExpectedError(
                f"{name}{shown}, which can't be sent to a registry; give text without control characters and ':'."
            )
    if options["help"] is not None:
        _discovery.desired({"help": options["help"]})
    if options["node_agent"]:
        _node_agent.check_image(options["node_agent_image"])
    ca = options["registry_ca"] or ""
    if ca and not ca.startswith("/"):
        ca = _mirrors.read_pem(ca, "registry_ca")
    return Request(
        provider=options["provider"],
        cluster_name=options["cluster_name"] or "",
        registry_name=options["registry_name"],
        ca=ca,
        username=username or "",
        password=password or "",
        mirrors=_mirrors.parse(options["mirrors"]),
        help_url=options["help"],
        readers=None if options["readers"] is None else _discovery.subjects(options["readers"]),
        node_agent=options["node_agent"],
        node_agent_image=options["node_agent_image"],
        kubernetes={name: options[name] for name in _kubernetes_connect.KUBERNETES_OPTIONS},
    )


@dataclass
class Result:
    changed: bool = False
    actions: list[str] = field(default_factory=list)
    diff: list[dict[str, Any]] = field(default_factory=list)
    cluster: Cluster | None = None
    registry: dict[str, Any] | None = None
    hosting: dict[str, str] = field(default_factory=dict)
    nodes: dict[str, Any] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def did(self, actions: list[str]) -> None:
        self.actions += actions
        self.changed = self.changed or bool(actions)

    def failed(self, error: ExpectedError) -> None:
        self.did(error.actions)
        if str(error) not in self.failures:
            self.failures.append(str(error))


def connect(client: Any, request: Request, check: bool) -> Result:
    """Connect; what failed on its own is in ``failures``, and everything else is done all the same."""
    result = Result()
    cluster, container = _find(client, request)
    if check and (not cluster.exists or container is None):
        # nothing to compare with yet: 'up --check' on an empty machine
        result.cluster = cluster
        result.did(
            [f"Connect the cluster {_told(cluster)} to the registry {request.registry_name} when both are there."]
        )
        return result
    _require(request, cluster, container)
    registry = _registry(client, request, container)
    caches = _caches(client, request, check)
    items = _connection_items.merged(_connection_items.registry_items(registry), [item for _container, item in caches])
    nodes = _connection_nodes.parse(items)
    result.cluster, result.registry = cluster, _as_result(registry)
    result.hosting = _connection_items.hosting(registry, request.help_url)
    for joining in [container, *(cache for cache, _item in caches if cache is not None)]:
        actions = _registry_network.join(client, joining, cluster.network, check)
        result.did(actions)
        if actions:
            result.diff.append(_diff(f"networks of {joining.name}", "", cluster.network))

    # before the nodes forget them, so that a run that was cut off is finished by the next; meanwhile nodes pull from the upstream
    _detach(client, cluster, [str(cache.name) for cache, _item in caches if cache is not None], check, result)

    def discover(api: _kubernetes.Client) -> _discovery.Result:
        return _discovery.present(api, result.hosting, request.readers, check)

    api = _Api(cluster, request)
    agent_changed = _agent(api, cluster, request, items, check, result)
    _both(client, cluster, api, nodes, True, check, result, discover)
    names = [registry.name, *(str(cache.name) for cache, _item in caches if cache is not None)]
    _except_from_proxy(client, cluster, names, check, result)
    if agent_changed and request.node_agent and not check:
        try:
            _node_agent.wait_ready(api.get(), request.node_agent_image)
        except ExpectedError as error:
            result.failed(error)
    return result


def disconnect(client: Any, request: Request, check: bool) -> Result:
    """Take back what ``connect`` did; what is already gone is no error."""
    result = Result()
    cluster, container = _find(client, request)
    result.cluster = cluster
    if not cluster.exists:
        return result
    port = _registry(client, request, container, pulls=False).port if container is not None else 0
    result.registry = None if container is None else {"name": request.registry_name}

    def forget(api: _kubernetes.Client) -> _discovery.Result:
        # a ConfigMap that names another registry is somebody else's
        same = {"host": f"localhost:{port}"} if port else None
        return _discovery.absent(api, same, check)

    _detach(client, cluster, [], check, result)
    api = _Api(cluster, request)
    _agent(api, cluster, request, None, check, result)
    _both(client, cluster, api, _connection_nodes.parse([]), False, check, result, forget)
    _except_from_proxy(client, cluster, [], check, result)
    if container is not None and cluster.network and not _used_by_others(client, cluster, str(container.name)):
        actions = _registry_network.leave(client, container, cluster.network, check)
        result.did(actions)
        if actions:
            result.diff.append(_diff(f"networks of {container.name}", cluster.network, ""))
    return result


def _both(
    client: Any,
    cluster: Cluster,
    api: _Api,
    registries: Any,
    present: bool,
    check: bool,
    result: Result,
    discovery: Callable[[_kubernetes.Client], _discovery.Result],
) -> None:
    """The nodes' files and the ConfigMap, side by side: neither needs the other."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        future = pool.submit(lambda: discovery(api.get()))
        outcome = _connection_nodes.run(client, cluster, registries, present, check)
        result.nodes = outcome.nodes
        result.did(outcome.actions)
        result.diff += outcome.diff
        result.failures += outcome.failures
        try:
            found = future.result()
            result.did(found.actions)
            if found.before != found.after:
                result.diff.append(_diff("discovery", found.before, found.after))
            result.hosting = found.hosting
        except ExpectedError as error:
            result.failed(error)


def _used_by_others(client: Any, cluster: Cluster, name: str) -> bool:
    """Whether nodes of another cluster name the registry, or the cache, in their files."""
    nodes = [node.container for node in cluster.nodes if node.container is not None]
    labels = [node.attrs.get("Labels") or {} for node in nodes]
    own = {(label, one[label]) for one in labels for label in _mirrors_found.CLUSTER_LABELS.values() if label in one}
    users = _mirrors_found.users(client, [name], lambda labels: bool(own & set(labels.items())))[name]
    # nodes of other tools have no label, and are called by their own names
    return bool(set(users) - {node.name for node in cluster.nodes})


def _detach(client: Any, cluster: Cluster, listed: list[str], check: bool, result: Result) -> None:
    """Caches that this cluster's nodes name, that are no longer listed and that no other cluster uses leave the network with their data."""
    unlisted = [cache for cache in _mirrors_found.on_network(client, cluster.network) if str(cache.name) not in listed]
    if not unlisted:
        return
    nodes = [node.container for node in cluster.nodes if node.container is not None]
    named = _mirrors_found.named_by(nodes, [str(cache.name) for cache in unlisted])
    for cache in unlisted:
        if str(cache.name) not in named or _used_by_others(client, cluster, str(cache.name)):
            continue
        actions = _registry_network.leave(client, cache, cluster.network, check)
        result.did(actions)
        if actions:
            result.diff.append(_diff(f"networks of {cache.name}", cluster.network, ""))


class _Api:
    """The cluster's API server, connected to when it is first asked."""

    def __init__(self, cluster: Cluster, request: Request) -> None:
        self._options = dict(request.kubernetes)
        if not self._options.get("host"):
            self._options["kubeconfig"] = self._options.get("kubeconfig") or cluster.kubeconfig
            self._options["context"] = self._options.get("context") or cluster.context
        self._client: _kubernetes.Client | None = None

    def get(self) -> _kubernetes.Client:
        if self._client is None:
            self._client = _kubernetes_connect.connect(self._options)
        return self._client


def _except_from_proxy(client: Any, cluster: Cluster, names: list[str], check: bool, result: Result) -> None:
    """One look at one node tells whether there is a proxy at all."""
    running = [node for node in cluster.nodes if node.running and node.container is not None]
    if not running:
        return

    def one(name: str) -> list[str]:
        return _proxy.ensure(client.containers.get(name), names, check)

    try:
        first = client.containers.get(running[0].name)
        if not _proxy.proxied(_proxy.environment_of(first.attrs["Config"].get("Env") or [])):
            return
        with ThreadPoolExecutor(max_workers=4) as pool:
            for future in [pool.submit(one, node.name) for node in running]:
                try:
                    result.did(future.result())
                except ExpectedError as error:
                    result.failed(error)
    except (DockerException, RequestException, OSError) as error:
        result.failures.append(f"the proxy settings of the nodes can't be read: {explain(error)}.")


def _agent(
    api: _Api, cluster: Cluster, request: Request, items: list[dict[str, Any]] | None, check: bool, result: Result
) -> bool:
    wanted = items if request.node_agent and items is not None else None
    try:
        actions = _node_agent.ensure(
            api.get(), wanted, request.node_agent_image, _connection_nodes.folder(cluster), check
        )
    except ExpectedError as error:
        # without an agent, the ConfigMap's step tells what is wrong with the API server
        if wanted is not None or not isinstance(error, _kubernetes.KubernetesError):
            result.failed(error)
        return False
    result.did(actions)
    return bool(actions)


def _find(client: Any, request: Request) -> tuple[Cluster, Any]:
    options = request.kubernetes
    kubeconfig = options.get("kubeconfig")
    cluster = _cluster.find(
        client,
        request.provider,
        request.cluster_name,
        kubeconfig if isinstance(kubeconfig, str) else None,
        options.get("context"),
        kubernetes=options,
    )
    try:
        return cluster, client.containers.get(request.registry_name)
    except NotFound:
        return cluster, None
    except (DockerException, RequestException, OSError) as error:
        raise EngineError(f"the container {request.registry_name} can't be looked up: {explain(error)}.") from error


def _require(request: Request, cluster: Cluster, container: Any) -> None:
    if not cluster.exists:
        raise ExpectedError(
            cluster.reason
            or f"there is no {cluster.provider} cluster '{cluster.name}' on this Docker Engine; create it first, or check its name and docker_host."
        )
    if not cluster.network:
        raise ExpectedError(
            f"no node of the cluster {_told(cluster)} is a container of this Docker Engine; set docker_host to the Engine that has them, "
            "or use the role kubelocal.registry.remote for nodes that are machines."
        )
    if container is None:
        raise ExpectedError(
            f"there is no container '{request.registry_name}' on the Docker Engine of the cluster's nodes; "
            f"the registry and the cluster must be on the same Engine, "
            "so start the registry there (role kubelocal.registry.registry), or check its name and docker_host."
        )


def _registry(client: Any, request: Request, container: Any, pulls: bool = True) -> _connection_items.Registry:
    """The registry as its container shows it, with the credentials that only the user knows; ``pulls`` is whether nodes are to."""
    try:
        seen = _registry_observed.observe(client, container)
        ca = request.ca or (_own_certificate(seen) if seen.https else "")
    except (DockerException, RequestException, OSError) as error:
        raise EngineError(f"the registry {container.name} can't be read: {explain(error)}.") from error
    if pulls and seen.users and not request.username:
        raise ExpectedError(
            f"the registry {container.name} lets only its users in; set registry_username and registry_password for the nodes."
        )
    if pulls and seen.inner_port == 0:
        raise ExpectedError(f"the registry {container.name} listens on no port that its configuration tells.")
    address, port = seen.listen_address, seen.port
    named = "localhost" if address in _EVERYWHERE or address.startswith("127.") else address
    named = f"[{named}]" if ":" in named else named
    return _connection_items.Registry(
        name=str(container.name),
        host=f"{named}:{port}" if port else "",
        port=port,
        inner_port=seen.inner_port,
        https=seen.https,
        ca=ca,
        username=request.username if seen.users else "",
        password=request.password if seen.users else "",
    )


def _own_certificate(seen: _registry_observed.Observed) -> str:
    """What the registry shows, for nodes to trust when nobody gave an authority: Go's programs take it as its own root."""
    path = str(_registry_files.dig(seen.effective, "http", "tls", "certificate") or "")
    file = read_file(seen.container, path) if path else None
    return file.content.decode(errors="replace") if file else ""


def _caches(client: Any, request: Request, check: bool) -> list[tuple[Any, dict[str, Any]]]:
    """Each mirror's container (None for one that somebody else runs) and what nodes are told of it."""
    if not request.mirrors:
        return []
    ours = any(not mirror.external for mirror in request.mirrors)
    found = {cache.host: cache for cache in _mirrors_found.find_all(client)} if ours else {}
    answer: list[tuple[Any, dict[str, Any]]] = []
    for mirror in request.mirrors:
        if mirror.external:
            answer.append((None, _mirrors.registry_item(mirror)))
            continue
        cache = found.get(mirror.host)
        if cache is None and check:
            # the role mirrors would have made it by now
            answer.append((None, _mirrors.registry_item(mirror)))
            continue
        if cache is None:
            raise ExpectedError(
                f"there is no cache of '{mirror.host}' on this Docker Engine; make it first (role kubelocal.registry.mirrors)."
            )
        answer.append((cache.container, _mirrors.registry_item(mirror, cache.authorization)))
    return answer


def _as_result(registry: _connection_items.Registry) -> dict[str, Any]:
    return {
        "name": registry.name,
        "host": registry.host,
        "host_from_cluster_network": registry.host_from_cluster_network,
        "url": registry.url,
    }


def _told(cluster: Cluster) -> str:
    return f"'{cluster.name or cluster.context}'"


def _diff(header: str, before: Any, after: Any) -> dict[str, Any]:
    return {"before_header": header, "after_header": header, "before": before, "after": after}
