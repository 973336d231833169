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
from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils import _hosts_toml
from ansible_collections.kubelocal.registry.plugins.module_utils._discovery import MANAGED
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._kubernetes import NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ansible_collections.kubelocal.registry.plugins.module_utils._kubernetes import Client

NAMESPACE = "kubelocal-registry"
NAME = "node-agent"
SECONDS = 10
DEFAULT_IMAGE = "docker.io/library/registry:3"

_IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@+-]*\Z")
_MANAGER = {"fieldManager": "kubelocal.registry", "force": "true"}
# Compares what the Secret says with what the node has, and renames what differs into place: containerd never reads half a file.
# A file that is not ours is kept beside ours once, as the module does.
_SCRIPT = r"""
set -u
umask 077
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
            f"node_agent_image is {image!r}, which is no image; give one that has sh and that new nodes can get without the local registry, such as '{DEFAULT_IMAGE}'."
        )


def objects(items: Sequence[Mapping[str, Any]], image: str, folder: str) -> list[dict[str, Any]]:
    """Namespace, Secret and DaemonSet for these items of ``containerd_hosts``."""
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
    """The agent is as declared, or with no items is not there; the sentences of what was done."""
    namespace = client.find(f"/api/v1/namespaces/{NAMESPACE}")
    labels = ((namespace or {}).get("metadata") or {}).get("labels") or {}
    ours = namespace is not None and all(labels.get(key) == value for key, value in MANAGED.items())
    going = bool(((namespace or {}).get("metadata") or {}).get("deletionTimestamp"))
    if items is None:
        if not ours or going:
            return []
        if not check:
            client.delete(f"/api/v1/namespaces/{NAMESPACE}")
        return [f"Removed the node agent (the namespace {NAMESPACE})."]
    check_image(image)
    if namespace is not None and not ours:
        raise ExpectedError(
            f"the namespace {NAMESPACE} exists and is not ours (label {next(iter(MANAGED))} is missing); rename or delete it."
        )
    if going:
        raise ExpectedError(f"the namespace {NAMESPACE} is still being deleted; run this again in a moment.")
    actions: list[str] = []
    for wanted in objects(items, image, folder):
        if check and namespace is None:
            # nothing can be asked of a namespace that is not there
            actions.append(f"Created the {_named(wanted)}.")
            continue
        path = _path(wanted)
        before = client.find(path)
        if before is not None and _fits(wanted, before):
            continue
        actions.append(f"{'Updated' if before else 'Created'} the {_named(wanted)}.")
        if not check:
            client.request("PATCH", path, wanted, query=_MANAGER, content_type="application/apply-patch+yaml")
    return actions


def ready(client: Client) -> str:
    """Empty when the agent runs on every node that should have it, else what is missing."""
    try:
        status = client.get(f"/apis/apps/v1/namespaces/{NAMESPACE}/daemonsets/{NAME}").get("status") or {}
    except NotFound:
        return "there is no node agent"
    wanted, there = int(status.get("desiredNumberScheduled") or 0), int(status.get("numberReady") or 0)
    return "" if wanted and there >= wanted else f"the node agent runs on {there} of {wanted} nodes"


def _path(content: Mapping[str, Any]) -> str:
    if content["kind"] == "Namespace":
        return f"/api/v1/namespaces/{NAMESPACE}"
    if content["kind"] == "Secret":
        return f"/api/v1/namespaces/{NAMESPACE}/secrets/{NAME}"
    return f"/apis/apps/v1/namespaces/{NAMESPACE}/daemonsets/{NAME}"


def _named(content: Mapping[str, Any]) -> str:
    return f"{content['kind']} {content['metadata']['name']} of the node agent"


def _fits(wanted: Any, found: Any) -> bool:
    """Whether all that is wanted is so; what the API server adds by default is no difference, except in lists and the Secret's data."""
    if isinstance(wanted, dict):
        if not isinstance(found, dict):
            return False
        if "data" in wanted and set(wanted["data"]) != set(found.get("data") or {}):
            return False
        return all(_fits(value, found.get(key)) for key, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(found, list) and len(wanted) == len(found) and all(map(_fits, wanted, found))
    return json.dumps(wanted) == json.dumps(found)
