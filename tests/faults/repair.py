# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster of two nodes with its registry, as ``up`` makes them, to be broken and mended."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import docker
from docker.errors import NotFound

from tests.support.modules import run_module
from tests.support.playbooks import PlaybookResult, playbook_command, playbook_environment, run_playbook
from tests.support.ports import free_port
from tests.support.registry import pull, push_image
from tests.support.removal import KIND_CLUSTER, remove_leftovers
from tests.support.testbed import ROOT, Testbed

UP, STATUS = "kubelocal.registry.up", "kubelocal.registry.status"
CERTS = "/etc/containerd/certs.d"
CONFIGMAP = ("configmap", "local-registry-hosting", "--namespace", "kube-public")
PROVED = "a push and a pull on 2 nodes worked"


class Home:
    """What is declared of one cluster and its registry, and the image that must never get lost."""

    def __init__(
        self, engine: docker.DockerClient, testbed: Testbed, names: Callable[[str], str], folder: Path
    ) -> None:
        self.engine = engine
        self.testbed = testbed
        self.folder = folder
        self.cluster = names("home")
        self.network = names("net")
        self.registry = names("reg")
        self.port = free_port()
        self.kubeconfig = folder / "kubeconfig"
        self.nodes = (f"{self.cluster}-control-plane", f"{self.cluster}-worker")
        self.digest = ""
        self.mirrors: list[dict[str, Any]] = []
        programs = [str(Path(program).parent) for program in (testbed.kind, testbed.kubectl)]
        self.environment = {
            "KIND_EXPERIMENTAL_DOCKER_NETWORK": self.network,
            "XDG_CACHE_HOME": str(folder / "cache"),
            "PATH": os.pathsep.join([*programs, os.environ["PATH"]]),
        }

    @property
    def host(self) -> str:
        """The registry's address on this machine."""
        return f"localhost:{self.port}"

    @property
    def variables(self) -> dict[str, Any]:
        """What a person would have in cluster.yml."""
        return {
            **self.testbed.variables,
            "cluster_name": self.cluster,
            "cluster_kubeconfig": str(self.kubeconfig),
            "kind_workers": 1,
            "registry_name": self.registry,
            "registry_port": self.port,
            "mirrors": self.mirrors,
        }

    def up(self, fails: bool | None = False, **variables: Any) -> PlaybookResult:
        return run_playbook(UP, {**self.variables, **variables}, fails=fails, environment=self.environment)

    def begin_up(self, **variables: Any) -> Play:
        """The same, going on beside the test."""
        return Play({**self.variables, **variables}, self.environment)

    def broken(self) -> dict[str, str]:
        """What status finds wrong: link and text."""
        status = run_module(
            "registry_status",
            name=self.cluster,
            kubeconfig=str(self.kubeconfig),
            registry_name=self.registry,
            registry_port=self.port,
            mirrors=[{"host": item["host"]} for item in self.mirrors],
            proof=False,
            environment=self.environment,
        )["status"]
        return {link["link"]: link["detail"] for link in status["links"] if link["ok"] is False}

    def keep(self) -> None:
        """Push the image that every repair has to leave where it is."""
        self.digest = push_image(self.host, "kept", "v1")

    def mended(self, changes: bool = True) -> PlaybookResult:
        """``up`` repairs and every kubelet pulls; nothing is lost, and the next run changes nothing."""
        first = self.up()
        assert PROVED in first.stdout, first.stdout
        if changes:
            assert first.changed["localhost"] > 0, first.stdout
        self.is_whole()
        return first

    def is_whole(self) -> None:
        """Nothing is lost, nothing is wrong, nothing is left to do."""
        again = self.up(up_proof=False)
        assert again.changed == {"localhost": 0}, again.stdout
        assert self.broken() == {}
        if self.digest:
            assert pull(self.host, "kept:v1") == self.digest

    def container(self) -> Any:
        return self.engine.containers.get(self.registry)

    def node(self, number: int) -> Any:
        """0 is the control plane, 1 the worker."""
        return self.engine.containers.get(self.nodes[number])

    def on_node(self, number: int, script: str) -> str:
        code, output = self.node(number).exec_run(["sh", "-c", script])
        text = str(output.decode())
        assert code == 0, text
        return text

    def kubectl(self, *arguments: str) -> str:
        process = subprocess.run(
            [self.testbed.kubectl, "--kubeconfig", str(self.kubeconfig), *arguments],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert process.returncode == 0, process.stdout + process.stderr
        return process.stdout

    def node_containers(self) -> list[Any]:
        found: list[Any] = self.engine.containers.list(
            all=True, ignore_removed=True, filters={"label": f"{KIND_CLUSTER}={self.cluster}"}
        )
        return found

    def delete_cluster(self) -> None:
        """Behind our back: kubeconfig and records stay."""
        for node in self.node_containers():
            node.remove(force=True, v=True)

    def forget_registry(self) -> None:
        """As before the first run, but for the data and the cluster."""
        run_module(
            "registry_connection",
            cluster_name=self.cluster,
            kubeconfig=str(self.kubeconfig),
            registry_name=self.registry,
            state="absent",
            environment=self.environment,
        )
        self.remove_registry()

    def remove_registry(self) -> None:
        try:
            self.container().remove(force=True)
        except NotFound:
            return

    def forget_all(self) -> None:
        """As before the first run, but for the registry's data."""
        self.delete_cluster()
        self.remove_registry()
        remove_leftovers(self.engine, lambda name: name == self.network)
        self.kubeconfig.unlink(missing_ok=True)
        shutil.rmtree(self.folder / "cache", ignore_errors=True)


class Play:
    """A run of ``up`` that can be killed."""

    def __init__(self, variables: dict[str, Any], environment: dict[str, str]) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="kltest-")
        folder = Path(self._folder.name)
        self._output = folder / "output"
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                playbook_command(UP, variables, folder),
                cwd=ROOT,
                env={**playbook_environment(folder, environment), "PYTHONUNBUFFERED": "1"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        return self._output.read_text(errors="replace")

    def reached(self, task: str) -> bool:
        """Whether it has begun this task."""
        return any(line.startswith("TASK [") and task in line for line in self.output.splitlines())

    def result(self, timeout: float = 400) -> PlaybookResult:
        """Wait for its end."""
        code = self.process.wait(timeout)
        result = PlaybookResult(code, self.output, "")
        self._folder.cleanup()
        return result

    def kill(self, group: bool) -> str:
        """SIGKILL to the play alone, or to its process group and the groups of its workers; what it had said."""
        pid = self.process.pid
        # a worker has a group of its own since ansible-core 2.19
        groups = _groups(pid) if group else set()
        output = self.output
        assert self.process.poll() is None, f"it had ended before:\n{output}"
        (os.killpg if group else os.kill)(pid, signal.SIGKILL)
        for other in groups - {pid}:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(other, signal.SIGKILL)
        assert self.process.wait() == -signal.SIGKILL
        return output


def _groups(process: int) -> set[int]:
    """The process groups of all that it started and that is its still."""
    found = set()
    for child in _descendants(process):
        with contextlib.suppress(ProcessLookupError):
            found.add(os.getpgid(child))
    return found


def _descendants(process: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError, ValueError):
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found, left = [], [process]
    while left:
        new = children.get(left.pop(), [])
        found += new
        left += new
    return found
