# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The image of a node, as kind expects it: systemd, containerd, the kubelet, and every image that kubeadm wants."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.testbed import kube_images, preload, programs, versions
from tests.testbed.archive import Layer
from tests.testbed.places import HERE, ROOTFS, run

PROGRAMS = (
    "kubernetes",
    "coredns",
    "etcd",
    "containerd",
    "containerd-shim-runc-v2",
    "ctr",
    "local-path-provisioner",
    "pause",
)
_FILES = HERE / "node"
_UNITS = "usr/lib/systemd/system"
_SCRIPTS = ("entrypoint", "node-dns", "own-cgroups", "pod-network")
_MASKED = (
    "systemd-logind.service",
    "getty.target",
    "console-getty.service",
    "systemd-journald-audit.socket",
    "systemd-udevd.service",
)
_LEFT_OUT = (
    "var/cache/apt",
    "var/lib/apt",
    "var/log",
    "usr/share/doc",
    "usr/share/locale",
    "usr/share/man",
    "usr/bin/python3*",
)


def files() -> Iterator[Path]:
    """What it is made from, besides programs and the root file system."""
    yield from _FILES.iterdir()
    yield from (HERE / name for name in ("kube_images.py", "preload.py"))


def make(folder: Path) -> tuple[list[Path], dict[str, Any]]:
    """Its layers: the root file system, the programs, the preloaded images."""
    images = kube_images.names()
    archive = kube_images.write(folder, images)
    return [_root(folder), _programs(folder, images["pause"]), preload.layer(folder, archive)], {
        "Entrypoint": ["/usr/local/bin/entrypoint", "/sbin/init"],
        "Env": ["PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "container=docker"],
        "StopSignal": "SIGRTMIN+3",
    }


def _root(folder: Path) -> Path:
    path = folder / "root.tar"
    excluded = [f"--exclude=./{name}" for name in _LEFT_OUT]
    run("node-root", ["tar", "-C", str(ROOTFS), *excluded, "--sort=name", "-cf", str(path), "."])
    return path


def _programs(folder: Path, pause: str) -> Path:
    layer = Layer(folder / "programs.tar")
    layer.file("usr/bin/kubernetes", programs.ALL["kubernetes"].path)
    for name in ("kubeadm", "kubelet", "kubectl"):
        layer.link(f"usr/bin/{name}", "kubernetes")
    for name in ("coredns", "containerd", "containerd-shim-runc-v2", "ctr"):
        layer.file(f"usr/local/bin/{name}", programs.ALL[name].path)
    for name in _SCRIPTS:
        layer.file(f"usr/local/bin/{name}", _FILES / name)
    for unit in sorted(_FILES.glob("*.service")):
        layer.file(f"etc/systemd/system/{unit.name}", unit, 0o644)
        layer.link(f"etc/systemd/system/multi-user.target.wants/{unit.name}", f"/etc/systemd/system/{unit.name}")
    for unit_name in _MASKED:
        layer.link(f"etc/systemd/system/{unit_name}", "/dev/null")
    layer.link("etc/systemd/system/default.target", f"/{_UNITS}/multi-user.target")
    configuration = (_FILES / "config.toml").read_text().replace("PAUSE", pause)
    layer.content("etc/containerd/config.toml", configuration.encode())
    layer.folder("etc/cni/net.d")
    layer.link("opt/cni/bin", "/usr/lib/cni")
    layer.folder("var/log")
    layer.content("kind/version", versions.KUBERNETES.encode())
    for name in ("default-cni.yaml", "default-storage.yaml"):
        layer.file(f"kind/manifests/{name}", _FILES / name, 0o644)
    return layer.close()
