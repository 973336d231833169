# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A line to a server that carries so many bytes a second and no more, over all its connections together."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
import time
from collections.abc import Iterator

from tests.support.ports import free_port

_CHUNK = 65536


class _Rate:
    """Makes whoever sends wait for its turn."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._lock = threading.Lock()
        self._free = 0.0

    def wait(self, count: int) -> None:
        with self._lock:
            now = time.monotonic()
            self._free = max(now, self._free) + count / self._rate
            wait = self._free - now
        time.sleep(wait)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A side that goes away is no error."""


@contextlib.contextmanager
def line(port: int, rate: float) -> Iterator[int]:
    """The port of this machine that leads to another of its ports, ``rate`` bytes a second back from there."""
    allowed = _Rate(rate)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            client: socket.socket = self.request
            with socket.create_connection(("127.0.0.1", port)) as server:
                there = threading.Thread(target=_copy, args=(client, server, None), daemon=True)
                there.start()
                _copy(server, client, allowed)
                there.join(60)

    found = free_port()
    with _Server(("0.0.0.0", found), Handler) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        try:
            yield found
        finally:
            listening.shutdown()


def _copy(source: socket.socket, target: socket.socket, rate: _Rate | None) -> None:
    with contextlib.suppress(OSError):
        while True:
            content = source.recv(_CHUNK)
            if not content:
                break
            if rate is not None:
                rate.wait(len(content))
            target.sendall(content)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
