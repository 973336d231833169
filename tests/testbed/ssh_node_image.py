# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node's image lacks to be a machine that Ansible reaches by SSH: sshd and Python, from Debian's packages."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from tests.testbed import engine, versions
from tests.testbed.archive import Layer
from tests.testbed.places import Failed, run

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
# binfmt.d: a service that reads it would wait in vain for what a container has no right to
_LEFT_OUT = (
    "etc/init.d",
    "etc/pam.d",
    "usr/lib/binfmt.d",
    "usr/lib/systemd",
    "usr/share/doc",
    "usr/share/locale",
    "usr/share/man",
)


def make(folder: Path) -> tuple[list[Path], dict[str, Any]]:
    """Its layer, on top of a node's image."""
    tree = folder / "tree"
    _unpack(_download(folder), tree)
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


def _download(folder: Path) -> list[Path]:
    """The packages that a node has not, chosen by its own state and sources: the host may be of another release."""
    root = folder / "apt"
    for name in ("etc/apt", "var/lib/apt/lists/partial", "var/lib/dpkg", "var/cache/apt/archives/partial"):
        (root / name).mkdir(parents=True)
    for name in ("etc/apt/sources.list", "etc/apt/trusted.gpg.d", "var/lib/dpkg/status"):
        engine.copy_out(NODE, f"/{name}", root / name)
    apt = ["apt-get", "-qq", "-o", f"Dir={root}", "-o", f"Dir::State::status={root / 'var/lib/dpkg/status'}"]
    apt += ["-o", "APT::Sandbox::User=root", "-o", "Acquire::Languages=none", "-o", "Debug::NoLocking=true"]
    run("ssh-node-update", [*apt, "update"])
    choose = ["install", "--yes", "--no-install-recommends", "--download-only"]
    run("ssh-node-download", [*apt, *choose, *versions.SSH_NODE_PACKAGES])
    found = sorted((root / "var/cache/apt/archives").glob("*.deb"))
    if not found:
        raise Failed("apt-get downloaded nothing for the node that is reached by SSH; see the cache's logs folder.")
    return found


def _unpack(packages: list[Path], tree: Path) -> None:
    """Into a file system whose /lib is /usr/lib, as the node's is."""
    for name in ("etc", "usr/bin", "usr/lib", "usr/sbin"):
        (tree / name).mkdir(parents=True)
    for name in ("bin", "lib", "sbin"):
        (tree / name).symlink_to(f"usr/{name}")
    excluded = [f"--exclude=./{name}" for name in (*_LEFT_OUT, "lib/systemd")]
    for package in packages:
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(package)], stdout=subprocess.PIPE) as reading:
            command = ["tar", "-x", "--keep-directory-symlink", "-C", str(tree), *excluded]
            code = subprocess.run(command, stdin=reading.stdout, check=False).returncode
        if code or reading.returncode:
            raise Failed(f"{package.name} could not be unpacked.")
