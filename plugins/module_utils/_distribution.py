# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: the HTTP API of a registry (OCI distribution), with errors that tell causes apart."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.client
import io
import json
import re
import socket
import ssl
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Union

from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from email.message import Message

# Why a request failed: RegistryError.reason is one of these.
REFUSED = "refused"  # nothing listens there
NAME = "name"  # the host's name has no address
TLS = "tls"  # the certificate is not trusted, or one side speaks HTTP and the other HTTPS
DENIED = "denied"  # credentials are missing, wrong or not allowed to do that
LIMITED = "limited"  # too many requests
TIMEOUT = "timeout"  # no answer in time
MISSING = "missing"  # the registry answers that it does not have it
BROKEN = "broken"  # something took the connection and dropped it without an answer
OTHER = "other"

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
INDEX_TYPES = frozenset({OCI_INDEX, DOCKER_INDEX})
MANIFEST_TYPES = (OCI_INDEX, DOCKER_INDEX, OCI_MANIFEST, DOCKER_MANIFEST)

Body = Union[bytes, IO[bytes], None]
_PARAMETER = re.compile(r'([a-zA-Z_]+)=(?:"([^"]*)"|([^\s,]+))')
_PAGE = 1000


class RegistryError(ExpectedError):
    """A request that failed; ``reason`` says why, ``status`` is the HTTP status where there was an answer."""

    def __init__(self, message: str, reason: str = OTHER, status: int | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.status = status


@dataclass(frozen=True)
class Manifest:
    """A manifest or index as the registry keeps it."""

    digest: str
    media_type: str
    content: bytes

    @property
    def data(self) -> dict[str, Any]:
        value = json.loads(self.content)
        return value if isinstance(value, dict) else {}


@dataclass(frozen=True)
class Answer:
    """An answer that was read wholly."""

    status: int
    headers: Message
    content: bytes

    def header(self, name: str) -> str:
        return str(self.headers.get(name) or "")


def digest_of(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


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


class Registry:
    """One registry at ``base_url``, for example ``http://localhost:5001``.

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

    # -- what a registry can be asked

    def probe(self) -> int:
        """The status of ``/v2/`` without credentials: 200 and 401 both mean that a registry answers."""
        try:
            with self._open("GET", "/v2/", None, {}) as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            error.close()
            return int(error.code)

    def ping(self) -> None:
        """``/v2/`` with credentials: an error unless this registry lets us in."""
        answer = self.request("GET", "/v2/")
        if answer.status != 200:
            raise self._unexpected(answer, "answer as a registry does")

    def catalog(self) -> list[str]:
        """The names of all repositories, emptied ones too."""
        return [
            str(name)
            for page in self._pages("/v2/_catalog", "list repositories")
            for name in page.get("repositories") or []
        ]

    def tags(self, repository: str) -> list[str]:
        """The tags of a repository; none when the registry doesn't know it."""
        try:
            pages = list(self._pages(f"/v2/{repository}/tags/list", f"list the tags of {repository}"))
        except RegistryError as error:
            if error.reason == MISSING:
                return []
            raise
        return [str(tag) for page in pages for tag in page.get("tags") or []]

    def head_manifest(self, repository: str, reference: str) -> str | None:
        """The digest behind a tag or digest, or None when the registry does not have it."""
        answer = self.request("HEAD", f"/v2/{repository}/manifests/{reference}", headers=_ACCEPT)
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise self._unexpected(answer, f"tell about {repository}:{reference}")
        digest = answer.header("Docker-Content-Digest")
        return digest or self.manifest(repository, reference).digest

    def manifest(self, repository: str, reference: str) -> Manifest:
        answer = self.request("GET", f"/v2/{repository}/manifests/{reference}", headers=_ACCEPT)
        if answer.status != 200:
            raise self._unexpected(answer, f"give {_joined(repository, reference)}")
        media_type = answer.header("Content-Type").partition(";")[0].strip()
        return Manifest(answer.header("Docker-Content-Digest") or digest_of(answer.content), media_type, answer.content)

    def put_manifest(self, repository: str, reference: str, content: bytes, media_type: str = OCI_MANIFEST) -> str:
        """Store a manifest under a tag or its digest; the digest."""
        answer = self.request("PUT", f"/v2/{repository}/manifests/{reference}", content, {"Content-Type": media_type})
        if answer.status not in (200, 201, 202):
            raise self._unexpected(answer, f"take {_joined(repository, reference)}")
        return answer.header("Docker-Content-Digest") or digest_of(content)

    def delete_manifest(self, repository: str, reference: str) -> bool:
        """Delete a manifest by digest, or only a tag (registry 3 and newer); False when it was not there."""
        answer = self.request("DELETE", f"/v2/{repository}/manifests/{reference}")
        if answer.status == 404:
            return False
        if answer.status == 405:
            raise RegistryError(
                f"the registry at {self.host} allows no deletion; set storage.delete.enabled in its configuration.",
                OTHER,
                405,
            )
        if answer.status not in (200, 202):
            raise self._unexpected(answer, f"delete {_joined(repository, reference)}")
        return True

    def blob_size(self, repository: str, digest: str) -> int | None:
        """How many bytes a blob has, or None when the registry does not have it."""
        answer = self.request("HEAD", f"/v2/{repository}/blobs/{digest}")
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise self._unexpected(answer, f"tell about {repository}@{digest}")
        return int(answer.header("Content-Length") or 0)

    def blob(self, repository: str, digest: str) -> bytes:
        with self.open_blob(repository, digest) as stream:
            return stream.read()

    @contextlib.contextmanager
    def open_blob(self, repository: str, digest: str) -> Iterator[IO[bytes]]:
        """A blob as a stream, for what should not be held in memory."""
        response = self._send("GET", f"/v2/{repository}/blobs/{digest}", None, {})
        if isinstance(response, Answer):
            raise self._unexpected(response, f"give {repository}@{digest}")
        with response:
            yield response

    def put_blob(
        self, repository: str, content: bytes | IO[bytes], digest: str | None = None, size: int | None = None
    ) -> str:
        """Upload a blob unless it is there; its digest. A stream must be seekable, and have its digest named."""
        if isinstance(content, bytes):
            digest = digest or digest_of(content)
            size = len(content)
        if digest is None:
            raise ValueError("a stream needs its digest")
        if self.blob_size(repository, digest) is not None:
            return digest
        if size is None and not isinstance(content, bytes):
            size = content.seek(0, io.SEEK_END)
            content.seek(0)
        started = self.request("POST", f"/v2/{repository}/blobs/uploads/", b"")
        if started.status != 202:
            raise self._unexpected(started, f"take an upload to {repository}")
        location = self._location(started.header("Location"))
        joiner = "&" if "?" in location else "?"
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        done = self.request("PUT", f"{location}{joiner}digest={urllib.parse.quote(digest)}", content, headers)
        if done.status not in (201, 204):
            raise self._unexpected(done, f"take a blob of {repository}")
        return digest

    def mount_blob(self, repository: str, digest: str, source: str) -> bool:
        """Take a blob over from another repository of the same registry; False when it has to be uploaded."""
        query = urllib.parse.urlencode({"mount": digest, "from": source})
        answer = self.request("POST", f"/v2/{repository}/blobs/uploads/?{query}", b"")
        if answer.status == 202:  # it opened an upload instead: close that again
            self.request("DELETE", self._location(answer.header("Location")))
            return False
        if answer.status != 201:
            raise self._unexpected(answer, f"take {digest} over from {source}")
        return True

    # -- how it is asked

    def request(self, method: str, path: str, body: Body = None, headers: Mapping[str, str] | None = None) -> Answer:
        """One request, its answer read wholly. Statuses are answers, except 401, 403 and 429, and 5xx stay the caller's."""
        response = self._send(method, path, body, dict(headers or {}))
        if isinstance(response, Answer):
            return response
        with response, self._explained():
            return Answer(int(response.status), response.headers, response.read())

    def _send(self, method: str, path: str, body: Body, headers: dict[str, str]) -> Any:
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
            with error, self._explained():
                return Answer(int(error.code), error.headers, error.read())

    def _open(self, method: str, path: str, body: Body, headers: dict[str, str]) -> Any:
        url = path if path.startswith(("http://", "https://")) else self.base_url + path
        request = urllib.request.Request(url, data=body, headers=headers, method=method)
        with self._explained():
            return self._opener.open(request, timeout=self.timeout)

    def _location(self, location: str) -> str:
        if not location:
            raise RegistryError(f"the registry at {self.host} opened an upload without saying where.")
        return urllib.parse.urljoin(self.base_url + "/", location)

    def _pages(self, path: str, what: str) -> Iterator[dict[str, Any]]:
        path = f"{path}?n={_PAGE}"
        seen: set[str] = set()
        while path and path not in seen:
            seen.add(path)
            answer = self.request("GET", path)
            if answer.status != 200:
                raise self._unexpected(answer, what)
            try:
                page = json.loads(answer.content)
            except ValueError:
                page = None
            if not isinstance(page, dict):
                raise RegistryError(f"what answers at {self.host} is no registry: its list is not JSON.")
            yield page
            following = re.search(r'<([^>]+)>\s*;\s*rel="?next', answer.header("Link"))
            path = self._location(following.group(1)) if following else ""

    # -- credentials

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
            with self._explained(parts.netloc), self._opener.open(request, timeout=self.timeout) as response:
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

    # -- errors

    @contextlib.contextmanager
    def _explained(self, host: str | None = None) -> Iterator[None]:
        host = host or self.host
        try:
            yield
        except urllib.error.HTTPError:
            raise
        except urllib.error.URLError as error:
            raise _explain(host, error.reason if isinstance(error.reason, Exception) else error) from error
        except (OSError, http.client.HTTPException) as error:
            raise _explain(host, error) from error

    def _unexpected(self, answer: Answer, what: str) -> RegistryError:
        said = ""
        with contextlib.suppress(ValueError, TypeError, KeyError, IndexError, AttributeError):
            first = json.loads(answer.content)["errors"][0]
            said = ": " + str(first.get("message") or first.get("code")).rstrip(".")
            detail = first.get("detail")
            if isinstance(detail, str) and detail:
                said += f" ({detail})"
        if answer.status == 400 and b"HTTP request to an HTTPS server" in answer.content:
            return RegistryError(f"the registry at {self.host} speaks HTTPS; use https:// in its address.", TLS, 400)
        reason = MISSING if answer.status == 404 else OTHER
        return RegistryError(
            f"the registry at {self.host} does not {what} ({answer.status}{said}).", reason, answer.status
        )


_ACCEPT = {"Accept": ", ".join(MANIFEST_TYPES)}


def _explain(host: str, error: Exception) -> RegistryError:
    text = str(error).strip().rstrip(".")
    if isinstance(error, ssl.SSLCertVerificationError):
        return RegistryError(
            f"the certificate of {host} is not trusted ({error.verify_message.rstrip('.')}); give the CA certificate that signed it.",
            TLS,
        )
    if isinstance(error, ssl.SSLError):
        plain = "WRONG_VERSION_NUMBER" in text or "RECORD_LAYER_FAILURE" in text or "HTTP_REQUEST" in text
        if plain:
            return RegistryError(f"what listens at {host} does not speak TLS; use http:// in its address.", TLS)
        return RegistryError(f"no TLS connection to {host}: {text}.", TLS)
    if isinstance(error, socket.gaierror):
        return RegistryError(
            f"the name in {host} can't be found ({error.strerror}); check its spelling and the DNS.", NAME
        )
    if isinstance(error, (socket.timeout, TimeoutError)):
        return RegistryError(f"{host} does not answer in time.", TIMEOUT)
    if isinstance(error, ConnectionRefusedError):
        return RegistryError(f"nothing listens at {host} (connection refused); is the registry running?", REFUSED)
    if isinstance(error, (ConnectionError, http.client.HTTPException)):
        return RegistryError(f"{host} broke the connection off ({text or type(error).__name__}).", BROKEN)
    return RegistryError(f"{host} can't be reached: {text}.", OTHER)


def _joined(repository: str, reference: str) -> str:
    return f"{repository}{'@' if ':' in reference else ':'}{reference}"


def _verb(method: str) -> str:
    return {"GET": "read", "HEAD": "read", "DELETE": "delete"}.get(method, "write")


def _subject(path: str) -> str:
    """The repository a request is about, or its path."""
    found = re.match(r"/v2/(.+?)/(?:manifests|blobs|tags)/", urllib.parse.urlsplit(path).path)
    return found.group(1) if found else urllib.parse.urlsplit(path).path


def _scope(method: str, path: str) -> str:
    """What a token is kept for: reading and writing a repository need different ones."""
    return f"{_verb(method)} {_subject(path)}"
