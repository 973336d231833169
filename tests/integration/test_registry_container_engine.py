# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""registry_container and Engines: of an older API, not for this user to use, asked by two who do not see each other."""

from __future__ import annotations

import multiprocessing
import os
import re
import socket
import socketserver
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils import _docker
from tests.support.names import Names
from tests.support.registry import pull
from tests.support.registry_container import push, registry
from tests.support.testbed import Testbed

Port = Callable[[], int]
_REQUEST = re.compile(rb"(?:GET|HEAD|POST|PUT|DELETE) (/\S*) HTTP/1")


class OldEngine:
    """The real Engine behind a socket that says that its API is 1.41, and keeps the paths that it was asked for."""

    def __init__(self, real: str, path: Path) -> None:
        self.url = f"unix://{path}"
        self.asked: list[str] = []
        outer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with socket.socket(socket.AF_UNIX) as behind:
                    behind.connect(real)
                    thread = threading.Thread(target=_pass_on, args=(self.request, behind, outer.noted), daemon=True)
                    thread.start()
                    _pass_on(behind, self.request, _aged)

        class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
            daemon_threads = True

        self._server = Server(str(path), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def noted(self, data: bytes) -> bytes:
        self.asked += [path.decode() for path in _REQUEST.findall(data)]
        return data

    def end(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _pass_on(source: socket.socket, target: socket.socket, change: Callable[[bytes], bytes]) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(change(data))
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def _aged(data: bytes) -> bytes:
    return re.sub(rb'"ApiVersion":"1\.\d\d"', b'"ApiVersion":"1.41"', data)


@pytest.fixture
def old_engine(engine: docker.DockerClient, tmp_path: Path) -> Iterator[OldEngine]:
    real = (_docker.chosen_host() or "unix:///var/run/docker.sock").removeprefix("unix://")
    if not os.path.exists(real):
        pytest.skip("the Engine is behind no socket of this machine")
    least = tuple(int(part) for part in engine.version()["MinAPIVersion"].split("."))
    if least > (1, 41):
        pytest.skip("this Engine does not speak API 1.41 any more")
    found = OldEngine(real, tmp_path / "docker.sock")
    yield found
    found.end()


def test_an_engine_of_api_1_41(testbed: Testbed, names: Names, free_port: Port, old_engine: OldEngine) -> None:
    name, port, other = names("old"), free_port(), free_port()
    given: dict[str, Any] = {"docker_host": old_engine.url}
    registry(name, image=testbed.registry_image, port=port, users={"ada": "s3cr3t"}, **given)
    digest = push(port, user="ada", password="s3cr3t")
    registry(name, port=other, users={"ada": "s3cr3t"}, **given)
    assert pull(f"localhost:{other}", "kept:v1", user="ada", password="s3cr3t") == digest
    registry(name, state="absent", purge=True, **given)
    versioned = [path for path in old_engine.asked if path != "/version"]
    assert len(versioned) > 10
    assert {path.split("/")[1] for path in versioned} == {"v1.41"}


def _refusal(path: str, answers: Any) -> None:
    """What somebody who may not use the socket is told."""
    if os.getuid() == 0:
        os.setgid(65534)
        os.setuid(65534)
    try:
        _docker.connect(f"unix://{path}")
        answers.put("it could be used")
    except _docker.EngineError as error:
        answers.put(str(error))


def test_without_permission_for_the_socket() -> None:
    # where anybody may look, unlike below pytest's folders
    with tempfile.TemporaryDirectory(prefix="kltest-") as folder, socket.socket(socket.AF_UNIX) as server:
        os.chmod(folder, 0o755)
        path = os.path.join(folder, "docker.sock")
        server.bind(path)
        os.chmod(path, 0o600 if os.getuid() == 0 else 0)
        server.listen()
        context = multiprocessing.get_context("fork")
        answers = context.Queue()
        process = context.Process(target=_refusal, args=(path, answers))
        process.start()
        message = answers.get(timeout=30)
        process.join()
    assert message.startswith(f"no permission for the Docker Engine at unix://{path}; ")
    assert "group 'docker'" in message
    assert "log in again" in message
    assert "\n" not in message


def test_two_runs_that_do_not_see_each_others_lock(
    engine: docker.DockerClient, testbed: Testbed, names: Names, free_port: Port, tmp_path: Path
) -> None:
    """As two users have it: the Engine alone decides who is first."""
    name, port = names("both"), free_port()
    answers: list[dict[str, Any]] = []

    def once(folder: Path) -> None:
        folder.mkdir()
        answers.append(
            registry(
                name, process={"TMPDIR": str(folder)}, image=testbed.registry_image, port=port, users={"ada": "s3cr3t"}
            )
        )

    threads = [threading.Thread(target=once, args=(tmp_path / str(number),)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 2
    assert {answer["registry"]["id"] for answer in answers} == {engine.containers.get(name).id}
    assert {found.name for found in engine.containers.list(all=True, filters={"name": name})} == {name}
    assert not registry(name, port=port, users={"ada": "s3cr3t"})["changed"]
