# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster made by the real k3d, where there is one; a test that needs it is skipped elsewhere."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.support import testbed as testbeds
from tests.support.modules import run_module
from tests.support.registry import pull, push_image

PROGRAM = shutil.which("k3d")
# k3d's own default if nothing is told
IMAGE = os.environ.get("KUBELOCAL_TEST_K3S_IMAGE")
NEEDED = pytest.mark.skipif(PROGRAM is None, reason="k3d is not on PATH, and in no package registry")
CERTS = "/var/lib/rancher/k3s/agent/etc/containerd/certs.d"
REGISTRIES = "/etc/rancher/k3s/registries.yaml"


@dataclass
class K3dCluster:
    """A cluster and its registry, as the modules are told to have them."""

    engine: docker.DockerClient
    name: str
    registry: str
    port: int
    registry_image: str
    folder: Path
    agents: int = 0
    digest: str = ""

    @property
    def kubeconfig(self) -> str:
        """The file that the cluster's context is in."""
        return str(self.folder / "kubeconfig")

    @property
    def server(self) -> Any:
        """The first server's container."""
        return self.engine.containers.get(f"k3d-{self.name}-server-0")

    @property
    def tree(self) -> str:
        """The file on a node that leads ``localhost:PORT`` to the registry."""
        return f"{CERTS}/localhost:{self.port}/hosts.toml"

    def kubectl(self, *arguments: str) -> str:
        """What it prints."""
        options = ["--kubeconfig", self.kubeconfig, "--context", f"k3d-{self.name}"]
        process = subprocess.run(
            [testbeds.load().kubectl, *options, *arguments], capture_output=True, text=True, timeout=120, check=False
        )
        assert process.returncode == 0, process.stdout + process.stderr
        return process.stdout

    def run(self, module: str, **options: Any) -> dict[str, Any]:
        """A module's result, with records and logs of k3d's runs kept in the test's folder."""
        return run_module(module, environment={"XDG_CACHE_HOME": str(self.folder / "cache")}, **options)

    def cluster(self, **options: Any) -> dict[str, Any]:
        """Have the cluster, or what ``options`` say."""
        given = {
            "name": self.name,
            "agents": self.agents,
            "image": IMAGE,
            "kubeconfig": self.kubeconfig,
            "config": {"options": {"k3d": {"disableLoadbalancer": True}}},
        }
        return self.run("k3d_cluster", **{**given, **options})

    def connect(self) -> dict[str, Any]:
        """Have it connected to the registry."""
        return self.run(
            "registry_connection",
            provider="k3d",
            cluster_name=self.name,
            registry_name=self.registry,
            kubeconfig=self.kubeconfig,
        )

    def up(self) -> list[str]:
        """Everything as ``up`` has it; what was done."""
        results = [
            self.cluster(),
            self.run("registry_container", name=self.registry, port=self.port, image=self.registry_image),
            self.connect(),
        ]
        actions = [action for result in results for action in result["actions"]]
        assert any(result["changed"] for result in results) == bool(actions)
        return actions

    def keep(self) -> None:
        """Push the image that every repair has to leave where it is."""
        self.digest = push_image(f"localhost:{self.port}", "kept", "v1")

    def kept(self) -> bool:
        """Whether it is there still."""
        return pull(f"localhost:{self.port}", "kept:v1") == self.digest

    def broken(self) -> dict[str, str]:
        """What status finds wrong: link and text."""
        status = self.run(
            "registry_status",
            provider="k3d",
            kubeconfig=self.kubeconfig,
            registry_name=self.registry,
            registry_port=self.port,
            proof=False,
            more={"name": self.name},
        )["status"]
        return {link["link"]: link["detail"] for link in status["links"] if link["ok"] is False}

    def prove(self) -> None:
        """Every node's kubelet pulls a layer that no node has, by both of the registry's names."""
        self.run(
            "registry_proof",
            registry_name=self.registry,
            fresh=True,
            kubeconfig=self.kubeconfig,
            context=f"k3d-{self.name}",
        )
