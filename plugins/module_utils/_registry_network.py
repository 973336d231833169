# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: a registry's container on the network that a cluster's nodes use.

The network is the cluster's: it is joined and left, never created or removed.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.kubelocal.registry.plugins.module_utils._docker import EngineError, explain
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError

try:
    from docker.errors import APIError, DockerException, NotFound
    from requests.exceptions import RequestException
except ImportError:  # told by the module, by way of _docker.DOCKER_IMPORT_ERROR
    pass

# Docker's own networks, on which containers don't find each other by name
_NAMELESS = ("bridge", "host", "none")


def join(client: Any, container: Any, network: str, check: bool) -> list[str]:
    """Put ``container`` (inspected) on ``network`` under its name; the sentences of what was done."""
    name = str(container.name)
    if network in _NAMELESS:
        raise ExpectedError(
            f"the cluster's nodes are on Docker's network '{network}', on which they can't find the container {name} by name; "
            "make the cluster on a network of its own (docker network create)."
        )
    if network in _joined(container):
        return []
    try:
        found = client.networks.get(network)
        if not check:
            # an alias too, so that the name that nodes were told outlives a rename
            found.connect(container, aliases=[name])
    except NotFound as error:
        raise ExpectedError(
            f"there is no Docker network '{network}' to join {name} to; the cluster's tool makes it, so create the cluster first."
        ) from error
    except APIError as error:
        if "already exists" not in explain(error):  # another run was faster
            raise EngineError(f"{name} can't join the network '{network}': {explain(error)}.") from error
    except (DockerException, RequestException, OSError) as error:
        raise EngineError(f"{name} can't join the network '{network}': {explain(error)}.") from error
    return [f"Joined {name} to the network {network}."]


def leave(client: Any, container: Any, network: str, check: bool) -> list[str]:
    """Take ``container`` off ``network``."""
    name = str(container.name)
    if network not in _joined(container):
        return []
    try:
        if not check:
            client.networks.get(network).disconnect(container)
    except NotFound:
        return []
    except APIError as error:
        if "is not connected" in explain(error):
            return []
        raise EngineError(f"{name} can't leave the network '{network}': {explain(error)}.") from error
    except (DockerException, RequestException, OSError) as error:
        raise EngineError(f"{name} can't leave the network '{network}': {explain(error)}.") from error
    return [f"Took {name} off the network {network}."]


def _joined(container: Any) -> dict[str, Any]:
    return dict((container.attrs.get("NetworkSettings") or {}).get("Networks") or {})
