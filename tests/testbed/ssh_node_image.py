# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node's image lacks to be a machine that Ansible reaches by SSH: sshd and Python, from Debian's packages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.testbed import engine, node_packages, versions
from tests.testbed.archive import Layer

NODE = f"testbed/kind-node:{versions.KUBERNETES}"
_CONFIG = b"""HostKey /etc/ssh/ssh_host_ed25519_key
PermitRootLogin prohibit-password
PasswordAuthentication no
UsePAM no
Subsystem sftp internal-sftp
"""
_UNIT = b"""[Unit]
Description=OpenSSH server

[Service]
RuntimeDirectory=sshd
ExecStartPre=/usr/bin/ssh-keygen -A
ExecStart=/usr/sbin/sshd -D
Restart=on-failure

[Install]
WantedBy=multi-user.target
"""


def make(folder: Path) -> tuple[list[Path], dict[str, Any]]:
    """Its layer, on top of a node's image."""
    tree = node_packages.tree(folder, NODE, versions.SSH_NODE_PACKAGES, ("usr/lib/systemd", "lib/systemd"))
    passwd = folder / "passwd"
    engine.copy_out(NODE, "/etc/passwd", passwd)
    layer = Layer(folder / "layer.tar")
    for name in ("etc", "usr"):
        layer.tree(name, tree / name)
    layer.content("etc/passwd", passwd.read_bytes() + b"sshd:x:101:65534::/run/sshd:/usr/sbin/nologin\n")
    layer.content("etc/ssh/sshd_config", _CONFIG)
    layer.content("etc/systemd/system/ssh.service", _UNIT)
    layer.link("etc/systemd/system/multi-user.target.wants/ssh.service", "/etc/systemd/system/ssh.service")
    layer.folder("root/.ssh", 0o700)
    return [layer.close()], {}
