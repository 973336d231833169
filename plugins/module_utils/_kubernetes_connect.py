# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: reaching a Kubernetes API server, with kubernetes.core's options, fast.

A kubeconfig that holds a certificate or a token (kind's, k3d's, k3s's, kubeadm's) is read here and asked with the standard library,
since importing the Kubernetes client takes half a second. Everything else (exec plugins, proxies, in-cluster, a host given as an
option) goes through the Kubernetes client. Both look the same to callers.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_MAP, AUTH_ARG_SPEC

from ansible_collections.kubelocal.registry.plugins.module_utils import _kubernetes_direct, _kubernetes_library

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.kubelocal.registry.plugins.module_utils._kubernetes import Client

# For argument specs: the options of kubernetes.core.k8s_auth_options.
KUBERNETES_OPTIONS: dict[str, Any] = dict(AUTH_ARG_SPEC)

_PROXY_VARIABLES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")


def show_path(module: Any) -> None:
    """Let messages name the kubeconfig's file: kubernetes.core hides the option, because it can hold a whole kubeconfig too."""
    path = module.params.get("kubeconfig")
    if isinstance(path, str) and "\n" not in path:
        module.no_log_values.discard(path)


def connect(options: Mapping[str, Any], timeout: float = 30) -> Client:
    """A client from kubernetes.core's options (unset ones and None alike; K8S_AUTH_* stand in for them).

    Nothing is asked yet. A missing kubeconfig or context is Unreachable.
    """
    chosen = _chosen(options)
    kubeconfig, context = chosen.get("kubeconfig"), chosen.get("context")
    simple = not (set(chosen) - {"kubeconfig", "context", "persist_config", "validate_certs"})
    in_cluster = not kubeconfig and not context and os.environ.get("KUBERNETES_SERVICE_HOST")
    if simple and not in_cluster and not any(os.environ.get(name) for name in _PROXY_VARIABLES):
        path = kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config"
        if isinstance(path, dict) or os.pathsep not in str(path):
            client = _kubernetes_direct.client(path, context, chosen.get("validate_certs"), timeout)
            if client is not None:
                return client
    return _kubernetes_library.client(options, chosen, timeout)


def _chosen(options: Mapping[str, Any]) -> dict[str, Any]:
    chosen = {name: options[name] for name in AUTH_ARG_SPEC if options.get(name) not in (None, "", {})}
    aliases = {name: true_name for true_name, name in AUTH_ARG_MAP.items()}
    for name, spec in AUTH_ARG_SPEC.items():
        if name in chosen or name == "proxy_headers":
            continue
        for variable in (name, aliases.get(name, name)):
            value = os.environ.get(f"K8S_AUTH_{variable.upper()}")
            if value:
                chosen[name] = value.lower() not in ("0", "false", "no") if spec.get("type") == "bool" else value
                break
    return chosen
