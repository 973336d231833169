# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A kind cluster made by kind itself, for tests of what works on clusters."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
from docker.models.containers import Container

from tests.support.removal import KIND_CLUSTER
from tests.support.testbed import Testbed
from tests.support.waiting import wait_for

# as kind's documentation tells people to prepare a cluster for a local registry
_CONFIG_PATH = """[plugins."io.containerd.grpc.v1.cri".registry]
  config_path = "/etc/containerd/certs.d"
"""


@dataclass(frozen=True)
class Cluster:
    """Where a running cluster is; ``nodes`` are its containers' names, the control plane first."""

    name: str
    kubeconfig: Path
    network: str
    nodes: list[str]
    kubectl_program: str
    provider: str = "kind"

    @property
    def context(self) -> str:
        """The context's name in ``kubeconfig``."""
        return f"{self.provider}-{self.name}"

    def kubectl(self, *arguments: str, input: str | None = None, fails: bool = False) -> str:
        """What kubectl prints; an AssertionError unless it fails exactly when ``fails`` says so."""
        process = subprocess.run(
            [self.kubectl_program, "--kubeconfig", str(self.kubeconfig), "--context", self.context, *arguments],
            input=input,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert (process.returncode != 0) == fails, process.stdout + process.stderr
        return process.stderr if fails else process.stdout

    def get(self, *arguments: str) -> dict[str, Any]:
        """The objects that ``kubectl get`` shows."""
        answer: dict[str, Any] = json.loads(self.kubectl("get", "-o", "json", *arguments))
        return answer


def create(testbed: Testbed, name: str, folder: Path, workers: int = 1, network: str = "") -> None:
    """Make a kind cluster; its kubeconfig is ``folder/kubeconfig``."""
    nodes = [{"role": "control-plane"}] + [{"role": "worker"}] * workers
    configuration: dict[str, Any] = {"kind": "Cluster", "apiVersion": "kind.x-k8s.io/v1alpha4", "nodes": nodes}
    configuration.update(testbed.variables.get("kind_config") or {})
    configuration["containerdConfigPatches"] = [_CONFIG_PATH]
    environment = {**os.environ, "KUBECONFIG": str(folder / "kubeconfig")}
    if network:
        environment["KIND_EXPERIMENTAL_DOCKER_NETWORK"] = network
    with tempfile.NamedTemporaryFile("w", suffix=".json", dir=folder) as file:
        json.dump(configuration, file)
        file.flush()
        command = [testbed.kind, "create", "cluster", "--name", name, "--config", file.name]
        command += ["--image", testbed.node_image] if testbed.node_image else []
        process = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert process.returncode == 0, process.stdout + process.stderr


def describe(client: docker.DockerClient, testbed: Testbed, name: str, kubeconfig: Path) -> Cluster:
    """The running kind cluster of this name, as Docker shows it."""
    nodes = client.containers.list(filters={"label": f"{KIND_CLUSTER}={name}"})
    assert nodes, f"no kind cluster {name} runs"
    network = next(iter(nodes[0].attrs["NetworkSettings"]["Networks"]))
    return Cluster(
        name=name,
        kubeconfig=kubeconfig,
        network=network,
        nodes=sorted(node.name for node in nodes),
        kubectl_program=testbed.kubectl,
    )


def add_worker(client: docker.DockerClient, cluster: Cluster, name: str) -> Container:
    """A worker that kind knows nothing of, added by hand; its container."""
    main = client.containers.get(cluster.nodes[0])
    added: Container = client.containers.run(
        main.attrs["Config"]["Image"],
        name=name,
        hostname=name,
        detach=True,
        tty=True,
        privileged=True,
        cgroupns="private",
        network=cluster.network,
        labels={KIND_CLUSTER: cluster.name, "io.x-k8s.kind.role": "worker"},
        tmpfs={"/run": "", "/tmp": ""},
        volumes=["/var", "/lib/modules:/lib/modules:ro"],
    )
    wait_for("containerd on it", lambda: added.exec_run(["ctr", "version"]).exit_code == 0, 180)
    _code, join = main.exec_run(["kubeadm", "token", "create", "--print-join-command"], stderr=False)
    code, output = added.exec_run([*join.decode().split(), "--ignore-preflight-errors=all"])
    assert code == 0, output.decode()[-2000:]
    return added
