# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Upstream registries for tests of caches: real ones, and a front on this machine that asks for tokens or limits."""

from __future__ import annotations

import base64
import contextlib
import datetime
import http.server
import ipaddress
import json
import threading
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bcrypt
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ansible_collections.kubelocal.registry.plugins.module_utils._docker import File, put_files
from tests.support.ports import free_port
from tests.support.registry import push_image
from tests.support.waiting import wait_for


@dataclass(frozen=True)
class Certificates:
    """An authority of our own, and what it signed for one server; PEM text, and the authority as a file too."""

    authority: str
    certificate: str
    key: str
    file: str


def certificates(folder: Path, *subjects: str) -> Certificates:
    """For names and addresses."""
    now = datetime.datetime.now(datetime.timezone.utc)

    def signed(name: str, key: Any, issuer: Any, issuer_key: Any, authority: bool) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(issuer or x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=2))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if not authority:
            names: list[x509.GeneralName] = []
            for subject in subjects:
                with contextlib.suppress(ValueError):
                    names.append(x509.IPAddress(ipaddress.ip_address(subject)))
                    continue
                names.append(x509.DNSName(subject))
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(issuer_key, hashes.SHA256())

    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = signed("kltest authority", root_key, None, root_key, True)
    leaf = signed("kltest upstream", key, root.subject, root_key, False)
    text = root.public_bytes(serialization.Encoding.PEM).decode()
    file = folder / "authority.pem"
    file.write_text(text)
    return Certificates(
        text,
        leaf.public_bytes(serialization.Encoding.PEM).decode(),
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode(),
        str(file),
    )


class Upstream:
    """A registry in a container, ``host`` on its network; tests push to it by a port of this machine."""

    def __init__(
        self,
        engine: Any,
        image: str,
        name: str,
        network: str,
        users: dict[str, str] | None = None,
        tls: Certificates | None = None,
    ) -> None:
        self.host = f"{name}:5000"
        self.url = f"{'https' if tls else 'http'}://{self.host}"
        self.users = users or {}
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self._ca = tls.file if tls else ""
        environment: dict[str, str] = {"REGISTRY_STORAGE_DELETE_ENABLED": "true"}
        files: dict[str, File] = {}
        if users:
            lines = [
                f"{user}:{bcrypt.hashpw(word.encode(), bcrypt.gensalt(5)).decode()}" for user, word in users.items()
            ]
            files["htpasswd"] = File("\n".join(lines).encode())
            environment.update(
                REGISTRY_AUTH="htpasswd",
                REGISTRY_AUTH_HTPASSWD_REALM="upstream",
                REGISTRY_AUTH_HTPASSWD_PATH="/etc/distribution/htpasswd",
            )
        if tls:
            files.update({"tls.crt": File(tls.certificate.encode()), "tls.key": File(tls.key.encode())})
            environment.update(
                REGISTRY_HTTP_TLS_CERTIFICATE="/etc/distribution/tls.crt",
                REGISTRY_HTTP_TLS_KEY="/etc/distribution/tls.key",
            )
        self.container = engine.containers.create(
            image, name=name, network=network, environment=environment, ports={"5000/tcp": ("127.0.0.1", self.port)}
        )
        put_files(self.container, "/etc/distribution", files)
        self.container.start()
        wait_for(f"{name} answers", self._answers, 20)

    def _answers(self) -> bool:
        try:
            requests.get(f"{'https' if self._ca else 'http'}://{self.address}/v2/", timeout=2, verify=self._ca or True)
        except requests.RequestException:
            return False
        return True

    def push(self, repository: str, tag: str, size: int = 1024) -> str:
        """Push a small runnable image; its digest."""
        user, password = next(iter(self.users.items()), ("", ""))
        return push_image(self.address, repository, tag, size=size, user=user, password=password, ca=self._ca)

    def stop(self) -> None:
        """From now on it refuses, and its name is not found."""
        self.container.stop(timeout=1)

    def start(self) -> None:
        """It is back."""
        self.container.start()
        wait_for(f"{self.host} answers", self._answers, 20)


