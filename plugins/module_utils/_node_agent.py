# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: a DaemonSet that keeps hosts.toml files on nodes, also on those that come later.

What it may do is what that takes: no access to the API, no capability, no network of the node's, of the node's files only the folder
certs.d. It runs as root because that folder is root's. What nodes are told lies in a Secret, for it can hold credentials.
"""

from __future__ import annotations

import base64
import json
import re
import time
from typing import TYPE_CHECKING, Any, Callable

from ansible_collections.kubelocal.registry.plugins.module_utils import _hosts_toml
from ansible_collections.kubelocal.registry.plugins.module_utils._discovery import MANAGED
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._kubernetes import Forbidden, NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ansible_collections.kubelocal.registry.plugins.module_utils._kubernetes import Client

NAMESPACE = "kubelocal-registry"
NAME = "node-agent"
SECONDS = 10
DEFAULT_IMAGE = "docker.io/library/registry:3"

_IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@+-]*\Z")
_VERSION = "kubelocal.registry/secret-version"
# Dictionaries in which nothing else may stand, and keys that must not be added to those that we wrote.
_EXACT = {"data", "securityContext", "capabilities"}
_RIGHTS = {
    "args",
    "envFrom",
    "hostIPC",
    "hostNetwork",
    "hostPID",
    "initContainers",
    "lifecycle",
    "securityContext",
    "serviceAccount",
    "serviceAccountName",
    "shareProcessNamespace",
    "stringData",
    "volumeDevices",
}
_MANAGER = {"fieldManager": "kubelocal.registry", "force": "true"}
# Compares what the Secret says with what the node has, and renames what differs into place: containerd never reads half a file.
# A file that is not ours is kept beside ours once, as the module does.
_SCRIPT = r"""
set -u
umask 077
trap 'exit 0' TERM INT
while :; do
  cd /wanted || exit 1
  for folder in *; do
    for source in "$folder"/*; do
      [ -f "$source" ] || continue
      target="/certs.d/$source"
      mode=$(stat -L -c %a "$source")
      if [ -f "$target" ] && cmp -s "$source" "$target" && [ "$(stat -c %a "$target")" = "$mode" ]; then continue; fi
      if [ -e "/certs.d/$folder" ] && [ ! -d "/certs.d/$folder" ]; then mv "/certs.d/$folder" "/certs.d/$folder.orig" || continue; fi
      mkdir -p "/certs.d/$folder" && chmod 755 "/certs.d/$folder" || continue
      if [ -d "$target" ]; then mv "$target" "$target.orig" || continue; fi
      if [ -f "$target" ] && [ ! -e "$target.orig" ] && ! head -n 1 "$target" | grep -q "kubelocal.registry"; then
        case $target in */hosts.toml) cp "$target" "$target.orig" || continue ;; esac
      fi
      cat "$source" > "/certs.d/.kubelocal-agent" && chmod "$mode" "/certs.d/.kubelocal-agent" &&
        mv "/certs.d/.kubelocal-agent" "$target" && echo "wrote $target"
    done
  done
  sleep "$SECONDS_BETWEEN" &
  wait $!
