# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Engine behind a port of this machine, as a remote one is, with TLS where wanted."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator

ENGINE = "/var/run/docker.sock"


@contextlib.contextmanager
def listening(certificate: str = "", key: str = "") -> Iterator[int]:
    """The port; with the paths of a certificate and its key it speaks TLS."""
    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_accept, args=(server, context), daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def _accept(server: socket.socket, context: ssl.SSLContext | None) -> None:
    with contextlib.suppress(OSError):
        while True:
            client, _address = server.accept()
            threading.Thread(target=_serve, args=(client, context), daemon=True).start()


def _serve(client: socket.socket, context: ssl.SSLContext | None) -> None:
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as engine:
        engine.connect(ENGINE)
        if context is not None:
            client = context.wrap_socket(client, server_side=True)
        with client:
            back = threading.Thread(target=_copy, args=(engine, client), daemon=True)
            back.start()
            _copy(client, engine)
            back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    """Until either ends, and then both do."""
    with contextlib.suppress(OSError):
        while part := source.recv(65536):
            target.sendall(part)
    for each in (source, target):
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
