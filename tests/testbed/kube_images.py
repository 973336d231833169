# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The images that kubeadm and kind start on a node."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.testbed import archive, programs, small_images, versions
from tests.testbed.archive import ImageContent, Layer
from tests.testbed.places import ROOTFS

_COMPONENTS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy")
_PATH = ["PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"]


def names() -> dict[str, str]:
    """Kubeadm's name of each image, by its last part: etcd, pause ..."""
    command = ["kubeadm", "config", "images", "list", "--kubernetes-version", versions.KUBERNETES]
    kubernetes = str(programs.ALL["kubernetes"].path)
    listed = subprocess.run(command, executable=kubernetes, capture_output=True, text=True, check=True).stdout.split()
    return {name.rsplit(":", 1)[0].rsplit("/", 1)[1]: name for name in listed}


def write(folder: Path, names: dict[str, str]) -> Path:
    """One archive of all of them. The components' images are one, under four names."""
    busybox, configuration = small_images.busybox(folder)
    busybox = [path.rename(folder / "busybox.tar") for path in busybox]
    images = [
        ImageContent([names[name] for name in _COMPONENTS], [_components(folder)], {"Env": _PATH}),
        ImageContent(["testbed/busybox:1"], busybox, configuration),
        ImageContent(["testbed/local-path-provisioner:1"], [_one(folder, "local-path-provisioner")], {"Env": _PATH}),
        ImageContent([names["etcd"]], [_one(folder, "etcd")], {"Env": _PATH}),
    ]
    for name in ("coredns", "pause"):
        entrypoint = {"Env": _PATH, "Entrypoint": [f"/usr/local/bin/{name}"]}
        images.append(ImageContent([names[name]], [_one(folder, name)], entrypoint))
    return archive.write(folder / "kube-images.tar", images)


def _one(folder: Path, program: str) -> Path:
    layer = Layer(folder / f"{program}.tar")
    layer.file(f"usr/local/bin/{program}", programs.ALL[program].path)
    layer.folder("tmp", 0o1777)
    return layer.close()


def _components(folder: Path) -> Path:
    layer = Layer(folder / "components.tar")
    layer.file("usr/local/bin/kubernetes", programs.ALL["kubernetes"].path)
    for name in _COMPONENTS:
        layer.link(f"usr/local/bin/{name}", "kubernetes")
    layer.folder("tmp", 0o1777)
    layer.folder("run")
    _add_iptables(layer)
    return layer.close()


def _add_iptables(layer: Layer) -> None:
    """What kube-proxy calls, with the libraries that these load (ldd does not name libm: an extension loads it)."""
    libraries = {f"/{libm.relative_to(ROOTFS)}" for libm in ROOTFS.glob("usr/lib/*/libm.so.6")}
    for name in ("xtables-nft-multi", "xtables-legacy-multi", "conntrack"):
        layer.file(f"usr/sbin/{name}", ROOTFS / "usr/sbin" / name)
        command = ["chroot", str(ROOTFS), "ldd", f"/usr/sbin/{name}"]
        listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        libraries |= set(re.findall(r"/\S+", listed))
    for library in sorted(libraries):
        layer.file(library[1:], ROOTFS / library[1:])
    for extensions in sorted(ROOTFS.glob("usr/lib/*/xtables")):
        layer.tree(str(extensions.relative_to(ROOTFS)), extensions)
    for name in ("iptables", "ip6tables"):
        for suffix in ("", "-save", "-restore"):
            layer.link(f"usr/sbin/{name}{suffix}", "xtables-nft-multi")
