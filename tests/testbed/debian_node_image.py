# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine reached by SSH whose containerd is Debian's package, with the service and configuration that it brings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.testbed import node_packages, ssh_node_image, versions
from tests.testbed.archive import Layer

SSH_NODE = ssh_node_image.NODE.replace("kind-node", "ssh-node")
_PROGRAMS = ("containerd", "containerd-shim-runc-v2", "ctr")


def make(folder: Path) -> tuple[list[Path], dict[str, Any]]:
    """Its layer, on top of the image of a machine reached by SSH."""
    tree = node_packages.tree(folder, SSH_NODE, versions.DEBIAN_NODE_PACKAGES)
    layer = Layer(folder / "layer.tar")
    for name in ("etc", "usr"):
        layer.tree(name, tree / name)
    for program in _PROGRAMS:
        # the node's own would come first
        layer.link(f"usr/local/bin/{program}", f"/usr/bin/{program}")
    unit = next(tree.glob("usr/lib/systemd/system/containerd.service"))
    layer.content("etc/systemd/system/containerd.service", unit.read_bytes())
    return [layer.close()], {}
