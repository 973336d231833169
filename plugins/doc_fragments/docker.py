# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation that several modules share: how a Docker Engine is reached."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  docker_host:
    description:
      - Address of the Docker Engine, for example V(unix:///var/run/docker.sock), V(tcp://192.0.2.7:2375) or V(ssh://user@host).
      - When it is not set, the Engine is chosen as Docker's own CLI chooses it. That is E(DOCKER_HOST) if set, then the context named by
        E(DOCKER_CONTEXT), then the current context of the CLI's configuration (Docker Desktop, colima and rootless Docker set one),
        then the platform's default socket.
    type: str
  docker_timeout:
    description:
      - Seconds to wait for one answer of the Engine.
    type: int
    default: 60
requirements:
  - "docker >= 7.1.0 (the Docker SDK for Python)"
  - "A Docker Engine with API 1.41 (Docker 20.10) or newer"
"""
