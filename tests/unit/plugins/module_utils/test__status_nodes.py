# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a node's files."""

from __future__ import annotations

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils._docker import File
from ansible_collections.kubelocal.registry.plugins.module_utils._status_nodes import (
    _owed,
    config_problem,
    hosts_problem,
    registries_problem,
)

HOSTS = {"localhost:5001": "reg:5000", "reg:5000": "reg:5000"}
GOOD = 'server = "http://reg:5000"\n[host."http://reg:5000"]\n  capabilities = ["pull", "resolve"]\n'


def files(**texts: str) -> dict[str, File]:
    found = {f"certs.d/{host}/hosts.toml": File(GOOD.encode()) for host in HOSTS}
    found["certs.d/localhost:5001/hosts.toml"] = File(texts.get("local", GOOD).encode())
    return found


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (GOOD, ""),
        (GOOD.replace("http://reg", "https://reg"), ""),
        # as k3s writes it
        ('[host."http://reg:5000/v2"]\n  override_path = true\n', ""),
        ("server = [", "is not valid TOML"),
        ("", "names no endpoint"),
        (GOOD.replace("reg:5000", "other:5000"), "leads to http://other:5000, not to reg:5000"),
    ],
)
def test_hosts_toml(text: str, words: str) -> None:
    problem = hosts_problem(files(local=text), HOSTS)
    assert words in problem
    assert bool(problem) == bool(words)


def test_a_file_that_is_not_there_and_a_folder_that_is_a_file() -> None:
    assert hosts_problem({}, HOSTS) == "certs.d/localhost:5001/hosts.toml is not there"
    found = {"certs.d/localhost:5001": File(b"")}
    assert hosts_problem(found, HOSTS) == "certs.d/localhost:5001 is a file, no folder"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            'version = 3\n[plugins."io.containerd.cri.v1.images".registry]\nconfig_path = "/etc/containerd/certs.d"\n',
            "",
        ),
        ('version = 2\n[plugins."io.containerd.grpc.v1.cri".registry]\nconfig_path = "/etc/containerd/certs.d"\n', ""),
        ('version = 3\n[plugins."io.containerd.cri.v1.images".registry]\nconfig_path = "/nowhere"\n', "'/nowhere'"),
        ("version = 3\n", "sets no config_path"),
        ("version = ", "not valid TOML"),
    ],
)
def test_config_path(text: str, words: str) -> None:
    problem = config_problem({"config.toml": File(text.encode())})
    assert words in problem
    assert bool(problem) == bool(words)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "is not there"),
        ("", "has no endpoint for localhost:5001"),
        ("mirrors: {localhost:5001: {endpoint: [http://reg:5000]}}", "has no endpoint for reg:5000"),
        ("mirrors: {localhost:5001: null}", "has no endpoint for localhost:5001"),
        (
            "mirrors: {localhost:5001: {endpoint: [http://other:5000]}}",
            "localhost:5001 to http://other:5000, not to reg",
        ),
        ("mirrors: [", "is not valid YAML"),
        (
            'mirrors: {"localhost:5001": {endpoint: ["http://reg:5000"]}, "reg:5000": {endpoint: ["https://reg:5000"]}}',
            "",
        ),
    ],
)
def test_registries_yaml(text: str | None, words: str) -> None:
    problem = registries_problem(text, HOSTS)
    assert words in problem
    assert bool(problem) == bool(words)


def test_registries_yaml_has_a_word_of_its_own_for_all_other_hosts() -> None:
    text = 'mirrors: {"*": {endpoint: ["http://cache:5000"]}}'
    assert registries_problem(text, {"_default": "cache:5000"}) == ""


class Node:
    """Answers one command after the other."""

    def __init__(self, *answers: tuple[int, bytes]) -> None:
        self.answers = list(answers)

    def exec_run(self, _argv: list[str], **_options: object) -> tuple[int, bytes]:
        return self.answers.pop(0)


SOCKET = b"100 /run/containerd/containerd.sock\n"
OLDER = SOCKET + b"99 /etc/containerd/config.toml\n"
NEWER = SOCKET + b"101 /etc/containerd/config.toml\n"


@pytest.mark.parametrize(
    ("answers", "owed"),
    [
        ([(0, OLDER)], ""),
        ([(0, NEWER)], "/etc/containerd/config.toml"),
        ([(1, b"stat: cannot stat")], ""),
        # what was said may be lost on the way
        ([(0, b""), (0, SOCKET), (0, NEWER)], "/etc/containerd/config.toml"),
        ([(0, b"")] * 3, ""),
    ],
)
def test_a_configuration_newer_than_containerd(answers: list[tuple[int, bytes]], owed: str) -> None:
    node = Node(*answers)
    assert _owed(node, {"config.toml": File(b""), "certs.d/a/hosts.toml": File(b"")}) == owed
    assert node.answers == []