class Front:
    """Stands before an upstream on an address of this machine that containers reach; changed at any time.

    ``tokens``: it wants a token, which it gives to everybody, with ``users`` to them alone.
    ``limited``: it answers 429. ``hangs``: it takes requests and is silent. ``rate``: bytes per second that it sends.
    """

    def __init__(self, behind: str, address: str, users: dict[str, str] | None = None, tokens: bool = False) -> None:
        self.users = users or {}
        self.tokens = tokens or bool(users)
        self.limited = self.hangs = False
        self.rate = 0
        self.requests: list[str] = []
        self._behind = behind
        self._closing = threading.Event()
        self.port = free_port()
        self.host = f"{address}:{self.port}"
        self.url = f"http://{self.host}"
        front = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                front._answer(self)

            do_HEAD = do_GET

            def log_message(self, *_arguments: Any) -> None:
                pass

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, request: Any, client_address: Any) -> None:
                """A client that goes away is no error of the test's."""

        self._server = Server(("0.0.0.0", self.port), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop answering: connections are refused from now on."""
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, handler: Any) -> None:
        self.requests.append(f"{handler.command} {handler.path}")
        if self._closing.is_set():
            # on a connection that was kept open from before
            handler.close_connection = True
            return
        if self.hangs:
            self._closing.wait(60)
            return
        path = urllib.parse.urlsplit(handler.path)
        authorization = handler.headers.get("Authorization") or ""
        if path.path == "/token":
            self._token(handler, authorization)
        elif self.tokens and authorization != "Bearer let-me-in":
            challenge = f'Bearer realm="{self.url}/token",service="front"'
            repository = path.path[4:].partition("/manifests/")[0].partition("/blobs/")[0]
            if repository:
                challenge += f',scope="repository:{repository}:pull"'
            self._say(handler, 401, _error("UNAUTHORIZED"), {"WWW-Authenticate": challenge})
        elif self.limited and path.path != "/v2/":
            headers = {"ratelimit-limit": "100;w=21600", "ratelimit-remaining": "0;w=21600"}
            self._say(handler, 429, _error("TOOMANYREQUESTS"), headers)
        else:
            self._pass(handler)

    def _token(self, handler: Any, authorization: str) -> None:
        pairs = {"Basic " + base64.b64encode(f"{user}:{word}".encode()).decode() for user, word in self.users.items()}
        if self.users and authorization not in pairs:
            self._say(handler, 401, _error("UNAUTHORIZED"), {})
        else:
            self._say(handler, 200, json.dumps({"token": "let-me-in", "expires_in": 300}).encode(), {})

    def _pass(self, handler: Any) -> None:
        headers = {"Accept": ", ".join(handler.headers.get_all("Accept") or ["*/*"])}
        with requests.request(
            handler.command, f"http://{self._behind}{handler.path}", headers=headers, stream=True, timeout=60
        ) as answer:
            handler.send_response(answer.status_code)
            for name in ("Content-Type", "Content-Length", "Docker-Content-Digest", "Etag"):
                if name in answer.headers:
                    handler.send_header(name, answer.headers[name])
            handler.end_headers()
            if handler.command == "HEAD":
                return
            for chunk in answer.iter_content(65536):
                handler.wfile.write(chunk)
                if self.rate:
                    time.sleep(len(chunk) / self.rate)

    def _say(self, handler: Any, status: int, body: bytes, headers: dict[str, str]) -> None:
        handler.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(body)


def _error(code: str) -> bytes:
    return json.dumps({"errors": [{"code": code, "message": code.lower()}]}).encode()


@contextlib.contextmanager
def front(behind: str, address: str, **options: Any) -> Iterator[Front]:
    """A front as long as the block runs."""
    one = Front(behind, address, **options)
    try:
        yield one
    finally:
        one.close()


def gateway(engine: Any, network: str) -> str:
    """This machine's address as containers on a network see it (IPv4)."""
    for configuration in engine.networks.get(network).attrs["IPAM"]["Config"]:
        address = str(configuration.get("Gateway") or "").partition("/")[0]
        if address and ":" not in address:
            return address
    raise AssertionError(f"the network {network} has no gateway")
