# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's packages that the testbed needs; only what is missing is installed."""

from __future__ import annotations

import os
import shutil

from tests.testbed.places import Failed, run, say

_PACKAGES = {
    "dockerd": ["docker.io", "iptables", "runc"],
    "debootstrap": ["debootstrap"],
    "busybox": ["busybox-static"],
    "go": ["golang-go"],
}


def need(*commands: str) -> None:
    """Install the packages of the commands that are not there."""
    missing = [command for command in commands if not shutil.which(command, path=_path())]
    if not missing:
        return
    packages = [package for command in missing for package in _PACKAGES[command]]
    if not shutil.which("apt-get"):
        raise Failed(f"{', '.join(missing)} is missing and there is no apt-get; install what has it.")
    say(f"installing {' '.join(packages)}")
    sudo = [] if os.geteuid() == 0 else ["sudo"]
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    run("apt-update", [*sudo, "apt-get", "update", "-qq"], quiet)
    run("apt-install", [*sudo, "apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages], quiet)


def _path() -> str:
    return os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
