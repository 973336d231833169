# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: requests to a registry, with its credentials: as they are (Basic), or for a token (Bearer)."""

from __future__ import annotations

import base64
import json
import re
import ssl
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Union

from ansible_collections.kubelocal.registry.plugins.module_utils._distribution_errors import (
    DENIED,
    LIMITED,
    OTHER,
    TLS,
    RegistryError,
    explained,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from email.message import Message

Body = Union[bytes, IO[bytes], None]
_PARAMETER = re.compile(r'([a-zA-Z_]+)=(?:"([^"]*)"|([^\s,]+))')


@dataclass(frozen=True)
class Answer:
    """An answer that was read wholly."""

    status: int
    headers: Message
    content: bytes

    def header(self, name: str) -> str:
        return str(self.headers.get(name) or "")


class _SameHostCredentials(urllib.request.HTTPRedirectHandler):
    """Follows redirects (blobs kept elsewhere) without handing our credentials to another host."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        request = super().redirect_request(req, fp, code, msg, headers, newurl)
        if request is not None:
            request.method = req.get_method()  # older Pythons turn HEAD into GET
            if _origin(newurl) != _origin(req.full_url):
                request.remove_header("Authorization")
        return request


def _origin(url: str) -> tuple[str, str]:
    parts = urllib.parse.urlsplit(url)
    return parts.scheme, parts.netloc


def _is_loopback(host: str) -> bool:
    return host == "localhost" or host.endswith(".localhost") or host.startswith("127.") or host == "::1"


class Connection:
    """The way to one registry at ``base_url``, for example ``http://localhost:5001``.

    ``ca`` is PEM text that is trusted besides the system's authorities. Credentials are sent only when the registry asks
    for them: as they are (Basic), or to get a token from where it says (Bearer). ``direct`` asks through no proxy.
    """

    def __init__(
        self,
        base_url: str,
        ca: str | None = None,
        username: str | None = None,
        password: str | None = None,
        timeout: float = 30,
        verify: bool = True,
        direct: bool = False,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.timeout = timeout
        self._username = username
        self._password = password
        self._basic = False
        self._tokens: dict[str, str] = {}
        parts = urllib.parse.urlsplit(self.base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise RegistryError(
                f"'{base_url}' is no address of a registry; write it as http://HOST:PORT or https://HOST."
            )
        self.host = parts.netloc.rpartition("@")[2]
        handlers: list[urllib.request.BaseHandler] = [_SameHostCredentials()]
        # as Docker and Go do it: this machine is never asked for through a proxy
        if direct or _is_loopback(parts.hostname):
            handlers.append(urllib.request.ProxyHandler({}))
        handlers.append(urllib.request.HTTPSHandler(context=self._context(ca, verify)))
        self._opener = urllib.request.build_opener(*handlers)

    @staticmethod
    def _context(ca: str | None, verify: bool) -> ssl.SSLContext:
        # who trusts anybody need not read the system's authorities, which takes a while
        context = ssl.create_default_context() if verify else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if ca:
            try:
                context.load_verify_locations(cadata=ca)
            except (ssl.SSLError, ValueError) as error:
                raise RegistryError(f"the CA certificate is not PEM text that can be read: {error}.", TLS) from error
        if not verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    def probe(self) -> int:
        """The status of ``/v2/`` without credentials: 200 and 401 both mean that a registry answers."""
        try:
            with self._open("GET", "/v2/", None, {}) as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            error.close()
            return int(error.code)

    def request(self, method: str, path: str, body: Body = None, headers: Mapping[str, str] | None = None) -> Answer:
        """One request, its answer read wholly. Statuses are answers, except 401, 403 and 429, and 5xx stay the caller's."""
        response = self.send(method, path, body, dict(headers or {}))
        if isinstance(response, Answer):
            return response
        with response, explained(self.host):
            return Answer(int(response.status), response.headers, response.read())

    def send(self, method: str, path: str, body: Body, headers: dict[str, str]) -> Any:
        answer = self._once(method, path, body, headers)
        if isinstance(answer, Answer) and answer.status == 401 and self._answer_challenge(answer, method, path):
            if body is not None and not isinstance(body, bytes):
                body.seek(0)
            answer = self._once(method, path, body, headers)
        if isinstance(answer, Answer):
            if answer.status == 401:
                raise self._denied(answer)
            if answer.status == 403:
                raise RegistryError(
                    f"the registry at {self.host} does not allow {self._who()} to {_verb(method)} {_subject(path)}.",
                    DENIED,
                    403,
                )
            if answer.status == 429:
                after = answer.header("Retry-After")
                wait = f" Try again in {after} seconds" if after.isdigit() else " Try again later"
                raise RegistryError(
                    f"the registry at {self.host} limits how often it may be asked (429)."
                    f"{wait}, or give credentials that have a higher limit.",
                    LIMITED,
                    429,
                )
        return answer

    def _once(self, method: str, path: str, body: Body, headers: dict[str, str]) -> Any:
        """An open response for success, an Answer for any other status."""
        authorization = self._authorization(method, path)
        if authorization:
            headers = {**headers, "Authorization": authorization}
        try:
            return self._open(method, path, body, headers)
        except urllib.error.HTTPError as error:
            with error, explained(self.host):
                return Answer(int(error.code), error.headers, error.read())

    def _open(self, method: str, path: str, body: Body, headers: dict[str, str]) -> Any:
        url = path if path.startswith(("http://", "https://")) else self.base_url + path
        request = urllib.request.Request(url, data=body, headers=headers, method=method)
        with explained(self.host):
            return self._opener.open(request, timeout=self.timeout)

    def location(self, location: str) -> str:
        if not location:
            raise RegistryError(f"the registry at {self.host} opened an upload without saying where.")
        return urllib.parse.urljoin(self.base_url + "/", location)

    def _authorization(self, method: str, path: str) -> str | None:
        if path.startswith(("http://", "https://")) and _origin(path) != _origin(self.base_url):
            return None
        if self._basic:
            return self._basic_value()
        token = self._tokens.get(_scope(method, path))
        return f"Bearer {token}" if token else None

    def _basic_value(self) -> str:
        pair = f"{self._username}:{self._password or ''}"
        return "Basic " + base64.b64encode(pair.encode()).decode()

    def _answer_challenge(self, answer: Answer, method: str, path: str) -> bool:
        """Whether another try with what the registry asked for makes sense."""
        challenges = answer.headers.get_all("WWW-Authenticate") or []
        for challenge in challenges:
            scheme, _space, rest = challenge.partition(" ")
            parameters = {key.lower(): quoted or plain for key, quoted, plain in _PARAMETER.findall(rest)}
            if scheme.lower() == "bearer" and parameters.get("realm"):
                self._tokens[_scope(method, path)] = self._token(parameters)
                return True
            if scheme.lower() == "basic" and self._username is not None and not self._basic:
                self._basic = True
                return True
        return False

    def _token(self, parameters: Mapping[str, str]) -> str:
        realm = urllib.parse.urljoin(self.base_url + "/", parameters["realm"])
        parts = urllib.parse.urlsplit(realm)
        query = [(key, parameters[key]) for key in ("service", "scope") if parameters.get(key)]
        headers: dict[str, str] = {}
        if self._username is not None:
            if self.base_url.startswith("https://") and parts.scheme != "https":
                raise RegistryError(
                    f"the registry at {self.host} asks to send credentials to {parts.netloc} without TLS, which is refused.",
                    DENIED,
                )
            headers["Authorization"] = self._basic_value()
        joiner = "&" if parts.query else "?"
        request = urllib.request.Request(realm + joiner + urllib.parse.urlencode(query), headers=headers)
        try:
            with explained(parts.netloc), self._opener.open(request, timeout=self.timeout) as response:
                data = json.loads(response.read())
        except urllib.error.HTTPError as error:
            with error:
                if error.code in (401, 403):
                    raise RegistryError(
                        f"the token service {parts.netloc} of the registry at {self.host} refuses the credentials of {self._who()}; "
                        "check username and password.",
                        DENIED,
                        error.code,
                    ) from None
                if error.code == 429:
                    raise RegistryError(
                        f"the token service {parts.netloc} limits how often it may be asked (429).", LIMITED, 429
                    ) from None
                raise RegistryError(
                    f"the token service {parts.netloc} answers {error.code}.", OTHER, error.code
                ) from None
        except ValueError as error:
            raise RegistryError(f"the token service {parts.netloc} answers no JSON.") from error
        token = data.get("token") or data.get("access_token") if isinstance(data, dict) else None
        if not token:
            raise RegistryError(f"the token service {parts.netloc} gives no token.", DENIED)
        return str(token)

    def _who(self) -> str:
        return f"user '{self._username}'" if self._username is not None else "anybody without credentials"

    def _denied(self, answer: Answer) -> RegistryError:
        if self._username is None:
            message = f"the registry at {self.host} wants credentials; give it a username and a password."
        else:
            message = f"the registry at {self.host} refuses the credentials of {self._who()}; check the username and the password."
        return RegistryError(message, DENIED, answer.status)


def _verb(method: str) -> str:
    return {"GET": "read", "HEAD": "read", "DELETE": "delete"}.get(method, "write")


def _subject(path: str) -> str:
    """The repository a request is about, or its path."""
    found = re.match(r"/v2/(.+?)/(?:manifests|blobs|tags)/", urllib.parse.urlsplit(path).path)
    return found.group(1) if found else urllib.parse.urlsplit(path).path


def _scope(method: str, path: str) -> str:
    """What a token is kept for: reading and writing a repository need different ones."""
    return f"{_verb(method)} {_subject(path)}"
