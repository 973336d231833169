# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An Engine whose only container is this machine: real commands, spoken to as Docker's SDK does."""

from __future__ import annotations

import contextlib
import io
import os
import socket
import struct
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from typing import Any

from docker.errors import NotFound


class ExecApi:
    """The calls of Docker's low-level client that a node needs; ``shell`` is what its commands' ``sh`` is."""

    base_url, api_version, timeout = "http://none", "1.41", 20

    def __init__(self, shell: list[str] | None = None) -> None:
        self.shell = shell or ["sh"]
        self.puts = 0
        self.gets = 0
        # every command line, and the commands that were started
        self.words: list[str] = []
        self.started: list[subprocess.Popen[bytes]] = []

    def get_archive(self, _container: str, path: str, **_options: Any) -> tuple[Iterator[bytes], dict[str, Any]]:
        self.gets += 1
        if not os.path.lexists(path):
            raise NotFound("no such path")
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            tar.add(path, os.path.basename(path))
        return iter([buffer.getvalue()]), {}

    def put_archive(self, _container: str, path: str, data: bytes) -> None:
        self.puts += 1
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            tar.extractall(path, filter="fully_trusted")

    @staticmethod
    def inspect_container(_container: str) -> dict[str, Any]:
        return {"State": {"Pid": 0}}  # no number of a process, so that the shell is asked

    def exec_create(self, _container: str, command: list[str], **options: Any) -> dict[str, Any]:
        assert options == {"stdin": True, "user": "0"}
        self.words += command
        return {"Id": command}

    def exec_start(self, command: list[str], **options: Any) -> Any:
        assert options == {"socket": True}
        ours, theirs = socket.socketpair()
        process = subprocess.Popen(
            [*self.shell, *command[1:]], stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self.started.append(process)
        threading.Thread(target=_frames, args=(process, theirs), daemon=True).start()
        # as the SDK has it: a file made of a socket that is limited in time
        ours.settimeout(self.timeout)
        made = ours.makefile("rwb", buffering=0)
        ours.close()
        return made


class ExecClient:
    """The client around it."""

    def __init__(self, shell: list[str] | None = None) -> None:
        self.api = ExecApi(shell)


def _frames(process: subprocess.Popen[bytes], to: socket.socket) -> None:
    lock = threading.Lock()

    def copy(number: int, source: Any) -> None:
        # as with a real one, who hung up hears no more
        with contextlib.suppress(BrokenPipeError):
            while part := os.read(source.fileno(), 4096):
                with lock:
                    to.sendall(struct.pack(">BxxxL", number, len(part)) + part)

    readers = [
        threading.Thread(target=copy, args=pair, daemon=True) for pair in ((1, process.stdout), (2, process.stderr))
    ]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    process.wait()
    to.shutdown(socket.SHUT_RDWR)
    to.close()
