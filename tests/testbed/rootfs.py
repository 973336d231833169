# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The root file system of a node, made once by debootstrap."""

from __future__ import annotations

import shutil

from tests.testbed import debian, digest, versions
from tests.testbed.places import ROOTFS, run, say

_STAMP = ROOTFS.with_suffix(".made-from")


def made_from() -> str:
    """The digest of what it is made from."""
    return digest.of([versions.DEBIAN, versions.NODE_PACKAGES])


def need() -> None:
    """Make it unless it is there."""
    if _STAMP.exists() and _STAMP.read_text() == made_from():
        return
    debian.need("debootstrap")
    say("making a node's root file system by debootstrap; this takes about two minutes")
    _STAMP.unlink(missing_ok=True)
    shutil.rmtree(ROOTFS, ignore_errors=True)
    ROOTFS.parent.mkdir(parents=True, exist_ok=True)
    packages = ",".join(versions.NODE_PACKAGES)
    run("debootstrap", ["debootstrap", "--variant=minbase", f"--include={packages}", versions.DEBIAN, str(ROOTFS)])
    _STAMP.write_text(made_from())
