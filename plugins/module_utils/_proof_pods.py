# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: short-lived pods, one on every node, that prove what its kubelet pulls and what a pod reaches."""

from __future__ import annotations

import contextlib
import secrets
import time
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ansible_collections.kubelocal.registry.plugins.module_utils import _run_mark
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._kubernetes import Forbidden, KubernetesError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ansible_collections.kubelocal.registry.plugins.module_utils._kubernetes import Client

NAMESPACE = "default"
LABEL = "kubelocal.registry/proof"
_OWNER = "kubelocal.registry/owner"
_PATH = f"/api/v1/namespaces/{NAMESPACE}/pods"
_INTERVAL = 0.25
_ATTEMPTS = 2
_PULLING = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable")
_STARTING = ("", "PodInitializing", "ContainerCreating")

# Any HTTP answer will do: a closed registry says 401, one with TLS says 400. Nothing of a user's is part of the script.
# It goes by time: without anything behind the name service's address a try fails at once, with it unreachable after seconds.
_REACH = r"""
name=$1; port=$2; end=$(($(date +%s)+$3))
command -v wget >/dev/null || exit 3
while :; do
  told=$(wget -T 3 -O /dev/null "http://$name:$port/v2/" 2>&1); code=$?
  [ $code -eq 0 ] && exit 0
  case $told in *HTTP/1*|*"awaiting response... "[0-9]*) exit 0;; esac
  if [ $code -ge 128 ]; then # a static wget may crash where it looks a name up
    told=$(nslookup "$name." 2>&1)
    for address in $(echo "$told" | sed -n '/^Name:/,$s/^Address[ 0-9]*:[[:space:]]*\([^ ]*\).*/\1/p'); do
      case $(printf 'GET /v2/ HTTP/1.0\r\n\r\n' | nc -w 3 "$address" "$port" 2>&1) in *HTTP/1*) exit 0;; esac
    done
  fi
  [ "$(date +%s)" -lt "$end" ] || { echo "$told" | tail -n 1; exit 1; }
  sleep 1
done
"""


@dataclass
class Answer:
    """What one container showed: ``pulled`` and ``reached`` are None while (or where) nothing is known."""

    pulled: bool | None = None
    ran: bool | None = None
    message: str = ""


@dataclass
class NodeProof:
    """What one node showed, by the name of the container."""

    name: str
    answers: dict[str, Answer] = field(default_factory=dict)
    pod: str = ""
    attempts: int = 0
    trouble: str = ""

    def finished(self, wanted: set[str]) -> bool:
        return all(name in self.answers and self.answers[name].ran is not None for name in wanted)

    def pull_failed(self) -> bool:
        return any(answer.pulled is False for answer in self.answers.values())


def node_names(client: Client) -> list[str]:
    """Every node that the cluster has."""
    return sorted(str(item["metadata"]["name"]) for item in client.get("/api/v1/nodes").get("items") or [])


def prove(
    client: Client,
    nodes: list[str],
    images: Mapping[str, str],
    command: Sequence[str],
    reach: tuple[str, int] | None,
    timeout: float,
) -> dict[str, NodeProof]:
    """Run a pod on every node with one container per image (by container name) that runs ``command``; the last one asks ``reach``.

    All pods are removed again, whatever happens.
    """
    remove_leftovers(client)
    token = secrets.token_hex(6)
    proofs = {name: NodeProof(name) for name in nodes}
    deadline = time.monotonic() + timeout
    try:
        waiting = dict(proofs)
        while waiting:
            for proof in waiting.values():
                if not proof.pod:
                    _start(client, proof, _body(proof.name, token, images, command, reach, timeout), deadline)
            _look(client, token, waiting)
            for name, proof in list(waiting.items()):
                if proof.pull_failed() and proof.attempts < _ATTEMPTS:
                    # whatever was just restarted may have refused it
                    _remove(client, proof.pod)
                    proof.pod, proof.answers = "", {}
                elif proof.pull_failed() or proof.finished(set(images)):
                    del waiting[name]
            if time.monotonic() > deadline:
                break
            if waiting:
                time.sleep(_INTERVAL)
        _explain_late(client, waiting)
    finally:
        with contextlib.suppress(KubernetesError):
            client.request("DELETE", _PATH, {"gracePeriodSeconds": 0}, query={"labelSelector": f"{LABEL}={token}"})
    return proofs


def remove_leftovers(client: Client) -> None:
    """Remove pods of proofs that were killed."""
    for pod in client.get(_PATH, {"labelSelector": LABEL}).get("items") or []:
        meta = pod["metadata"]
        if (
            _run_mark.is_dead(str((meta.get("annotations") or {}).get(_OWNER)))
            or _age(str(meta.get("creationTimestamp"))) > 900
        ):
            _remove(client, str(meta["name"]))


def _remove(client: Client, pod: str) -> None:
    client.delete(f"{_PATH}/{quote(pod)}", {"gracePeriodSeconds": 0})


def _start(client: Client, proof: NodeProof, body: Mapping[str, Any], deadline: float) -> None:
    while True:
        try:
            proof.pod = str(client.post(_PATH, body)["metadata"]["name"])
            proof.attempts += 1
            return
        except Forbidden as error:
            # a new cluster makes its service accounts within seconds
            if "serviceaccount" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(_INTERVAL)


