# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removes what earlier, dead runs of the tests left in Docker, and what this one makes when it ends."""

from __future__ import annotations

import contextlib

import docker

from tests.support.names import is_leftover
from tests.support.removal import remove_leftovers


def remove(prefix: str = "") -> list[str]:
    """What was removed: leftovers, and what has the prefix; nothing when no Engine answers."""
    try:
        client = docker.from_env(version="auto", timeout=120)
    except docker.errors.DockerException:
        return []
    with contextlib.closing(client):
        return remove_leftovers(client, lambda name: is_leftover(name) or bool(prefix and name.startswith(prefix)))


if __name__ == "__main__":
    for thing in remove():
        print(f"removed {thing}, left by an earlier run")
