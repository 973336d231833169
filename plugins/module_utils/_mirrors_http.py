# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: HTTP requests from inside a container, for what is published nowhere.

A request goes through the standard input of busybox's nc, so that no credentials stand in a process list, and works the same with a
remote Engine. Standard input stays open until the answer is whole: a half closed connection makes Go's servers give up.
"""

from __future__ import annotations

import json
import socket
import struct
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils._docker import explain
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError

try:
    from docker.errors import APIError, DockerException
    from requests.exceptions import RequestException
except ImportError:  # told by the module, by way of _docker.DOCKER_IMPORT_ERROR
    pass

if TYPE_CHECKING:
    from collections.abc import Mapping

# which of its own names busybox has in an image differs; the program itself knows them all
_CLIENT = 'if [ -x /bin/busybox ]; then exec /bin/busybox nc "$@"; fi; exec nc "$@"'
# what it says goes to the first line, the rest is thrown away inside the container
_DISCARD = (
    'nc() { if [ -x /bin/busybox ]; then /bin/busybox nc "$@"; else command nc "$@"; fi; }; '
    'nc "$@" | { IFS= read -r line; printf "%s\\n" "$line"; cat >/dev/null; }'
)
# a container's own address, however its /etc/hosts is written
LOCAL = "127.0.0.1"


class NoAnswer(ExpectedError):
    """Nothing came back: ``timed_out`` tells a silent server from one that is not there."""

    def __init__(self, message: str, timed_out: bool = False) -> None:
        super().__init__(message)
        self.timed_out = timed_out


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")

    @property
    def data(self) -> dict[str, Any]:
        try:
            value = json.loads(self.body)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}


def get(
    container: Any,
    path: str,
    port: int = 5000,
    headers: Mapping[str, str] | None = None,
    timeout: float = 30,
    discard: bool = False,
    method: str = "GET",
) -> Answer:
    """Ask what listens on a port of the container's loopback. ``discard``: the body stays in the container, only the status comes back."""
    lines = [f"{method} {path} HTTP/1.0", f"Host: {LOCAL}:{port}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    request = ("\r\n".join(lines) + "\r\n\r\n").encode()
    script = _DISCARD if discard else _CLIENT
    out, err = _converse(container, ["/bin/sh", "-c", script, "nc", LOCAL, str(port)], request, timeout)
    if not out.startswith(b"HTTP/"):
        said = (err or out).decode(errors="replace").strip().rstrip(".")
        raise NoAnswer(
            f"nothing answers on port {port} of the container '{container.name}'{': ' + said if said else ''}."
        )
    return parse(out)


def parse(raw: bytes) -> Answer:
    head, _blank, body = raw.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").splitlines()
    parts = first.split(" ", 2)
    headers: dict[str, str] = {}
    for line in rest:
        name, _colon, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    status = int(parts[1]) if len(parts) > 1 and parts[1].isdigit() else 0
    return Answer(status, headers, body)


def _converse(container: Any, argv: list[str], request: bytes, timeout: float) -> tuple[bytes, bytes]:
    """Run a program with ``request`` on its standard input; both its outputs."""
    api = container.client.api
    try:
        identity = api.exec_create(container.id, argv, stdin=True, stdout=True, stderr=True, tty=False)["Id"]
        stream = api.exec_start(identity, socket=True)
    except (APIError, DockerException, RequestException) as error:
        # it ended, or is being restarted, since it was looked at
        raise NoAnswer(f"nothing runs in the container '{container.name}': {explain(error)}.") from error
    connection = getattr(stream, "_sock", stream)
    end = time.monotonic() + timeout
    try:
        connection.sendall(request)
        outputs: dict[int, bytearray] = {1: bytearray(), 2: bytearray()}
        while True:
            header = _read(connection, 8, end, container.name)
            if len(header) < 8:
                break
            kind, length = struct.unpack(">BxxxL", header)
            outputs.setdefault(kind, bytearray()).extend(_read(connection, length, end, container.name))
    finally:
        _close(stream)
    return bytes(outputs[1]), bytes(outputs[2])


def _close(stream: Any) -> None:
    # the answer that the SDK took the stream from goes first: Python 3.13 complains about one whose stream is closed already
    response = getattr(stream, "_response", None)
    if response is not None:
        response.close()
    stream.close()


def _read(connection: Any, count: int, end: float, name: str) -> bytes:
    data = bytearray()
    while len(data) < count:
        left = end - time.monotonic()
        try:
            if left <= 0:
                raise socket.timeout
            if hasattr(connection, "settimeout"):
                connection.settimeout(left)
            chunk = connection.recv(min(count - len(data), 1 << 20))
        except (socket.timeout, TimeoutError):
            raise NoAnswer(f"the container '{name}' does not answer in time.", timed_out=True) from None
        if not chunk:
            break
        data.extend(chunk)
    return bytes(data)