def _look(client: Client, token: str, waiting: Mapping[str, NodeProof]) -> None:
    found = client.get(_PATH, {"labelSelector": f"{LABEL}={token}"}).get("items") or []
    by_name = {str(pod["metadata"]["name"]): pod for pod in found}
    for proof in waiting.values():
        pod = by_name.get(proof.pod)
        if pod is None:
            if proof.attempts >= _ATTEMPTS:
                raise ExpectedError(
                    f"the proof's pod on node '{proof.name}' was deleted by someone else; run the playbook again."
                )
            proof.pod, proof.answers = "", {}
            continue
        status = pod.get("status") or {}
        for container in status.get("containerStatuses") or []:
            proof.answers[str(container["name"])] = read_status(container)
        if status.get("phase") == "Failed" and not status.get("containerStatuses"):
            # the kubelet did not admit it
            told = f"{status.get('reason') or 'Failed'}: {status.get('message') or 'no explanation'}"
            for container in pod["spec"]["containers"]:
                proof.answers[str(container["name"])] = Answer(False, False, told)


def read_status(container: Mapping[str, Any]) -> Answer:
    """What the kubelet says about one container."""
    state = container.get("state") or {}
    waiting, ended = state.get("waiting"), state.get("terminated")
    if waiting is not None:
        reason = str(waiting.get("reason") or "")
        if reason in _PULLING:
            return Answer(False, None, str(waiting.get("message") or reason))
        if reason in _STARTING:
            return Answer(True if container.get("imageID") else None)
        return Answer(True, False, str(waiting.get("message") or reason))
    if ended is not None:
        if ended.get("reason") in ("ContainerStatusUnknown", "StartError"):
            return Answer(True, False, str(ended.get("message") or ended.get("reason")))
        return Answer(True, ended.get("exitCode") == 0, _ended(ended))
    if state.get("running") is not None:
        return Answer(True)
    return Answer()


def _ended(ended: Mapping[str, Any]) -> str:
    if ended.get("exitCode") == 0:
        return ""
    message = str(ended.get("message") or "").strip()
    return f"{NO_WGET}" if ended.get("exitCode") == 3 else message or f"exit code {ended.get('exitCode')}"


NO_WGET = "the registry's image has no wget to try it with"


def _explain_late(client: Client, waiting: Mapping[str, NodeProof]) -> None:
    """Why the nodes that are still waited for did not get there, in the cluster's own words."""
    if not waiting:
        return
    ready: dict[str, str] = {}
    with contextlib.suppress(KubernetesError):
        for node in client.get("/api/v1/nodes").get("items") or []:
            for condition in (node.get("status") or {}).get("conditions") or []:
                if condition.get("type") == "Ready" and condition.get("status") != "True":
                    ready[str(node["metadata"]["name"])] = str(condition.get("message") or condition.get("reason"))
    events: dict[str, str] = {}
    with contextlib.suppress(KubernetesError):
        answer = client.get(
            f"/api/v1/namespaces/{NAMESPACE}/events", {"fieldSelector": "involvedObject.kind=Pod,type=Warning"}
        )
        for event in answer.get("items") or []:
            events[str(event["involvedObject"].get("name"))] = str(event.get("message") or "")
    for proof in waiting.values():
        if proof.name in ready:
            proof.trouble = f"the node is not Ready ({ready[proof.name].strip().rstrip('.')})"
        else:
            proof.trouble = events.get(proof.pod, "its kubelet did not run the pod in time").strip().rstrip(".")


def _body(
    node: str,
    token: str,
    images: Mapping[str, str],
    command: Sequence[str],
    reach: tuple[str, int] | None,
    timeout: float,
) -> dict[str, Any]:
    containers: list[dict[str, Any]] = []
    for name, image in images.items():
        container: dict[str, Any] = {
            "name": name,
            "image": image,
            "imagePullPolicy": "Always",
            "command": list(command),
            "terminationMessagePolicy": "FallbackToLogsOnError",
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
                "runAsNonRoot": True,
                "runAsUser": 65534,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "resources": {"requests": {"cpu": "1m", "memory": "8Mi"}, "limits": {"memory": "128Mi"}},
        }
        if reach is not None and name == list(images)[-1]:
            container["command"] = ["sh", "-c", _REACH, "sh", reach[0], str(reach[1]), str(_patience(timeout))]
        containers.append(container)
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "generateName": "kubelocal-proof-",
            "labels": {LABEL: token, "app.kubernetes.io/managed-by": "kubelocal.registry"},
            "annotations": {_OWNER: _run_mark.mark()},
        },
        "spec": {
            "nodeName": node,
            "restartPolicy": "Never",
            "activeDeadlineSeconds": int(timeout) + 30,
            "terminationGracePeriodSeconds": 0,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "tolerations": [{"operator": "Exists"}],
            # a name server that does not answer yet shall not cost one try a minute
            "dnsConfig": {"options": [{"name": "timeout", "value": "2"}, {"name": "attempts", "value": "1"}]},
            "containers": containers,
        },
    }


def _patience(timeout: float) -> int:
    """Seconds for which a pod asks. After a node's restart kube-proxy and CoreDNS come back later than its kubelet, and CoreDNS
    remembers for 30 seconds that it did not find a name. The rest is for the pod to start, and to be heard of.
    """
    return max(1, int(timeout * 2 / 3))


def _age(created: str) -> float:
    try:
        then = datetime.strptime(created, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    except ValueError:
        return 0.0
    return (datetime.now(timezone.utc) - then).total_seconds()
