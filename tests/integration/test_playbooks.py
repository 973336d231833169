# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The main job as a person does it: up, use it, break it, mend it, down."""

from __future__ import annotations

import io
import json
import os
import shlex
import subprocess
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.errors import NotFound

from ansible_collections.kubelocal.registry.plugins.plugin_utils import _variables
from tests.support.modules import run_module
from tests.support.names import Names
from tests.support.playbooks import PlaybookResult, run_playbook
from tests.support.registry import tags
from tests.support.testbed import Testbed

UP, DOWN, STATUS = "kubelocal.registry.up", "kubelocal.registry.down", "kubelocal.registry.status"


class Job:
    """The variables of one cluster with its registry, and what is looked at again and again."""

    def __init__(self, engine: docker.DockerClient, testbed: Testbed, names: Names, port: int, folder: Path) -> None:
        self.engine = engine
        self.testbed = testbed
        self.cluster = names("c")
        self.registry = names("r")
        self.host = f"localhost:{port}"
        self.kubeconfig = folder / "kubeconfig"
        self.status_file = folder / "status.json"
        programs = [str(Path(program).parent) for program in (testbed.kind, testbed.kubectl)]
        self.environment = {
            "KIND_EXPERIMENTAL_DOCKER_NETWORK": names("n"),
            "PATH": os.pathsep.join([*programs, os.environ["PATH"]]),
        }
        self.variables = {
            **testbed.variables,
            "cluster_name": self.cluster,
            "cluster_kubeconfig": str(self.kubeconfig),
            "kind_workers": 1,
            "registry_name": self.registry,
            "registry_port": port,
        }

    def run(self, playbook: str, *arguments: str, **options: Any) -> PlaybookResult:
        return run_playbook(playbook, self.variables, *arguments, environment=self.environment, **options)

    def status(self, fails: bool) -> dict[str, dict[str, Any]]:
        """The links by name, as the file for machines has them."""
        self.status_file.unlink(missing_ok=True)
        self.run(STATUS, "-e", f"status_file={self.status_file}", fails=fails)
        status = json.loads(self.status_file.read_text())
        assert status["ok"] is not fails
        return {link["link"]: link for link in status["links"]}

    def shell(self, command: str) -> str:
        """A command as a person would type it."""
        process = subprocess.run(
            shlex.split(command),
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert process.returncode == 0, f"{command}\n{process.stdout}{process.stderr}"
        return process.stdout

    def kubectl(self, arguments: str) -> str:
        return self.shell(f"kubectl --kubeconfig={self.kubeconfig} --context=kind-{self.cluster} {arguments}")

    def node(self, suffix: str) -> Any:
        return self.engine.containers.get(f"{self.cluster}-{suffix}")

    def exists(self) -> list[str]:
        """Whatever of ours Docker has."""
        found = [container.name for container in self.engine.containers.list(all=True, ignore_removed=True)]
        found += [volume.name for volume in self.engine.volumes.list()]
        return sorted(name for name in found if name.startswith((self.cluster, self.registry)))


@pytest.fixture
def job(
    engine: docker.DockerClient, testbed: Testbed, names: Names, free_port: Callable[[], int], tmp_path: Path
) -> Job:
    return Job(engine, testbed, names, free_port(), tmp_path)


def as_text(job: Job) -> list[str]:
    """Every boolean and every number that a variable can hold, as the command line gives them: what is so anyway."""
    found = []
    for name, option in sorted(_variables.known_options().items()):
        value = job.variables.get(name, option.get("default"))
        if option.get("type") in ("bool", "int") and value is not None:
            found += ["-e", f"{name}={value}"]
    assert len(found) > 40
    return found


def typed_next(output: str) -> list[str]:
    """The commands that the report printed."""
    return [line.strip() for line in output.partition("Type next:\n")[2].splitlines()[:3]]


@pytest.mark.cluster
def test_up_use_break_mend_down(job: Job) -> None:
    _check_leaves_nothing(job)
    _first_run_makes_it(job)
    _second_run_changes_nothing(job)
    _faults_are_named_and_mended(job)
    _down_keeps_what_others_use(job)
    _down_keeps_images_until_told(job)


def _check_leaves_nothing(job: Job) -> None:
    result = job.run(UP, "--diff", check=True)
    assert "would have this registry" in result.stdout
    assert job.exists() == []
    assert not job.kubeconfig.exists()


def _first_run_makes_it(job: Job) -> None:
    result = job.run(UP)
    assert result.changed["localhost"] > 0
    assert "a push and a pull on 2 nodes worked" in result.stdout
    table = [line.split() for line in result.stdout.splitlines()]
    assert [job.host, "ok", "ok", "-"] in table
    assert [f"{job.registry}:5000", "-", "ok", "ok"] in table
    # the commands work as typed, and the pod that they start is pulled from the registry
    for command in typed_next(result.stdout):
        job.shell(command)
    job.shell(f"docker rmi {job.host}/hello:1")
    job.kubectl("wait --for=condition=Ready --timeout=60s pod/hello")
    assert tags(job.host, "hello") == ["1"]
    # what the proof made for a while is gone
    assert tags(job.host, "kubelocal/proof") == ["1"]
    assert "kubelocal-proof" not in job.kubectl("get pods --all-namespaces")


def _second_run_changes_nothing(job: Job) -> None:
    result = job.run(UP)
    assert result.changed == {"localhost": 0}
    assert len([line for line in result.stdout.splitlines() if line.strip()]) < 30, result.stdout
    links = job.status(fails=False)
    wanted = {"engine", "container", "port", "/v2/", "images", "network", "configmap", "pod"}
    nodes = [f"{job.cluster}-control-plane", f"{job.cluster}-worker"]
    wanted |= {f"{link} {node}" for link in ("hosts.toml", "containerd", "pull") for node in nodes}
    assert wanted <= set(links)
    assert all(link["ok"] for link in links.values()), links
    # given as text, as the command line does
    text = job.run(UP, *as_text(job), "-e", "up_proof=false")
    assert text.changed == {"localhost": 0}, text.stdout
    assert "not proved" in text.stdout
    assert job.run(STATUS, *as_text(job), "-e", "status_proof=no").changed == {"localhost": 0}


def _faults_are_named_and_mended(job: Job) -> None:
    job.engine.containers.get(job.registry).stop(timeout=1)
    job.node("worker").exec_run(["rm", "-rf", f"/etc/containerd/certs.d/{job.host}"])
    job.kubectl("delete configmap -n kube-public local-registry-hosting")
    links = job.status(fails=True)
    assert links["container"]["ok"] is False
    assert "exited" in links["container"]["detail"]
    assert links["configmap"]["ok"] is False
    assert f"-e cluster_name={job.cluster}" in links["container"]["mend"]
    # the command that status names mends it; the file that it can't know comes from the person
    mended = job.run(UP)
    assert "with a layer that was new" in mended.stdout
    assert all(link["ok"] for link in job.status(fails=False).values())
    job.node("worker").exec_run(["rm", "-rf", f"/etc/containerd/certs.d/{job.host}"])
    links = job.status(fails=True)
    assert links[f"hosts.toml {job.cluster}-worker"]["ok"] is False
    assert links[f"pull {job.cluster}-worker"]["ok"] is False
    assert links[f"pull {job.cluster}-control-plane"]["ok"] is True
    job.run(UP, "-e", "up_proof=no")


def _down_keeps_what_others_use(job: Job) -> None:
    other = job.engine.containers.create(
        job.testbed.busybox_image,
        name=f"{job.cluster}-other",
        labels={"io.x-k8s.kind.cluster": f"{job.cluster}-foreign", "io.x-k8s.kind.role": "worker"},
    )
    archive = io.BytesIO()
    text = f'[host."http://{job.registry}:5000"]\n'.encode()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        info = tarfile.TarInfo(f"etc/containerd/certs.d/{job.host}/hosts.toml")
        info.size = len(text)
        tar.addfile(info, io.BytesIO(text))
    other.put_archive("/", archive.getvalue())
    checked = job.run(DOWN, check=True)
    assert checked.changed["localhost"] == 1
    assert job.node("worker").status == "running"
    result = job.run(DOWN)
    assert f"stays: kind cluster '{job.cluster}-foreign' uses it" in result.stdout
    assert job.exists() == sorted([other.name, job.registry, f"{job.registry}-data"])
    assert job.engine.containers.get(job.registry).status == "running"
    other.remove(force=True)


def _down_keeps_images_until_told(job: Job) -> None:
    job.run(DOWN, "-e", "registry_persistent=true")
    assert job.engine.containers.get(job.registry).status == "running"
    assert job.run(DOWN).changed == {"localhost": 1}
    assert job.exists() == [f"{job.registry}-data"]
    assert job.run(DOWN).changed == {"localhost": 0}
    run_module(
        "registry_container",
        name=job.registry,
        port=job.variables["registry_port"],
        image=job.testbed.registry_image,
    )
    assert tags(job.host, "hello") == ["1"]
    job.run(DOWN, *as_text(job), "-e", "registry_purge=true")
    assert job.exists() == []
    with pytest.raises(NotFound):
        job.engine.volumes.get(f"{job.registry}-data")


def test_bad_input_fails_before_anything_is_touched(job: Job) -> None:
    bad = {"registry_port": "70000", "cluster_name": "a;b", "registry_prot": 1, "up_proof": "perhaps"}
    for playbook in (UP, DOWN, STATUS):
        started = time.time()
        result = job.run(playbook, "-e", json.dumps(bad), fails=True)
        for words in ("registry_port: '70000'", "'a;b'", "did you mean 'registry_port'", "up_proof: 'perhaps'"):
            assert words in result.failed_message
        assert result.recap["localhost"]["ok"] == 0
        assert time.time() - started < 30
    assert job.exists() == []


def test_down_and_status_where_there_is_nothing(job: Job) -> None:
    assert job.run(DOWN).changed == {"localhost": 0}
    links = job.status(fails=True)
    assert links["container"]["ok"] is False
    assert links["cluster"]["ok"] is False
