# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers that stand for nodes: sleeping ones with a file system, and lone ones with systemd and containerd."""

from __future__ import annotations

import io
import tarfile
import time
from typing import Any

import docker
from docker.models.containers import Container

CERTS = "/etc/containerd/certs.d"
CONFIG = f"version = 2\n[plugins.'io.containerd.grpc.v1.cri'.registry]\nconfig_path = '{CERTS}'\n"


def sleeping(engine: docker.DockerClient, image: str, name: str, config: str = CONFIG) -> Container:
    """A container without containerd that has its configuration file."""
    container = engine.containers.create(image, ["sleep", "100000"], name=name, network_mode="none")
    put(container, "/etc/containerd/config.toml", config)
    container.start()
    return container


def put(container: Container, path: str, text: str) -> None:
    """Write a file, its folders too."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        info = tarfile.TarInfo(path.lstrip("/"))
        info.size, info.mode, info.mtime = len(text.encode()), 0o644, int(time.time())
        tar.addfile(info, io.BytesIO(text.encode()))
    container.put_archive("/", buffer.getvalue())


def sh(container: Container, script: str) -> str:
    """The output of a shell's lines, which have to succeed."""
    code, output = container.exec_run(["sh", "-c", script])
    text: str = output.decode()
    assert code == 0, text
    return text


def real(engine: docker.DockerClient, image: str, name: str, network: str | None = None, **options: Any) -> Container:
    """A node as kind starts one, without Kubernetes: systemd and containerd run."""
    container = engine.containers.run(
        image,
        name=name,
        detach=True,
        privileged=True,
        # with the host's, systemd would make cgroup hierarchies that every other node then sees
        cgroupns="private",
        security_opt=["seccomp=unconfined", "apparmor=unconfined"],
        tmpfs={"/run": "", "/tmp": ""},
        volumes=["/var"],
        network=network,
        **options,
    )
    deadline = time.monotonic() + 180
    while container.exec_run(["ctr", "version"]).exit_code != 0:
        assert time.monotonic() < deadline, container.logs().decode()
        time.sleep(0.3)
    return container
