# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: asking an API server with the standard library, by a kubeconfig with a certificate or a token."""

from __future__ import annotations

import base64
import binascii
import http.client
import os
import ssl
import tempfile
import traceback
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ansible.module_utils.basic import missing_required_lib

from ansible_collections.kubelocal.registry.plugins.module_utils import _yaml
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._kubernetes import Answer, Client, Unreachable

YAML_IMPORT_ERROR: str | None = None
try:
    import yaml
except ImportError:  # told when a kubeconfig has to be read
    YAML_IMPORT_ERROR = traceback.format_exc()

if TYPE_CHECKING:
    from collections.abc import Mapping

_SIMPLE_USER = {"client-certificate", "client-certificate-data", "client-key", "client-key-data", "token", "name"}
_SIMPLE_CLUSTER = {"server", "certificate-authority", "certificate-authority-data", "insecure-skip-tls-verify"}


def client(path: Any, context: str | None, verify: bool | None, timeout: float) -> Client | None:
    """None when the kubeconfig holds what only the Kubernetes client understands."""
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
        Direct(server.hostname, server.port or 443, server.path.rstrip("/"), tls, headers),
        where,
        timeout,
    )


def _load(path: str) -> dict[str, Any]:
    if YAML_IMPORT_ERROR is not None:
        raise ExpectedError(missing_required_lib("PyYAML"))
    try:
        with open(path, encoding="utf-8") as stream:
            content = _yaml.load(stream)
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


class Direct:
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
