# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: asking a Kubernetes API server, with kubernetes.core's options, fast.

A kubeconfig that holds a certificate or a token (kind's, k3d's, k3s's, kubeadm's) is read here and asked with the standard library,
since importing the Kubernetes client takes half a second. Everything else (exec plugins, proxies, in-cluster, a host given as an
option) goes through the Kubernetes client. Both look the same to callers, and tell errors in one sentence.
"""

from __future__ import annotations

import base64
import binascii
import http.client
import json
import os
import socket
import ssl
import tempfile
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from ansible.module_utils.basic import missing_required_lib
from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_MAP, AUTH_ARG_SPEC

from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError

YAML_IMPORT_ERROR: str | None = None
try:
    import yaml
except ImportError:  # told when a kubeconfig has to be read
    YAML_IMPORT_ERROR = traceback.format_exc()

if TYPE_CHECKING:
    from collections.abc import Mapping

# For argument specs: the options of kubernetes.core.k8s_auth_options.
KUBERNETES_OPTIONS: dict[str, Any] = dict(AUTH_ARG_SPEC)

_SIMPLE_USER = {"client-certificate", "client-certificate-data", "client-key", "client-key-data", "token", "name"}
_SIMPLE_CLUSTER = {"server", "certificate-authority", "certificate-authority-data", "insecure-skip-tls-verify"}
_PROXY_VARIABLES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")


class KubernetesError(ExpectedError):
    """What the API server refused or did not answer; ``status`` is the HTTP status, None when there was no answer."""

    status: int | None = None


class Unreachable(KubernetesError):
    """No kubeconfig, no such context, or nothing that answers."""


class Refused(KubernetesError):
    """The API server answered with an error; ``reason`` is Kubernetes' own word for it, such as ``AlreadyExists``."""

    def __init__(self, message: str, status: int, reason: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


class Forbidden(Refused):
    """401 or 403: not allowed."""


class NotFound(Refused):
    """404."""


class Conflict(Refused):
    """409: exists already, or was changed meanwhile."""


@dataclass(frozen=True)
class Answer:
    """One answer of the API server, before its status is judged."""

    status: int
    body: bytes


class Client:
    """Asks one API server. ``where`` names it in messages."""

    def __init__(self, transport: Any, where: str, timeout: float = 30) -> None:
        self._transport = transport
        self.where = where
        self.timeout = timeout

    def get(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        return self.request("GET", path, query=query)

    def find(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any] | None:
        """As ``get``, None when it is not there."""
        try:
            return self.request("GET", path, query=query)
        except NotFound:
            return None

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self.request("POST", path, body)

    def put(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self.request("PUT", path, body)

    def patch(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """A JSON merge patch: None removes a key."""
        return self.request("PATCH", path, body, content_type="application/merge-patch+json")

    def delete(self, path: str, body: Mapping[str, Any] | None = None) -> bool:
        """Whether it was there to be deleted."""
        try:
            self.request("DELETE", path, body)
        except NotFound:
            return False
        return True

    def request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        content_type: str = "application/json",
        timeout: float | None = None,
    ) -> dict[str, Any]:
        """The JSON object answered, or KubernetesError: one sentence."""
        answer = self.raw(method, path, body, query=query, content_type=content_type, timeout=timeout)
        try:
            content: Any = json.loads(answer.body) if answer.body.strip() else {}
        except ValueError:
            content = {"message": answer.body.decode(errors="replace").strip()[:200]}
            if answer.status < 300:
                raise Unreachable(
                    f"{self.where} answered {method} {path} with something other than JSON ({content['message']!r}); check that it is a Kubernetes API server."
                ) from None
        if not isinstance(content, dict):
            content = {"items": content}
        found: dict[str, Any] = content
        if answer.status >= 300:
            raise self._refused(method, path, answer.status, found)
        return found

    def raw(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        content_type: str = "application/json",
        timeout: float | None = None,
    ) -> Answer:
        """The answer whatever its status and form (``/readyz``, a pod's log)."""
        target = path + ("?" + urlencode(query) if query else "")
        headers = {"Accept": "application/json"}
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = content_type
        seconds = self.timeout if timeout is None else timeout
        try:
            answer: Answer = self._transport.send(method, target, data, headers, seconds)
        except (OSError, http.client.HTTPException, ssl.SSLError) as error:
            raise Unreachable(self._unreachable(error, seconds)) from error
        return answer

    def close(self) -> None:
        self._transport.close()

    def _refused(self, method: str, path: str, status: int, content: Mapping[str, Any]) -> Refused:
        told = str(content.get("message") or http.client.responses.get(status, "no explanation")).strip().rstrip(".")
        reason = str(content.get("reason") or "")
        if status == 401:
            return Forbidden(
                f"{self.where} does not accept these credentials ({told}); fetch a new kubeconfig or check the token.",
                status,
                reason or "Unauthorized",
            )
        if status == 403:
            return Forbidden(
                f"{self.where} forbids it: {told}; use a kubeconfig whose user may, or have that right granted.",
                status,
                reason,
            )
        kind: type[Refused] = {404: NotFound, 409: Conflict}.get(status, Refused)
        return kind(f"{self.where} refused {method} {path}: {told}.", status, reason)

    def _unreachable(self, error: Exception, seconds: float) -> str:
        if isinstance(error, (socket.timeout, TimeoutError)):
            return f"{self.where} did not answer within {seconds:g} s; check that the cluster runs, and its address in the kubeconfig."
        if isinstance(error, ssl.SSLError):
            told = getattr(error, "verify_message", "") or error.reason or str(error)
            return f"{self.where} is not trusted or speaks no TLS ({told}); the kubeconfig may belong to an earlier cluster: fetch it anew."
        if isinstance(error, ConnectionRefusedError):
            return f"{self.where} refuses connections; start the cluster, or check kubeconfig and context."
        told = str(getattr(error, "strerror", None) or error or type(error).__name__).strip().rstrip(".")
        return f"{self.where} can't be reached: {told}; check that the cluster runs, and kubeconfig and context."


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
            client = _from_kubeconfig(path, context, chosen.get("validate_certs"), timeout)
            if client is not None:
                return client
    return _from_library(options, chosen, timeout)


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


def _from_kubeconfig(path: Any, context: str | None, verify: bool | None, timeout: float) -> Client | None:
    """None when it holds what only the Kubernetes client understands."""
    if isinstance(path, dict):
        content, told, folder = path, "that was given", os.getcwd()
    else:
        told = os.path.abspath(os.path.expanduser(str(path)))
        content, folder = _load(told), os.path.dirname(told)
    name = context or content.get("current-context")
    if not name:
        raise Unreachable(
            f"the kubeconfig {told} has no current context; set context to one of: {_names(content, 'contexts')}."
        )
    chosen = _named(content, "contexts", name, "context")
    if chosen is None:
        raise Unreachable(
            f"there is no context '{name}' in the kubeconfig {told} (it has: {_names(content, 'contexts')}); "
            "set context, or create the cluster first."
        )
    cluster = _named(content, "clusters", chosen.get("cluster"), "cluster")
    user = _named(content, "users", chosen.get("user"), "user") or {}
    if cluster is None or not cluster.get("server"):
        raise Unreachable(
            f"the context '{name}' in the kubeconfig {told} names the cluster '{chosen.get('cluster')}', which has no server there; fetch the kubeconfig anew."
        )
    server = urlsplit(str(cluster["server"]))
    if _set(cluster) - _SIMPLE_CLUSTER or _set(user) - _SIMPLE_USER or server.scheme != "https" or not server.hostname:
        return None
    insecure = verify is False or (verify is None and bool(cluster.get("insecure-skip-tls-verify")))
    where = f"the API server {cluster['server']} of context '{name}'"
    try:
        tls = _tls(cluster, user, folder, insecure)
    except (OSError, ValueError, binascii.Error) as error:
        raise Unreachable(
            f"a certificate or key of context '{name}' in the kubeconfig {told} can't be read: {error}; fetch the kubeconfig anew."
        ) from error
    headers = {"Authorization": f"Bearer {user['token']}"} if user.get("token") else {}
    return Client(
        _Direct(server.hostname, server.port or 443, server.path.rstrip("/"), tls, headers),
        where,
        timeout,
    )


def _load(path: str) -> dict[str, Any]:
    if YAML_IMPORT_ERROR is not None:
        raise ExpectedError(missing_required_lib("PyYAML"))
    try:
        with open(path, encoding="utf-8") as stream:
            content = yaml.load(stream, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except FileNotFoundError:
        raise Unreachable(f"there is no kubeconfig {path}; create the cluster first, or set kubeconfig.") from None
    except (OSError, ValueError, yaml.YAMLError) as error:
        first = str(getattr(error, "strerror", None) or error).splitlines()[0]
        raise Unreachable(f"the kubeconfig {path} can't be read: {first}; mend or replace that file.") from error
    if content is not None and not isinstance(content, dict):
        raise Unreachable(f"the kubeconfig {path} is not a kubeconfig (no mapping); mend or replace that file.")
    return content or {}


def _entries(content: Mapping[str, Any], section: str) -> list[dict[str, Any]]:
    entries = content.get(section)
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def _named(content: Mapping[str, Any], section: str, name: Any, key: str) -> dict[str, Any] | None:
    for entry in _entries(content, section):
        if entry.get("name") == name:
            value = entry.get(key)
            return value if isinstance(value, dict) else {}
    return None


def _names(content: Mapping[str, Any], section: str) -> str:
    return ", ".join(sorted(str(entry.get("name")) for entry in _entries(content, section))) or "none"


def _set(mapping: Mapping[str, Any]) -> set[str]:
    return {key for key, value in mapping.items() if value not in (None, "", {}, [])} - {"extensions"}


def _tls(cluster: Mapping[str, Any], user: Mapping[str, Any], folder: str, insecure: bool) -> ssl.SSLContext:
    authority = _content(cluster, "certificate-authority", folder)
    tls = ssl.create_default_context(cadata=authority.decode() if authority else None)
    if insecure:
        tls.check_hostname = False
        tls.verify_mode = ssl.CERT_NONE
    certificate, key = _content(user, "client-certificate", folder), _content(user, "client-key", folder)
    if certificate and key:
        # OpenSSL reads keys from files only; this one is readable by us alone and gone at once
        with tempfile.NamedTemporaryFile(prefix="kubelocal-") as file:
            file.write(certificate + b"\n" + key)
            file.flush()
            tls.load_cert_chain(file.name)
    return tls


def _content(mapping: Mapping[str, Any], name: str, folder: str) -> bytes | None:
    data = mapping.get(f"{name}-data")
    if data:
        return base64.b64decode("".join(str(data).split()), validate=True)
    path = mapping.get(name)
    if not path:
        return None
    with open(os.path.join(folder, str(path)), "rb") as file:
        return file.read()


class _Direct:
    """HTTPS by the standard library, one connection kept."""

    def __init__(self, host: str, port: int, prefix: str, tls: ssl.SSLContext, headers: Mapping[str, str]) -> None:
        self._prefix = prefix
        self._headers = dict(headers)
        self._connection = http.client.HTTPSConnection(host, port, context=tls)

    def send(self, method: str, target: str, data: bytes | None, headers: Mapping[str, str], timeout: float) -> Answer:
        connection = self._connection
        connection.timeout = timeout
        if connection.sock is not None:
            connection.sock.settimeout(timeout)
        try:
            connection.request(method, self._prefix + target, data, {**self._headers, **headers})
            response = connection.getresponse()
            return Answer(response.status, response.read())
        except (OSError, http.client.HTTPException):
            connection.close()
            raise

    def close(self) -> None:
        self._connection.close()


class _Library:
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


def _from_library(options: Mapping[str, Any], chosen: Mapping[str, Any], timeout: float) -> Client:
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
    client = kubernetes.client.ApiClient(configuration)
    headers = [("Impersonate-User", user) for user in [options.get("impersonate_user")] if user]
    headers += [("Impersonate-Group", group) for group in options.get("impersonate_groups") or []]
    return Client(_Library(client, headers), f"the API server {configuration.host}", timeout)


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
