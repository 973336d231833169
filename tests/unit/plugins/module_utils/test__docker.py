# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Engine is meant, what is said when it can't be used, and files in archives."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from docker.errors import APIError, DockerException, NotFound

from ansible_collections.kubelocal.registry.plugins.module_utils import _docker
from ansible_collections.kubelocal.registry.plugins.module_utils._docker import EngineError, File

CONTEXT_HOST = "unix:///run/mine.sock"


@pytest.fixture(autouse=True)
def _one_context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home with the context 'mine', as Docker's own CLI keeps it."""
    meta = tmp_path / ".docker" / "contexts" / "meta" / hashlib.sha256(b"mine").hexdigest()
    meta.mkdir(parents=True)
    endpoints = {"docker": {"Host": CONTEXT_HOST, "SkipTLSVerify": False}}
    (meta / "meta.json").write_text(json.dumps({"Name": "mine", "Metadata": {}, "Endpoints": endpoints}))
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_TLS", "DOCKER_TLS_VERIFY"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / ".docker" / "config.json").write_text("{}")
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.mark.parametrize(
    ("option", "environment", "host"),
    [
        (None, {}, None),
        ("tcp://a:1", {"DOCKER_HOST": "tcp://b:1", "DOCKER_CONTEXT": "mine"}, "tcp://a:1"),
        (None, {"DOCKER_HOST": "tcp://b:1", "DOCKER_CONTEXT": "mine"}, "tcp://b:1"),
        ("", {"DOCKER_HOST": "tcp://b:1"}, "tcp://b:1"),
        (None, {"DOCKER_HOST": "", "DOCKER_CONTEXT": "mine"}, CONTEXT_HOST),
        (None, {"DOCKER_CONTEXT": "default"}, None),
    ],
)
def test_chosen_host(option: str | None, environment: dict[str, str], host: str | None) -> None:
    assert _docker.chosen_host(option, environment) == host


def test_the_current_context(tmp_path: Path) -> None:
    (tmp_path / ".docker" / "config.json").write_text('{"currentContext": "mine"}')
    assert _docker.chosen_host(None, {}) == CONTEXT_HOST
    assert _docker.cli_environment() == {"DOCKER_HOST": CONTEXT_HOST}
    assert _docker.cli_environment("tcp://a:1") == {"DOCKER_HOST": "tcp://a:1"}


def test_a_context_that_is_not_there() -> None:
    with pytest.raises(EngineError, match="DOCKER_CONTEXT names the Docker context 'gone'"):
        _docker.chosen_host(None, {"DOCKER_CONTEXT": "gone"})


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("Error while fetching server API version: ('Connection aborted.', PermissionError(13, 'x'))", "no permission"),
        ("('Connection aborted.', FileNotFoundError(2, 'No such file or directory'))", "no Docker Engine answers"),
        ("[Errno 111] Connection refused", "no Docker Engine answers"),
        ("certificate verify failed.", "can't be used: certificate verify failed;"),
    ],
)
def test_unreachable(said: str, words: str) -> None:
    message = _docker._unreachable("unix:///x", DockerException(said))
    assert words in message
    assert "unix:///x" in message
    assert "docker_host" in message


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (APIError("500 Server Error for http://x", explanation="port is taken.\n"), "port is taken"),
        (requests.exceptions.ReadTimeout("HTTPConnectionPool..."), "it did not answer in time"),
        (DockerException(" odd. "), "odd"),
    ],
)
def test_explain(error: Exception, words: str) -> None:
    assert _docker.explain(error) == words


class Container:
    """Keeps one archive, and does not run."""

    id, attrs = "0", {"State": {"Pid": 0}}

    def __init__(self, archive: bytes | None = None) -> None:
        self.archive = archive
        self.folder = ""

    def put_archive(self, folder: str, archive: bytes) -> None:
        self.folder, self.archive = folder, archive

    def get_archive(self, _path: str) -> tuple[list[bytes], dict[str, Any]]:
        if self.archive is None:
            raise NotFound("no such file")
        return [self.archive[:100], self.archive[100:]], {}


def test_files_there_and_back() -> None:
    container = Container()
    files = {"a/b/key": File(b"secret", 0o600, 7, 8), "a/c": File(b"")}
    _docker.put_files(container, "/etc", files)
    assert container.folder == "/etc"
    with tarfile.open(fileobj=io.BytesIO(container.archive or b"")) as tar:
        assert [(member.name, member.isdir()) for member in tar] == [
            ("a", True),
            ("a/b", True),
            ("a/b/key", False),
            ("a/c", False),
        ]
    assert _docker.read_tree(container, "/etc/a") == {"b/key": files["a/b/key"], "c": files["a/c"]}


def test_one_file_and_none() -> None:
    container = Container()
    _docker.put_files(container, "/etc", {"key": File(b"x", 0o600)})
    assert _docker.read_tree(container, "/etc/key") == {"": File(b"x", 0o600)}
    assert _docker.read_tree(Container(), "/etc/key") is None


@pytest.mark.parametrize(
    ("answer", "expected"),
    [((0, b"yes"), (0, "yes")), ((1, None), (1, "")), ((None, b"\xff"), (-1, "\ufffd"))],
)
def test_run_in(answer: tuple[int | None, bytes | None], expected: tuple[int, str]) -> None:
    container: Any = SimpleNamespace(exec_run=lambda _argv, **_arguments: answer)
    assert _docker.run_in(container, ["true"]) == expected
