# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: one shell on a node that is a container, asked many things over one connection.

Starting a command in a container is what costs; asking one that runs already costs next to nothing.
"""

from __future__ import annotations

import contextlib
import io
import os
import secrets
import socket
import struct
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils._docker import explain
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._node_script import SCRIPT, answered, request

try:
    from docker.errors import DockerException
    from requests.exceptions import RequestException
except ImportError:  # told by the module, through _docker.DOCKER_IMPORT_ERROR
    pass

if TYPE_CHECKING:
    from collections.abc import Sequence

_STDERR = 2


@dataclass(frozen=True)
class Answer:
    """What came of one request; ``errors`` are for people only."""

    code: int
    output: bytes
    errors: str

    @property
    def text(self) -> str:
        """All that was said, as text."""
        return f"{self.output.decode(errors='replace')}{self.errors}".strip()


class Session:
    """The script on one container, from the making of this object until ``close``."""

    def __init__(self, api: Any, container: str) -> None:
        self._token = secrets.token_hex(16)
        self._timeout = api.timeout
        self._late = False
        try:
            command = ["sh", "-c", SCRIPT, self._token]
            created = api.exec_create(container, command, stdin=True, user="0")["Id"]
            self._made = api.exec_start(created, socket=True)
        except (DockerException, RequestException) as error:
            raise ExpectedError(f"no command can be run in it: {explain(error)}.") from error
        self._socket = _plain(self._made)

    def ask(self, words: Sequence[str]) -> Answer:
        """One request, answered in full."""
        lines = request(words)
        watch = threading.Timer(self._timeout, self._give_up) if self._timeout else None
        output, errors = bytearray(), bytearray()
        try:
            if watch is not None:
                watch.start()
            self._socket.sendall(lines)
            while True:
                stream, part = self._frame()
                if stream == _STDERR:
                    errors += part
                    continue
                output += part
                end = answered(output, self._token)
                if end is not None:
                    return Answer(end[1], bytes(output[: -end[0]]), errors.decode(errors="replace"))
        except (OSError, EOFError) as error:
            if self._late:
                raise ExpectedError(f"it did not answer within {self._timeout} s.") from error
            said = (output + errors).decode(errors="replace").strip().rstrip(".") or explain(error)
            raise ExpectedError(f"the command in it ended before it answered: {said}.") from error
        finally:
            if watch is not None:
                watch.cancel()

    def close(self) -> None:
        """The script ends when nothing can come any more."""
        self._end()
        with contextlib.suppress(OSError):
            self._socket.close()
        # the SDK keeps there what else holds the connection
        response = getattr(self._made, "_response", None)
        if response is not None:
            # its socket over SSH does not take it well to be closed twice
            with contextlib.suppress(OSError):
                response.close()

    def _frame(self) -> tuple[int, bytes]:
        stream, size = struct.unpack(">BxxxL", self._exactly(8))
        return stream, self._exactly(size)

    def _exactly(self, size: int) -> bytes:
        """Never asked for more than there will be: over SSH, a read waits until it has all of it."""
        data = bytearray()
        while len(data) < size:
            part = self._socket.recv(size - len(data))
            if not part:
                raise EOFError("the connection was closed")
            data += part
        return bytes(data)

    def _give_up(self) -> None:
        self._late = True
        self._end()

    def _end(self) -> None:
        """Ends a read that waits, too; a connection over SSH can only be closed."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            with contextlib.suppress(OSError):
                self._socket.close()


def _plain(made: Any) -> Any:
    """Something with recv and sendall: without TLS or SSH the SDK has a file made of a socket, which has neither.

    The SDK's own reader of frames waits for the kernel to have data, in vain when TLS has read them ahead.
    """
    found = socket.socket(fileno=os.dup(made.fileno())) if isinstance(made, io.RawIOBase) else made
    # the SDK's limit is one for a single read; here it is one for an answer
    found.settimeout(None)
    return found
