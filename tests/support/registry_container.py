# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Registries of others, and what the module registry_container makes of them."""

from __future__ import annotations

import time
from typing import Any

import docker

from tests.support.modules import run_module
from tests.support.registry import push_image


def registry(name: str, fails: bool = False, process: dict[str, str] | None = None, **options: Any) -> dict[str, Any]:
    """The module's answer; its option ``environment`` is not the module's process's, which is ``process``."""
    more = {key: options.pop(key) for key in ("environment",) if key in options}
    return run_module("registry_container", fails=fails, environment=process, name=name, more=more, **options)


def run(engine: docker.DockerClient, image: str, name: str, port: int, **arguments: Any) -> Any:
    """A registry as kind's documented script makes it."""
    given = {
        "restart_policy": {"Name": "always"},
        "network": "bridge",
        "ports": {"5000/tcp": ("127.0.0.1", port)},
        **arguments,
    }
    return engine.containers.run(image, name=name, detach=True, **given)


def push(port: int, **arguments: Any) -> str:
    """Push to a registry that may only just have started; the image's digest."""
    deadline = time.monotonic() + 20
    while True:
        try:
            return push_image(f"localhost:{port}", "kept", "v1", **arguments)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
