# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: asking an API server with the Kubernetes client, for what only that understands."""

from __future__ import annotations

import os
import ssl
from typing import TYPE_CHECKING, Any

from ansible.module_utils.basic import missing_required_lib
from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_MAP

from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._kubernetes import Answer, Client, Unreachable

if TYPE_CHECKING:
    from collections.abc import Mapping


class Library:
    """HTTPS by the Kubernetes client's own connection pool, with its credentials."""

    def __init__(self, client: Any, headers: list[tuple[str, str]]) -> None:
        self._client = client
        self._headers = headers

    def send(self, method: str, target: str, data: bytes | None, headers: Mapping[str, str], timeout: float) -> Answer:
        import urllib3

        # at urllib3's top only since its version 2
        from urllib3._collections import HTTPHeaderDict

        configuration = self._client.configuration
        every = HTTPHeaderDict({**self._client.default_headers, **headers})
        for auth in configuration.auth_settings().values():
            if auth.get("in") == "header" and auth.get("value"):
                every[auth["key"]] = auth["value"]
        for name, value in self._headers:
            every.add(name, value)
        try:
            response = self._client.rest_client.pool_manager.request(
                method, configuration.host + target, body=data, headers=every, timeout=timeout, retries=False
            )
        except urllib3.exceptions.TimeoutError as error:
            raise TimeoutError(str(error)) from error
        except urllib3.exceptions.SSLError as error:
            raise ssl.SSLError(0, str(error)) from error
        except urllib3.exceptions.HTTPError as error:
            raise OSError(str(error)) from error
        return Answer(int(response.status), bytes(response.data))

    def close(self) -> None:
        self._client.rest_client.pool_manager.clear()


def client(options: Mapping[str, Any], chosen: Mapping[str, Any], timeout: float) -> Client:
    try:
        import kubernetes
        import urllib3
    except ImportError:
        raise ExpectedError(missing_required_lib("kubernetes")) from None
    configuration = kubernetes.client.Configuration()
    try:
        _load_library(kubernetes.config, configuration, chosen)
    except (kubernetes.config.ConfigException, OSError, ValueError) as error:
        raise Unreachable(
            f"no way to a Kubernetes API server: {_first_line(error)}; check kubeconfig, context and host."
        ) from error
    for true_name, name in AUTH_ARG_MAP.items():
        value = chosen.get(name)
        if value is None or name in ("kubeconfig", "context", "persist_config"):
            continue
        if name == "api_key":
            # newer clients look for the token under the name of its scheme
            configuration.api_key = dict.fromkeys(("authorization", "BearerToken"), f"Bearer {value}")
        elif name == "proxy_headers":
            configuration.proxy_headers = urllib3.util.make_headers(**value)
        else:
            setattr(configuration, true_name, value.rstrip("/") if name == "host" else value)
    api = kubernetes.client.ApiClient(configuration)
    headers = [("Impersonate-User", user) for user in [options.get("impersonate_user")] if user]
    headers += [("Impersonate-Group", group) for group in options.get("impersonate_groups") or []]
    return Client(Library(api, headers), f"the API server {configuration.host}", timeout)


def _load_library(config: Any, configuration: Any, chosen: Mapping[str, Any]) -> None:
    """As kubernetes.core: options that suffice, else the kubeconfig or context given, else in-cluster, else the user's."""
    pairs = (("username", "password"), ("api_key",), ("client_cert", "client_key"))
    if chosen.get("host") and any(all(chosen.get(name) for name in pair) for pair in pairs):
        return
    kubeconfig, context = chosen.get("kubeconfig"), chosen.get("context")
    if not kubeconfig and not context and os.environ.get("KUBERNETES_SERVICE_HOST"):
        config.load_incluster_config(client_configuration=configuration)
    elif isinstance(kubeconfig, dict):
        config.load_kube_config_from_dict(kubeconfig, context=context, client_configuration=configuration)
    else:
        config.load_kube_config(config_file=kubeconfig, context=context, client_configuration=configuration)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300].strip().rstrip(".")
