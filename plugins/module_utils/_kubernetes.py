# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: asking a Kubernetes API server, with errors in one sentence. How it is reached: _kubernetes_connect."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError

if TYPE_CHECKING:
    from collections.abc import Mapping


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
