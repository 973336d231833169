# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's packages that an image of a node lacks, as a tree of their files."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path

from tests.testbed import engine
from tests.testbed.places import Failed, run

# binfmt.d: a service that reads it would wait in vain for what a container has no right to
_LEFT_OUT = (
    "etc/init.d",
    "etc/pam.d",
    "usr/lib/binfmt.d",
    "usr/share/doc",
    "usr/share/locale",
    "usr/share/man",
)


def tree(folder: Path, image: str, packages: Iterable[str], leave_out: Iterable[str] = ()) -> Path:
    """The files of these packages, and of those that they need and the image has not."""
    found = folder / "tree"
    _unpack(_download(folder, image, packages), found, [*_LEFT_OUT, *leave_out])
    return found


def _download(folder: Path, image: str, packages: Iterable[str]) -> list[Path]:
    """Chosen by the node's own state and sources: the host may be of another release."""
    root = folder / "apt"
    for name in ("etc/apt", "var/lib/apt/lists/partial", "var/lib/dpkg", "var/cache/apt/archives/partial"):
        (root / name).mkdir(parents=True)
    for name in ("etc/apt/sources.list", "etc/apt/trusted.gpg.d", "var/lib/dpkg/status"):
        engine.copy_out(image, f"/{name}", root / name)
    apt = ["apt-get", "-qq", "-o", f"Dir={root}", "-o", f"Dir::State::status={root / 'var/lib/dpkg/status'}"]
    apt += ["-o", "APT::Sandbox::User=root", "-o", "Acquire::Languages=none", "-o", "Debug::NoLocking=true"]
    run("node-packages-update", [*apt, "update"])
    choose = ["install", "--yes", "--no-install-recommends", "--download-only"]
    run("node-packages-download", [*apt, *choose, *packages])
    found = sorted((root / "var/cache/apt/archives").glob("*.deb"))
    if not found:
        raise Failed(f"apt-get downloaded nothing of {', '.join(packages)} for {image}; see the cache's logs folder.")
    return found


def _unpack(packages: list[Path], into: Path, leave_out: list[str]) -> None:
    """Into a file system whose /lib is /usr/lib, as the node's is."""
    for name in ("etc", "usr/bin", "usr/lib", "usr/sbin"):
        (into / name).mkdir(parents=True)
    for name in ("bin", "lib", "sbin"):
        (into / name).symlink_to(f"usr/{name}")
    excluded = [f"--exclude=./{name}" for name in leave_out]
    for package in packages:
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(package)], stdout=subprocess.PIPE) as reading:
            command = ["tar", "-x", "--keep-directory-symlink", "-C", str(into), *excluded]
            code = subprocess.run(command, stdin=reading.stdout, check=False).returncode
        if code or reading.returncode:
            raise Failed(f"{package.name} could not be unpacked.")
