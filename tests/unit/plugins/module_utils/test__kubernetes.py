# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import datetime
import ipaddress
import json
import socket
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ansible_collections.kubelocal.registry.plugins.module_utils import _kubernetes as kubernetes
from ansible_collections.kubelocal.registry.plugins.module_utils import (
    _kubernetes_connect,
    _kubernetes_direct,
    _kubernetes_library,
)
from ansible_collections.kubelocal.registry.plugins.module_utils._kubernetes_connect import connect

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", *_kubernetes_connect._PROXY_VARIABLES):
        monkeypatch.delenv(name, raising=False)
    for name in _kubernetes_connect.AUTH_ARG_SPEC:
        monkeypatch.delenv(f"K8S_AUTH_{name.upper()}", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))


@pytest.fixture(scope="module")
def pair() -> tuple[bytes, bytes]:
    """A certificate for 127.0.0.1, which is its own authority and serves as a client's too, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    return (
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        path, _, _query = self.path.partition("?")
        connection: Any = self.connection
        peer = connection.getpeercert() is not None
        answers: dict[str, tuple[int, Any]] = {
            "/prefix/echo": (
                200,
                {
                    "path": self.path,
                    "method": self.command,
                    "type": self.headers.get("Content-Type"),
                    "authorization": self.headers.get("Authorization"),
                    "impersonated": self.headers.get("Impersonate-User"),
                    "body": body,
                    "certificate": peer,
                },
            ),
            "/prefix/401": (401, {"message": "Unauthorized"}),
            "/prefix/403": (403, {"message": 'pods is forbidden: User "x" cannot list', "reason": "Forbidden"}),
            "/prefix/409": (409, {"message": "it exists", "reason": "AlreadyExists"}),
            "/prefix/422": (422, {"message": "invalid", "reason": "Invalid"}),
            "/prefix/500": (500, "not JSON"),
            "/prefix/text": (200, "ok"),
        }
        status, content = answers.get(path, (404, {"message": "not found", "reason": "NotFound"}))
        data = content.encode() if isinstance(content, str) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture(scope="module")
def port(pair: tuple[bytes, bytes], tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder = tmp_path_factory.mktemp("server")
    (folder / "pair.pem").write_bytes(pair[0] + pair[1])
    (folder / "ca.pem").write_bytes(pair[0])
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(str(folder / "pair.pem"))
    tls.load_verify_locations(str(folder / "ca.pem"))
    tls.verify_mode = ssl.CERT_OPTIONAL
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


def kubeconfig(port: int, pair: tuple[bytes, bytes] | None = None, **user: Any) -> dict[str, Any]:
    cluster: dict[str, Any] = {"server": f"https://127.0.0.1:{port}/prefix/"}
    if pair is not None:
        cluster["certificate-authority-data"] = base64.b64encode(pair[0]).decode()
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "one",
        "contexts": [{"name": "one", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": user}],
    }


def test_certificate_and_requests(port: int, pair: tuple[bytes, bytes]) -> None:
    certificate, key = (base64.b64encode(part).decode() for part in pair)
    content = kubeconfig(port, pair, **{"client-certificate-data": certificate, "client-key-data": key})
    client = connect({"kubeconfig": content})
    assert isinstance(client._transport, _kubernetes_direct.Direct)
    answer = client.get("/echo", {"a": "b c"})
    assert (answer["path"], answer["method"], answer["certificate"]) == ("/prefix/echo?a=b+c", "GET", True)
    assert client.post("/echo", {"x": 1})["body"] == '{"x": 1}'
    assert client.put("/echo", {})["type"] == "application/json"
    assert client.patch("/echo", {})["type"] == "application/merge-patch+json"
    assert client.delete("/echo")
    assert not client.delete("/nothing")
    assert client.find("/nothing") is None
    assert client.raw("GET", "/text").body == b"ok"
    client.close()


def test_token_and_files(port: int, pair: tuple[bytes, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = kubeconfig(port, token="secret")
    (tmp_path / "ca.pem").write_bytes(pair[0])
    content["clusters"][0]["cluster"]["certificate-authority"] = "ca.pem"
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(content))
    assert connect({"kubeconfig": str(path)}).get("/echo")["authorization"] == "Bearer secret"
    monkeypatch.setenv("KUBECONFIG", str(path))
    assert connect({}).get("/echo")["authorization"] == "Bearer secret"
    monkeypatch.delenv("KUBECONFIG")
    monkeypatch.setenv("K8S_AUTH_KUBECONFIG", str(path))
    monkeypatch.setenv("K8S_AUTH_CONTEXT", "two")
    with pytest.raises(kubernetes.Unreachable, match="no context 'two'"):
        connect({"kubeconfig": None})


def test_the_library_answers_as_we_do(port: int, pair: tuple[bytes, bytes], tmp_path: Path) -> None:
    content = kubeconfig(port, pair, token="secret")
    client = connect({"kubeconfig": content, "impersonate_user": "somebody"})
    assert isinstance(client._transport, _kubernetes_library.Library)
    answer = client.get("/echo", {"a": "b"})
    assert (answer["authorization"], answer["impersonated"]) == ("Bearer secret", "somebody")
    with pytest.raises(kubernetes.Forbidden, match="cannot list"):
        client.get("/403")
    assert client.find("/nothing") is None
    client.close()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        client = connect({"host": f"https://127.0.0.1:{free.getsockname()[1]}", "api_key": "x"})
        with pytest.raises(kubernetes.Unreachable):
            client.get("/x")
    (tmp_path / "ca.pem").write_bytes(pair[0])
    options = {"host": f"https://127.0.0.1:{port}/prefix/", "ca_cert": str(tmp_path / "ca.pem"), "api_key": "x"}
    assert connect(options).get("/echo")["authorization"] == "Bearer x"


@pytest.mark.parametrize(
    ("path", "kind", "told"),
    [
        ("/401", kubernetes.Forbidden, "does not accept these credentials"),
        ("/403", kubernetes.Forbidden, "forbids it: pods is forbidden"),
        ("/404", kubernetes.NotFound, "refused GET /404: not found"),
        ("/409", kubernetes.Conflict, "it exists"),
        ("/422", kubernetes.Refused, "invalid"),
        ("/500", kubernetes.Refused, "not JSON"),
        ("/text", kubernetes.Unreachable, "something other than JSON"),
    ],
)
def test_refusals_are_one_sentence(
    port: int, pair: tuple[bytes, bytes], path: str, kind: type[Exception], told: str
) -> None:
    with pytest.raises(kind, match=told) as caught:
        connect({"kubeconfig": kubeconfig(port, pair)}).get(path)
    assert type(caught.value) is kind
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(f"the API server https://127.0.0.1:{port}/prefix/ of context 'one' ")


def test_an_untrusted_server(port: int) -> None:
    with pytest.raises(kubernetes.Unreachable, match="not trusted"):
        connect({"kubeconfig": kubeconfig(port)}).get("/echo")
    assert connect({"kubeconfig": kubeconfig(port), "validate_certs": False}).get("/echo")
    content = kubeconfig(port)
    content["clusters"][0]["cluster"]["insecure-skip-tls-verify"] = True
    assert connect({"kubeconfig": content}).get("/echo")


def test_nobody_answers() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with pytest.raises(kubernetes.Unreachable, match="refuses connections; start the cluster"):
            connect({"kubeconfig": kubeconfig(free.getsockname()[1])}).get("/x")
        free.listen()
        with pytest.raises(kubernetes.Unreachable, match=r"did not answer within 0\.2 s"):
            connect({"kubeconfig": kubeconfig(free.getsockname()[1])}, timeout=0.2).get("/x")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda c: c.pop("current-context"), "has no current context; set context to one of: one"),
        (lambda c: c.update({"current-context": "two"}), r"no context 'two' .* \(it has: one\)"),
        (lambda c: c.update({"contexts": None}), r"no context 'one' .* \(it has: none\)"),
        (lambda c: c.update({"clusters": [{"name": "c"}]}), "names the cluster 'c', which has no server"),
        (
            lambda c: c["clusters"][0]["cluster"].update({"certificate-authority-data": "####"}),
            "certificate or key .* can't be read",
        ),
        (
            lambda c: c["clusters"][0]["cluster"].update({"certificate-authority": "/nowhere/ca.pem"}),
            "certificate or key .* can't be read",
        ),
    ],
)
def test_kubeconfigs_that_are_wrong(tmp_path: Path, change: Any, told: str) -> None:
    content = kubeconfig(1)
    change(content)
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(kubernetes.Unreachable, match=told):
        connect({"kubeconfig": str(path)})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "there is no kubeconfig .*; create the cluster first"),
        ("a: [", "can't be read"),
        ("- a", "no mapping"),
        ("", "no current context"),
        ("\xff", "can't be read"),
    ],
)
def test_kubeconfig_files_that_are_wrong(tmp_path: Path, text: str | None, told: str) -> None:
    path = tmp_path / "config"
    if text is not None:
        path.write_bytes(text.encode("latin-1"))
    with pytest.raises(kubernetes.Unreachable, match=told) as caught:
        connect({"kubeconfig": str(path)})
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_only_the_library_understands(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(_kubernetes_library, "client", lambda *arguments: asked.append(arguments))
    content = kubeconfig(1)
    connect({"kubeconfig": kubeconfig(1, exec={"command": "x"})})
    connect({"kubeconfig": content, "api_key": "x"})
    connect({"host": "https://x"})
    connect({"kubeconfig": "a:b"})
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy")
    connect({"kubeconfig": content})
    monkeypatch.delenv("HTTPS_PROXY")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    connect({})
    assert len(asked) == 6
    connect({"kubeconfig": content})
    assert len(asked) == 6


def test_the_library_tells_errors_too() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with pytest.raises(kubernetes.Unreachable) as caught:
            connect({"host": f"https://127.0.0.1:{free.getsockname()[1]}", "api_key": "secret"}).get("/x")
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)
