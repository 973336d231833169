# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry's HTTP API against answers that a registry of its own accord rarely gives."""

from __future__ import annotations

import base64
import http.client
import http.server
import json
import socket
import ssl
import threading
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils import _distribution_errors as errors
from ansible_collections.kubelocal.registry.plugins.module_utils import _distribution_http
from ansible_collections.kubelocal.registry.plugins.module_utils._distribution import Registry
from ansible_collections.kubelocal.registry.plugins.module_utils._distribution_errors import RegistryError

Reply = tuple[int, dict[str, str], bytes]


class Server:
    """Answers as ``answer`` says (method and path, headers), and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []  # method and path, Authorization
        self.answer: Callable[[str, dict[str, str]], Reply] = lambda _what, _headers: (200, {}, b"{}")
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                what = f"{self.command} {self.path}"
                outer.asked.append((what, self.headers.get("Authorization") or ""))
                status, headers, content = outer.answer(what, dict(self.headers))
                self.send_response(status)
                for name, value in {"Content-Length": str(len(content)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)

            do_HEAD = do_PUT = do_POST = do_DELETE = do_GET

            def log_message(self, *_arguments: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def end(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server()
    yield found
    found.end()


@pytest.fixture
def elsewhere() -> Iterator[Server]:
    found = Server()
    yield found
    found.end()


BASIC = "Basic " + base64.b64encode(b"ada:s3cr3t").decode()


@pytest.mark.parametrize("url", ["", "localhost:5001", "ftp://host", "https://", "/v2/"])
def test_no_address(url: str) -> None:
    with pytest.raises(RegistryError, match="is no address of a registry"):
        Registry(url)


def test_the_name_that_errors_tell_has_no_credentials() -> None:
    assert Registry("https://me:s3cr3t@host:5000/").host == "host:5000"


@pytest.mark.parametrize(
    ("url", "direct", "asks"),
    [
        ("http://127.0.0.1:5001", False, False),
        ("http://localhost:5001", False, False),
        ("http://[::1]:5001", False, False),
        ("http://172.18.0.5:5000", False, True),
        ("http://172.18.0.5:5000", True, False),
    ],
)
def test_proxies(monkeypatch: pytest.MonkeyPatch, url: str, direct: bool, asks: bool) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy.invalid:3128")
    handlers = Registry(url, direct=direct)._opener.handlers
    proxies = [handler for handler in handlers if isinstance(handler, urllib.request.ProxyHandler)]
    assert any(getattr(handler, "proxies", None) for handler in proxies) is asks


@pytest.mark.parametrize(
    ("error", "reason", "words"),
    [
        (socket.gaierror(-2, "Name or service not known"), errors.NAME, "can't be found"),
        (ConnectionRefusedError(111, "refused"), errors.REFUSED, "nothing listens"),
        (TimeoutError("timed out"), errors.TIMEOUT, "in time"),
        (socket.timeout("timed out"), errors.TIMEOUT, "in time"),
        (ConnectionResetError(104, "reset"), errors.BROKEN, "broke the connection off"),
        (http.client.RemoteDisconnected("closed"), errors.BROKEN, "closed"),
        (http.client.BadStatusLine("x"), errors.BROKEN, "broke the connection off"),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong"), errors.TLS, "does not speak TLS"),
        (ssl.SSLError(1, "[SSL: HANDSHAKE] bad."), errors.TLS, "no TLS connection"),
        (OSError(113, "No route to host"), errors.OTHER, "No route"),
    ],
)
def test_why_there_was_no_answer(error: Exception, reason: str, words: str) -> None:
    found = errors.explain("host:1", error)
    assert found.reason == reason
    assert words in str(found)
    assert "host:1" in str(found)


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/v2/a/b/manifests/v1", "read a/b"),
        ("HEAD", "/v2/a/b/blobs/sha256:1", "read a/b"),
        ("PUT", "https://host/v2/a/blobs/uploads/1?x=/v2/b/tags/", "write a"),
        ("DELETE", "/v2/a/manifests/v1", "delete a"),
        ("GET", "/v2/a/tags/list?n=1", "read a"),
        ("GET", "/v2/_catalog?n=1", "read /v2/_catalog"),
    ],
)
def test_scope(method: str, path: str, scope: str) -> None:
    assert _distribution_http._scope(method, path) == scope


@pytest.mark.parametrize("status", [200, 401, 404, 503])
def test_probe_tells_any_status(server: Server, status: int) -> None:
    server.answer = lambda _what, _headers: (status, {}, b"")
    assert Registry(server.url, username="ada", password="s3cr3t").probe() == status
    assert server.asked == [("GET /v2/", "")]


def test_credentials_only_when_asked_for(server: Server) -> None:
    def answer(_what: str, headers: dict[str, str]) -> Reply:
        if headers.get("Authorization") == BASIC:
            return 200, {}, b'{"repositories": ["a"]}'
        return 401, {"WWW-Authenticate": 'Basic realm="hub"'}, b""

    server.answer = answer
    registry = Registry(server.url, username="ada", password="s3cr3t")
    assert registry.catalog() == ["a"]
    registry.catalog()
    assert [authorization for _what, authorization in server.asked] == ["", BASIC, BASIC]
    for username, words in ((None, "wants credentials"), ("bob", "refuses the credentials of user 'bob'")):
        with pytest.raises(RegistryError, match=words) as caught:
            Registry(server.url, username=username, password="s3cr3t").ping()
        assert caught.value.reason == errors.DENIED
        assert "s3cr3t" not in str(caught.value)


def test_a_token_for_reading_is_none_for_writing(server: Server) -> None:
    def answer(what: str, headers: dict[str, str]) -> Reply:
        if what.startswith("GET /token"):
            return 200, {}, json.dumps({"access_token": what.rpartition("%3A")[2]}).encode()
        wanted = "pull" if what.startswith(("GET", "HEAD")) else "push"
        if headers.get("Authorization") == f"Bearer {wanted}":
            return 201 if wanted == "push" else 200, {}, b"{}"
        challenge = f'Bearer realm="/token",service="hub",scope="repository:a:{wanted}"'
        return 401, {"WWW-Authenticate": challenge}, b""

    server.answer = answer
    registry = Registry(server.url, username="ada", password="s3cr3t")
    registry.manifest("a", "v1")
    registry.manifest("a", "v2")
    registry.put_manifest("a", "v1", b"{}")
    assert [what for what, _authorization in server.asked if "token" in what] == [
        "GET /token?service=hub&scope=repository%3Aa%3Apull",
        "GET /token?service=hub&scope=repository%3Aa%3Apush",
    ]
    assert all((authorization == BASIC) == ("token" in what) for what, authorization in server.asked)


@pytest.mark.parametrize(
    ("status", "content", "words"),
    [
        (401, b"", "refuses the credentials of user 'ada'"),
        (429, b"", "limits how often"),
        (500, b"", "answers 500"),
        (200, b"text", "answers no JSON"),
        (200, b"[]", "gives no token"),
        (200, b"{}", "gives no token"),
    ],
)
def test_token_services_that_give_none(server: Server, status: int, content: bytes, words: str) -> None:
    def answer(what: str, _headers: dict[str, str]) -> Reply:
        if what.startswith("GET /token"):
            return status, {}, content
        return 401, {"WWW-Authenticate": f'Bearer realm="{server.url}/token"'}, b""

    server.answer = answer
    with pytest.raises(RegistryError, match=words) as caught:
        Registry(server.url, username="ada", password="s3cr3t").ping()
    assert "s3cr3t" not in str(caught.value)


def test_credentials_go_to_no_token_service_without_tls() -> None:
    registry = Registry("https://host", username="ada", password="s3cr3t")
    with pytest.raises(RegistryError, match="without TLS"):
        registry._token({"realm": "http://token.invalid/"})


def test_credentials_go_to_no_other_host(server: Server, elsewhere: Server) -> None:
    def answer(what: str, headers: dict[str, str]) -> Reply:
        if "Authorization" not in headers:
            return 401, {"WWW-Authenticate": 'Basic realm="hub"'}, b""
        if what.startswith("POST"):
            return 202, {"Location": f"{elsewhere.url}/upload?state=1"}, b""
        if what.startswith("HEAD"):
            return 404, {}, b""
        return 307, {"Location": f"{elsewhere.url}/blob"}, b""

    server.answer = answer
    elsewhere.answer = lambda what, _headers: (201 if what.startswith("PUT") else 200, {}, b"content")
    registry = Registry(server.url, username="ada", password="s3cr3t")
    assert registry.blob("a", "sha256:1") == b"content"
    registry.put_blob("a", b"content")
    assert [what.partition("?")[0] for what, _authorization in elsewhere.asked] == ["GET /blob", "PUT /upload"]
    assert {authorization for _what, authorization in elsewhere.asked} == {""}


def test_pages(server: Server) -> None:
    def answer(what: str, _headers: dict[str, str]) -> Reply:
        last = what.rpartition("last=")[2] if "last=" in what else ""
        following = {"": "1", "1": "2", "2": "1"}[last]  # goes round: the end is noticed
        link = f'</v2/a/tags/list?n=1000&last={following}>; rel="next"'
        return 200, {"Link": link}, json.dumps({"tags": [f"t{last}"]}).encode()

    server.answer = answer
    assert Registry(server.url).tags("a") == ["t", "t1", "t2"]


@pytest.mark.parametrize(
    ("status", "headers", "content", "reason", "words"),
    [
        (403, {}, b"", errors.DENIED, "does not allow anybody without credentials to read a"),
        (429, {"Retry-After": "30"}, b"", errors.LIMITED, "in 30 seconds"),
        (429, {"Retry-After": "soon"}, b"", errors.LIMITED, "later"),
        (404, {}, b'{"errors": [{"code": "X", "message": "unknown."}]}', errors.MISSING, "unknown"),
        (500, {}, b'{"errors": [{"code": "X", "detail": "disk"}]}', errors.OTHER, "X (disk)"),
        (500, {}, b"[]", errors.OTHER, "(500)"),
        (400, {}, b"Client sent an HTTP request to an HTTPS server.", errors.TLS, "speaks HTTPS"),
    ],
)
def test_refusals(
    server: Server, status: int, headers: dict[str, str], content: bytes, reason: str, words: str
) -> None:
    server.answer = lambda _what, _headers: (status, headers, content)
    with pytest.raises(RegistryError) as caught:
        Registry(server.url).manifest("a", "v1")
    assert (caught.value.reason, caught.value.status) == (reason, status)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_not_there(server: Server) -> None:
    server.answer = lambda _what, _headers: (404, {}, b"")
    registry = Registry(server.url)
    assert registry.tags("a") == []
    assert registry.head_manifest("a", "v1") is None
    assert registry.blob_size("a", "sha256:1") is None
    assert registry.delete_manifest("a", "sha256:1") is False


def test_no_deletion(server: Server) -> None:
    server.answer = lambda _what, _headers: (405, {}, b"")
    with pytest.raises(RegistryError, match=r"storage\.delete\.enabled"):
        Registry(server.url).delete_manifest("a", "sha256:1")


@pytest.mark.parametrize("content", [b"<html>", b"[]", b"null"])
def test_what_is_no_registry(server: Server, content: bytes) -> None:
    server.answer = lambda _what, _headers: (200, {}, content)
    with pytest.raises(RegistryError, match="is no registry"):
        Registry(server.url).catalog()


def test_a_blob_that_is_taken_over_or_not(server: Server) -> None:
    server.answer = lambda _what, _headers: (201, {}, b"")
    assert Registry(server.url).mount_blob("a", "sha256:1", "b")
    server.answer = lambda what, _headers: (202 if what.startswith("POST") else 204, {"Location": "/v2/u/1"}, b"")
    assert not Registry(server.url).mount_blob("a", "sha256:1", "b")
    assert server.asked[-1][0] == "DELETE /v2/u/1", "the upload that it opened instead is closed"
    assert server.asked[0][0] == "POST /v2/a/blobs/uploads/?mount=sha256%3A1&from=b"
