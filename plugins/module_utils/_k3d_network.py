# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: containers put on the network that k3d makes, before the nodes on it pull their first images."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils import _registry_network
from ansible_collections.kubelocal.registry.plugins.module_utils._docker import EngineError, explain

try:
    from docker.errors import DockerException, NotFound
    from requests.exceptions import RequestException
except ImportError:  # told by the module, by way of _docker.DOCKER_IMPORT_ERROR
    pass

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# the network is the first thing that k3d makes
_PATIENCE = 30


def join(client: Any, names: Sequence[str], network: str, running: Callable[[], bool]) -> list[str]:
    """Put the containers on the network as soon as it is there; the sentences of what was done.

    What can't be done now is no error: the role connect does it when the nodes are there.
    """
    if not names or not _appears(client, network, running):
        return []
    done: list[str] = []
    for name in names:
        try:
            done += _registry_network.join(client, client.containers.get(name), network, False)
        except NotFound:
            continue
        except (DockerException, RequestException, OSError) as error:
            raise EngineError(f"the container {name} can't be looked up: {explain(error)}.") from error
    return done


def _appears(client: Any, network: str, running: Callable[[], bool]) -> bool:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        try:
            if any(found.name == network for found in client.networks.list(names=[network])):
                return True
        except (DockerException, RequestException, OSError) as error:
            raise EngineError(f"networks can't be listed: {explain(error)}.") from error
        if not running():
            return False
        time.sleep(0.2)
    return False
