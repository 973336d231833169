# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import socket
import struct
import threading
from typing import Any

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils import _mirrors_http as mirrors_http

ANSWER = b'HTTP/1.0 404 Not Found\r\nContent-Type: application/json\r\n\r\n{"errors": []}'


class _Api:
    """An Engine whose exec is a thread at the other end of a socket."""

    def __init__(self, frames: list[tuple[int, bytes]], silent: bool = False) -> None:
        self.frames, self.silent = frames, silent
        self.argv: list[str] = []
        self.request = b""

    def exec_create(self, _identity: str, argv: list[str], **options: Any) -> dict[str, str]:
        assert options["stdin"]
        self.argv = argv
        return {"Id": "1"}

    def exec_start(self, _identity: str, **options: Any) -> Any:
        assert options["socket"]
        here, there = _pair()
        threading.Thread(target=self._serve, args=(there,), daemon=True).start()
        return here

    def _serve(self, there: socket.socket) -> None:
        self.request = there.recv(65536)
        if self.silent:
            there.recv(1)
            return
        for kind, content in self.frames:
            there.sendall(struct.pack(">BxxxL", kind, len(content)) + content)
        there.close()


def _pair() -> tuple[socket.socket, socket.socket]:
    return socket.socketpair()


class _Container:
    id, name = "1", "mirror-docker-io"

    def __init__(self, api: _Api) -> None:
        self.client = type("Client", (), {"api": api})()


def test_get() -> None:
    api = _Api([(1, ANSWER[:20]), (2, b"noise"), (1, ANSWER[20:])])
    answer = mirrors_http.get(_Container(api), "/v2/", headers={"Authorization": "Basic hush"})
    assert (answer.status, answer.data, answer.headers["content-type"]) == (404, {"errors": []}, "application/json")
    assert api.request == b"GET /v2/ HTTP/1.0\r\nHost: 127.0.0.1:5000\r\nAuthorization: Basic hush\r\n\r\n"
    assert "hush" not in " ".join(api.argv)


def test_nothing_there() -> None:
    api = _Api([(2, b"nc: can't connect to remote host: Connection refused\n")])
    with pytest.raises(mirrors_http.NoAnswer, match="Connection refused") as caught:
        mirrors_http.get(_Container(api), "/v2/")
    assert not caught.value.timed_out


def test_silence() -> None:
    with pytest.raises(mirrors_http.NoAnswer) as caught:
        mirrors_http.get(_Container(_Api([], silent=True)), "/v2/", timeout=0.1)
    assert caught.value.timed_out


def test_the_answer_is_closed_before_the_stream_that_was_taken_from_it() -> None:
    closed: list[bool] = []

    class Taken(_Api):
        def exec_start(self, identity: str, **options: Any) -> Any:
            stream = socket.SocketIO(super().exec_start(identity, **options), "rw")
            stream._response = type("Response", (), {"close": lambda _self: closed.append(stream.closed)})()  # type: ignore[attr-defined]
            return stream

    assert mirrors_http.get(_Container(Taken([(1, ANSWER)])), "/v2/").status == 404
    assert closed == [False]


def test_parse_only_a_status() -> None:
    assert mirrors_http.parse(b"HTTP/1.0 200 OK\n").status == 200
    assert mirrors_http.parse(b"HTTP/1.0 \n").status == 0
