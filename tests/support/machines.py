# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines that are reached by SSH only: containers with systemd, containerd, sshd and Python, and no Kubernetes."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
from docker.models.containers import Container

from tests.support import nodes

SSH_IMAGE = "testbed/ssh-node:v1.34.4"
DEBIAN_IMAGE = "testbed/debian-node:v1.34.4"
_OPTIONS = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o ConnectTimeout=5"


def have(image: str) -> bool:
    """Whether the Engine has an image; not where there is no Engine."""
    command = ["docker", "image", "inspect", image]
    return shutil.which("docker") is not None and not subprocess.run(command, capture_output=True).returncode


@dataclass
class Machines:
    """The machines of one network, by name, and a key that opens them; ``gateway`` is this machine's address there."""

    engine: docker.DockerClient
    network: str
    key: Path
    gateway: str = ""
    by_name: dict[str, Container] = field(default_factory=dict)

    @classmethod
    def on(cls, engine: docker.DockerClient, network: str, folder: Path) -> Machines:
        """None yet, on a network that is there."""
        key = folder / "key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
        gateways = [str(each.get("Gateway", "")) for each in engine.networks.get(network).attrs["IPAM"]["Config"]]
        # kind's networks have an IPv6 one too
        return cls(engine, network, key, next(each for each in gateways if each and ":" not in each))

    def start(self, name: str, image: str = SSH_IMAGE, **options: Any) -> Container:
        """A new one."""
        return self.add(nodes.real(self.engine, image, name, network=self.network, **options))

    def add(self, machine: Container) -> Container:
        """One that is there already, let in by the key."""
        home = nodes.sh(machine, "echo ~").strip()
        nodes.put(machine, f"{home}/.ssh/authorized_keys", self.key.with_suffix(".pub").read_text())
        machine.reload()
        self.by_name[machine.name] = machine
        return machine

    def address(self, name: str) -> str:
        """Where a machine is reached."""
        return str(self.by_name[name].attrs["NetworkSettings"]["Networks"][self.network]["IPAddress"])

    def group(self, names: Iterable[str] = (), **variables: Any) -> dict[str, Any]:
        """A group of an inventory: all of them, or those named."""
        return {
            "hosts": {name: {"ansible_host": self.address(name)} for name in names or self.by_name},
            "vars": {
                "ansible_user": "root",
                "ansible_python_interpreter": "/usr/bin/python3",
                "ansible_ssh_private_key_file": str(self.key),
                "ansible_ssh_common_args": _OPTIONS,
                **variables,
            },
        }
