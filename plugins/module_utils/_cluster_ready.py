# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: a cluster's stopped nodes are started, and the cluster is waited for until it works."""

from __future__ import annotations

import re
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils import _kubernetes
from ansible_collections.kubelocal.registry.plugins.module_utils._docker import EngineError, explain
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError

try:
    from docker.errors import APIError, DockerException
    from requests.exceptions import RequestException
except ImportError:  # told by the module, by way of _docker.DOCKER_IMPORT_ERROR
    pass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ansible_collections.kubelocal.registry.plugins.module_utils._cluster import Cluster, Node

# Docker's words for an uptime within which the API server may still call a node ready that has not come back.
_RECENT = re.compile(r"^Up (Less than a second|\d+ seconds?|About a minute|[1-3] minutes?)\b")
_LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
_FRACTION = re.compile(r"\.(\d+)")
_LOCKED_OUT = "the API server does not let anybody in yet"
# how long that is believed of an API server that was not started lately
_PATIENCE = 20.0


def to_start(cluster: Cluster) -> list[Node]:
    """The containers of the cluster that don't run, the control planes first."""
    return [node for node in [*cluster.helpers, *cluster.nodes] if node.container is not None and not node.running]


def start(client: Any, nodes: Sequence[Node]) -> dict[str, float]:
    """Start or unpause containers side by side: for each the Engine's time from which on it was at work again."""
    try:
        now = _seconds(str(client.info().get("SystemTime") or ""))
        with ThreadPoolExecutor(max_workers=8) as pool:
            list(pool.map(_start, nodes))
    except (DockerException, RequestException, OSError) as error:
        raise EngineError(
            f"a node can't be started: {explain(error)}; 'docker logs' and 'docker inspect' of {', '.join(node.name for node in nodes)} show more."
        ) from error
    return {node.name: now for node in nodes}


def started_lately(client: Any, nodes: Sequence[Node]) -> dict[str, float]:
    """For each node that has been up for a short while only: when it was started."""
    recent = [node for node in nodes if node.container is not None and _RECENT.match(_status(node))]
    found = {}
    for node in recent:
        try:
            state = client.api.inspect_container(node.container.id)["State"]
        except (DockerException, RequestException, OSError):
            continue
        found[node.name] = _seconds(str(state.get("StartedAt") or ""))
    return found


def what_is_missing(
    api: _kubernetes.Client, nodes: Sequence[str], since: Mapping[str, float], without_network: bool = False
) -> str:
    """Empty when all ``nodes`` are ready and pods can be made, else what is not so yet.

    ``since``: times after which a node has to have been heard of. ``without_network``: no CNI is expected to be there yet.
    Unreachable and a 401 are the caller's; an API server that has just started answers 403 until it has read its roles.
    """
    try:
        found = {str(node["metadata"]["name"]): node for node in api.get("/api/v1/nodes").get("items") or []}
        for name in nodes:
            if name not in found:
                return f"the node {name} has not joined"
            missing = _not_ready(name, found[name].get("status") or {}, without_network)
            if missing:
                return missing
        leases = _leases(api) if since else {}
        for name in nodes:
            # what is said of a node that joined after its start can't be from before
            joined = _seconds(str(found[name]["metadata"].get("creationTimestamp") or ""))
            if name in since and max(leases.get(name, 0), joined) <= since[name]:
                return f"the node {name} has not been heard of since it was started"
        if api.find("/api/v1/namespaces/default/serviceaccounts/default") is None:
            return "the default service account is not there"
    except _kubernetes.Forbidden as error:
        if error.status == 401:
            raise
        return f"{_LOCKED_OUT} ({str(error).rstrip('.')})"
    except _kubernetes.Refused as error:
        return str(error).rstrip(".")
    return ""


def wait(
    api: _kubernetes.Client,
    nodes: Sequence[str],
    since: Mapping[str, float],
    end: float,
    without_network: bool = False,
    interval: float = 0.25,
    patience: float = _PATIENCE,
) -> str:
    """Wait for it until ``end`` (of time.monotonic): empty, or what is missing still. A kubeconfig that is not this cluster's is raised."""
    begun = time.monotonic()
    while True:
        try:
            missing = what_is_missing(api, nodes, since, without_network)
        except _kubernetes.Unreachable as error:
            if is_stale(error):
                raise
            missing = str(error).rstrip(".")
        if not missing or time.monotonic() >= end:
            return missing
        if missing.startswith(_LOCKED_OUT) and not since and time.monotonic() - begun >= patience:
            raise ExpectedError(
                f"the kubeconfig's user may not look at the cluster{missing[len(_LOCKED_OUT) :]}; let it, or use another user."
            )
        time.sleep(interval)


def is_stale(error: _kubernetes.KubernetesError) -> bool:
    """Whether it is the kubeconfig's fault: another cluster's certificates. A port that Docker serves with nothing behind it just hangs up."""
    cause = error.__cause__
    return error.status == 401 or (isinstance(cause, ssl.SSLError) and "CERTIFICATE_VERIFY_FAILED" in str(cause))


def _start(node: Node) -> None:
    container = node.container
    try:
        if node.status == "paused":
            container.unpause()
        else:
            container.start()
    except APIError as error:
        # somebody else was faster
        if "not paused" not in str(error):
            raise


def _status(node: Node) -> str:
    return str(node.container.attrs.get("Status") or "")


def _not_ready(name: str, status: Mapping[str, Any], without_network: bool) -> str:
    for condition in status.get("conditions") or []:
        if condition.get("type") != "Ready":
            continue
        message = str(condition.get("message") or condition.get("reason") or "no reason told").strip()
        if condition.get("status") == "True" or (without_network and "network" in message.lower()):
            return ""
        return f"the node {name} is not ready ({message.splitlines()[0][:200]})"
    return f"the node {name} is not ready"


def _leases(api: _kubernetes.Client) -> dict[str, float]:
    return {
        str(lease["metadata"]["name"]): _seconds(str((lease.get("spec") or {}).get("renewTime") or ""))
        for lease in api.get(_LEASES).get("items") or []
    }


def _seconds(moment: str) -> float:
    """A time as Docker and Kubernetes write it, with any number of digits after the second."""
    text = _FRACTION.sub(lambda match: f".{match[1][:6]:0<6}", moment.replace("Z", "+00:00"))
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return 0
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=timezone.utc)).timestamp()