done
"""


def check_image(image: str) -> None:
    if not _IMAGE.match(image) or not image.isascii():
        raise ExpectedError(
            f"node_agent_image is {image!r}, which is no image; give one that has sh and that new nodes can "
            f"get without the local registry, such as '{DEFAULT_IMAGE}'."
        )


def objects(items: Sequence[Mapping[str, Any]], image: str, folder: str) -> list[dict[str, Any]]:
    """Namespace, Secret and DaemonSet for these items of ``containerd_hosts``, in the order in which they are applied."""
    data: dict[str, str] = {}
    paths: list[dict[str, Any]] = []
    for registry in _hosts_toml.parse(items):
        rendered = _hosts_toml.render(registry, f"{folder}/{registry.host}")
        # certificates before the hosts.toml that names them: the shell reads a folder in the order of names, and c < h
        files = {**rendered.files, "hosts.toml": (rendered.text.encode(), rendered.mode)}
        for name, (content, mode) in sorted(files.items()):
            key = f"file-{len(paths)}"
            data[key] = base64.b64encode(content).decode()
            paths.append({"key": key, "path": f"{registry.host}/{name}", "mode": mode})
    labels = {"app.kubernetes.io/name": NAME, **MANAGED}
    metadata = {"name": NAME, "namespace": NAMESPACE, "labels": labels}
    namespace = {
        "apiVersion": "v1",
        "kind": "Namespace",
        # a hostPath is beyond every stricter level
        "metadata": {"name": NAMESPACE, "labels": {**MANAGED, "pod-security.kubernetes.io/enforce": "privileged"}},
    }
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "data": data}
    selector = {"app.kubernetes.io/name": NAME}
    container = {
        "name": NAME,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["sh", "-c", _SCRIPT],
        "env": [{"name": "SECONDS_BETWEEN", "value": str(SECONDS)}],
        "resources": {
            "requests": {"cpu": "5m", "memory": "8Mi"},
            "limits": {"memory": "32Mi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "privileged": False,
            "readOnlyRootFilesystem": True,
            "runAsUser": 0,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "volumeMounts": [
            {"name": "wanted", "mountPath": "/wanted", "readOnly": True},
            {"name": "certs", "mountPath": "/certs.d"},
        ],
    }
    daemon_set = {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": metadata,
        "spec": {
            "selector": {"matchLabels": selector},
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "100%"}},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "automountServiceAccountToken": False,
                    "enableServiceLinks": False,
                    "terminationGracePeriodSeconds": 1,
                    "tolerations": [{"operator": "Exists"}],
                    "containers": [container],
                    "volumes": [
                        {"name": "wanted", "secret": {"secretName": NAME, "items": paths}},
                        {"name": "certs", "hostPath": {"path": folder, "type": "DirectoryOrCreate"}},
                    ],
                },
            },
        },
    }
    return [namespace, secret, daemon_set]


def ensure(
    client: Client, items: Sequence[Mapping[str, Any]] | None, image: str, folder: str, check: bool
) -> list[str]:
    """The agent is as declared, or with no items is not there; the sentences of what was done.

    When this returns, no agent works any more by what was declared earlier.
    """
    if items is not None:
        check_image(image)
    try:
        namespace = client.find(f"/api/v1/namespaces/{NAMESPACE}")
    except Forbidden:
        if items is None:
            # who may not look did not make one
            return []
        raise
    labels = ((namespace or {}).get("metadata") or {}).get("labels") or {}
    ours = namespace is not None and all(labels.get(key) == value for key, value in MANAGED.items())
    going = bool(((namespace or {}).get("metadata") or {}).get("deletionTimestamp"))
    if items is None:
        return _remove(client, check) if ours and not going else []
    if namespace is not None and not ours:
        raise ExpectedError(
            f"the namespace {NAMESPACE} exists and is not ours (label {next(iter(MANAGED))} is missing); rename or delete it."
        )
    if going:
        raise ExpectedError(f"the namespace {NAMESPACE} is still being deleted; run this again in a moment.")
    actions: list[str] = []
    version = ""
    for wanted in objects(items, image, folder):
        if check and namespace is None:
            # nothing can be asked of a namespace that is not there
            actions.append(f"Created the {_named(wanted)}.")
            continue
        if wanted["kind"] == "DaemonSet":
            # new pods with every new Secret, which running ones would see up to a minute later only
            wanted["spec"]["template"]["metadata"]["annotations"] = {_VERSION: version}
        path = _path(wanted)
        found = client.find(path)
        if found is None or not _fits(wanted, found):
            actions.append(f"{'Updated' if found else 'Created'} the {_named(wanted)}.")
            if not check:
                found = _apply(client, path, wanted, found)
        if wanted["kind"] == "Secret" and found is not None:
            version = str(found["metadata"]["resourceVersion"])
    if actions and not check:
        _wait(30, lambda: not _older(client))
    return actions


def wait_ready(client: Client, image: str, timeout: float = 60) -> None:
    """The agent runs on every node; ExpectedError tells where it does not."""
    told = ""

    def check() -> bool:
        nonlocal told
        told = _missing(client)
        return not told

    if not _wait(timeout, check):
        raise ExpectedError(
            f"{told} after {timeout:g} s; 'kubectl -n {NAMESPACE} describe pods' tells why (can nodes get the image {image} without the local registry?)."
        )


def _remove(client: Client, check: bool) -> list[str]:
    if not check:
        path = f"/apis/apps/v1/namespaces/{NAMESPACE}/daemonsets/{NAME}"
        client.delete(path, {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Foreground"})
        # a pod that still runs would write again what is removed next; one on a dead node writes nothing
        _wait(30, lambda: client.find(path) is None)
        client.delete(f"/api/v1/namespaces/{NAMESPACE}")
    return [f"Removed the node agent (the namespace {NAMESPACE})."]


def _wait(timeout: float, done: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + timeout
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.3)
    return True


def _daemon_set(client: Client) -> dict[str, Any]:
    try:
        return client.get(f"/apis/apps/v1/namespaces/{NAMESPACE}/daemonsets/{NAME}")
    except NotFound:
        return {}


def _older(client: Client) -> bool:
    """Whether pods of an earlier version may still run."""
    found = _daemon_set(client)
    status = found.get("status") or {}
    if status.get("observedGeneration") != (found.get("metadata") or {}).get("generation"):
        return True
    return int(status.get("updatedNumberScheduled") or 0) < int(status.get("desiredNumberScheduled") or 0)


def _missing(client: Client) -> str:
    """Empty when the agent runs on every node that should have it."""
    found = _daemon_set(client)
    status = found.get("status") or {}
    wanted, there = int(status.get("desiredNumberScheduled") or 0), int(status.get("numberReady") or 0)
    if wanted and there >= wanted and not _older(client):
        return ""
    return f"the node agent runs on {there} of {wanted} nodes"


def _path(content: Mapping[str, Any]) -> str:
    if content["kind"] == "Namespace":
        return f"/api/v1/namespaces/{NAMESPACE}"
    if content["kind"] == "Secret":
        return f"/api/v1/namespaces/{NAMESPACE}/secrets/{NAME}"
    return f"/apis/apps/v1/namespaces/{NAMESPACE}/daemonsets/{NAME}"


def _named(content: Mapping[str, Any]) -> str:
    return f"{content['kind']} {content['metadata']['name']} of the node agent"


def _apply(client: Client, path: str, wanted: Mapping[str, Any], found: Mapping[str, Any] | None) -> dict[str, Any]:
    if found is not None and wanted["kind"] != "Namespace":
        # replaced as a whole: what somebody added goes
        return client.put(path, wanted)
    return client.request("PATCH", path, wanted, query=_MANAGER, content_type="application/apply-patch+yaml")


def _fits(wanted: Any, found: Any) -> bool:
    """Whether all that is wanted is so. What the API server adds by default is no difference, but what gives rights or data is."""
    if isinstance(wanted, dict):
        if not isinstance(found, dict):
            return False
        if any(found[key] for key in set(found) - set(wanted) if key in _RIGHTS):
            return False
        for key in _EXACT & set(wanted):
            if set(wanted[key]) != set(found.get(key) or {}):
                return False
        return all(_fits(value, found.get(key)) for key, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(found, list) and len(wanted) == len(found) and all(map(_fits, wanted, found))
    return json.dumps(wanted) == json.dumps(found)
