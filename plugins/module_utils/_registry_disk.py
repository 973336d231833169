# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: whether the disk under a registry's data is full. A registry answers a bare 500 then, and logs why."""

from __future__ import annotations

import contextlib
from typing import Any

from ansible_collections.kubelocal.registry.plugins.module_utils import _docker

with contextlib.suppress(ImportError):  # told by the module, from _docker.DOCKER_IMPORT_ERROR
    from docker.errors import APIError, DockerException
    from requests.exceptions import RequestException

MEND = "docker system df"
# no image fits into less
_LEAST_KB = 1024


def is_full(client: Any, name: str) -> bool:
    """Whether nothing can be pushed any more; False too where that can't be known."""
    with contextlib.suppress(APIError, DockerException, RequestException):
        code, output = _docker.run_in(client.containers.get(name), ["df", "-Pk", "/var/lib/registry"])
        free = free_kb(output) if code == 0 else None
        return free is not None and free < _LEAST_KB
    return False


def free_kb(output: str) -> int | None:
    """The free kilobytes in what ``df -Pk`` of one folder prints."""
    words = output.strip().splitlines()[-1].split() if output.strip() else []
    return int(words[3]) if len(words) >= 6 and words[3].isdigit() else None


def told(name: str) -> str:
    """The fault for people."""
    return f"the disk under the data of '{name}' is full"
