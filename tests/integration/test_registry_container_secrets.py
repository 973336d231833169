# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets of a registry: in files that it alone reads, and nowhere else."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.support.certificates import Authority
from tests.support.names import Names
from tests.support.playbooks import run_playbook
from tests.support.registry import Registry
from tests.support.registry_container import registry
from tests.support.testbed import Testbed
from tests.support.waiting import wait_for

PLAY = """\
- hosts: localhost
  gather_facts: false
  vars:
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
  tasks:
    - kubelocal.registry.registry_container:
        name: "{{ registry_name }}"
        image: "{{ image }}"
        port: "{{ port }}"
        users: "{{ users }}"
        upstream: "{{ upstream }}"
        https: "{{ https }}"
        config: "{{ config }}"
"""


class Watch:
    """Looks at the process list, and at files below ``folder`` that others may read, for as long as it is entered."""

    def __init__(self, folder: Path, secrets: list[str]) -> None:
        self.found: set[str] = set()
        self.commands = 0
        self._folder, self._secrets = folder, [secret.encode() for secret in secrets]
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._end.set()
        self._thread.join()
        self.look_at_files()

    def _run(self) -> None:
        while not self._end.wait(0.1):
            for process in Path("/proc").glob("[0-9]*"):
                if int(process.name) != os.getpid():
                    self._look_at(process / "cmdline")
                    self.commands += 1
            self.look_at_files()

    def look_at_files(self) -> None:
        for path in _readable_by_others(self._folder):
            self._look_at(path)

    def _look_at(self, path: Path) -> None:
        try:
            content = path.read_bytes()
        except OSError:  # it ended, or went
            return
        if any(secret in content for secret in self._secrets):
            self.found.add(str(path))


def _readable_by_others(folder: Path) -> Iterator[Path]:
    """Files below a folder that everybody reaches."""
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        try:
            mode = entry.stat(follow_symlinks=False).st_mode
        except OSError:
            continue
        if stat.S_ISDIR(mode) and mode & stat.S_IXOTH:
            yield from _readable_by_others(Path(entry.path))
        elif stat.S_ISREG(mode) and mode & stat.S_IROTH:
            yield Path(entry.path)


def test_the_watch_is_not_blind(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    (shared / "closed").mkdir(parents=True)
    for path, mode in (("open", 0o644), ("own", 0o600), ("closed/open", 0o644)):
        (shared / path).write_text("s3cr3t", encoding="ascii")
        (shared / path).chmod(mode)
    shared.chmod(0o755)
    (shared / "closed").chmod(0o700)
    with Watch(shared, ["s3cr3t"]) as watch, subprocess.Popen(["tail", "-f", "/dev/null", "s3cr3t"]) as process:
        wait_for("both are seen", lambda: len(watch.found) == 2)
        process.kill()
    assert watch.found == {str(shared / "open"), f"/proc/{process.pid}/cmdline"}


def test_secrets_show_nowhere(
    engine: docker.DockerClient, testbed: Testbed, names: Names, free_port: Callable[[], int], tmp_path: Path
) -> None:
    name, port = names("secret"), free_port()
    authority = Authority()
    certificate, key = authority.issue("localhost")
    variables: dict[str, Any] = {
        "registry_name": name,
        "image": testbed.registry_image,
        "port": port,
        "users": {"ada": "s3cr3t-ada"},
        "upstream": {"url": "http://192.0.2.1:5000", "username": "up", "password": "s3cr3t-up"},
        "https": {"certificate": certificate, "key": key},
        "config": {"http": {"secret": "s3cr3t-http"}},
    }
    lines = [line for line in key.splitlines() if line and not line.startswith("-----")]
    secrets = ["s3cr3t-ada", "s3cr3t-up", "s3cr3t-http", *lines]
    play, shared = tmp_path / "play.yml", tmp_path / "shared"
    play.write_text(PLAY, encoding="ascii")
    shared.mkdir(mode=0o755)
    # everything that Ansible and the module leave behind, payloads too
    environment = {
        "TMPDIR": str(shared),
        "ANSIBLE_LOCAL_TEMP": str(shared / "local"),
        "ANSIBLE_REMOTE_TEMP": str(shared / "remote"),
        "ANSIBLE_KEEP_REMOTE_FILES": "1",
    }

    def told(result: Any) -> str:
        return str(result.stdout + result.stderr)

    with Watch(shared, secrets) as watch:
        made = run_playbook(play, variables, "-vvv", "--diff", environment=environment)
        variables["users"]["ada"] = "s3cr3t-ada-2"
        variables["upstream"]["password"] = "s3cr3t-up-2"
        variables["config"]["http"]["secret"] = "s3cr3t-http-2"
        changed = run_playbook(play, variables, "-vvv", "--diff", environment=environment)
        variables["config"]["storage"] = {"nonsense": {"password": "s3cr3t-storage"}}
        failed = run_playbook(play, variables, "-vvv", "--diff", environment=environment, fails=True)
    assert watch.commands
    assert watch.found == set()
    assert changed.changed == {"localhost": 1}, told(changed)
    assert "users" in changed.stdout, "the diff tells that something changed"
    assert "nonsense" in failed.failed_message

    container = engine.containers.get(name)
    result = registry(name, diff=True, check=True, **{k: variables[k] for k in ("users", "upstream", "https")})
    places = {
        "-vvv": told(made) + told(changed) + told(failed),
        "result": json.dumps(result),
        "inspect": json.dumps(container.attrs),
        "processes": json.dumps(container.top()["Processes"]),
        "log": container.logs().decode(errors="replace"),
    }
    for place, text in places.items():
        for secret in [*secrets, "s3cr3t-storage"]:
            assert secret not in text, f"{secret} is in {place}"

    # files that the registry alone reads, and that it works with
    code, listing = container.exec_run(["ls", "-lnA", "/etc/kubelocal-registry"])
    modes = {line.split()[-1]: line.split()[0] for line in listing.decode().splitlines() if line[0] in "-d"}
    assert code == 0
    assert {"config.yml", "htpasswd", "tls.key", "upstream-credentials.json"} <= modes.keys()
    assert {mode[4:10] for mode in modes.values()} == {"------"}
    assert "s3cr3t" not in container.exec_run(["cat", "/etc/kubelocal-registry/htpasswd"]).output.decode()
    asked = Registry(f"localhost:{port}", "ada", "s3cr3t-ada-2", authority.path)
    assert asked.call("GET", "/v2/").status_code == 200


@pytest.mark.parametrize(
    "options",
    [
        {"upstream": {"url": "https://up:s3cr3t@host.example"}},
        {"environment": {"REGISTRY_HTTP_SECRET": "s3cr3t"}},
        {"users": {"ada": "s3cr3t" * 20}},
        {"https": {"certificate": "/nowhere/tls.crt", "key": "s3cr3t"}},
    ],
)
def test_refusals_tell_no_secret(names: Names, options: dict[str, Any]) -> None:
    answer = registry(names("refused"), fails=True, **options)
    assert "s3cr3t" not in answer["msg"]
