# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: what speaks against a change of a registry, as one sentence."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Callable

from ansible_collections.kubelocal.registry.plugins.module_utils import (
    _docker,
    _registry_data,
    _registry_port,
)
from ansible_collections.kubelocal.registry.plugins.module_utils import _registry_files as registry_files
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_observed import Observed
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_spec import Spec, is_loopback

with contextlib.suppress(ImportError):  # told by _docker
    from docker.errors import APIError

if TYPE_CHECKING:
    from collections.abc import Mapping


def check_networks(client: Any, spec: Spec) -> None:
    declared = [network for network in spec.networks or () if network != "bridge"]
    if not declared:
        return
    known = {network["Name"] for network in client.api.networks()}
    for network in declared:
        if network not in known:
            raise ExpectedError(
                f"networks: the Docker network '{network}' does not exist; create it (or the cluster that it belongs to) first."
            )


def missing_networks(client: Any, observed: Observed) -> list[str]:
    """Networks that a container is to join at its start, and that were removed meanwhile."""
    if observed.status == "running" or not observed.networks:
        return []
    known = client.api.networks()
    ids, names = {network["Id"] for network in known}, {network["Name"] for network in known}
    return [
        name
        for name, endpoint in observed.networks.items()
        if (endpoint.get("NetworkID") and endpoint["NetworkID"] not in ids) or name not in names
    ]


def check_port(client: Any, values: Mapping[str, Any], observed: Observed | None) -> None:
    address = values["listen_address"] or "0.0.0.0"
    ours = [observed.id] if observed is not None else []
    held = _registry_port.holder(client, address, values["port"], ours)
    if held is not None:
        raise ExpectedError(_registry_port.explain(held, address, values["port"]))


def check_exposure(spec: Spec, observed: Observed, values: Mapping[str, Any]) -> None:
    """Taking users or https away from a registry that listens beyond this machine is refused as listening there is."""
    address = values["listen_address"]
    if not observed.has_own_files or not values["port"] or not address or is_loopback(address) or spec.insecure:
        return
    guarded_before = observed.users or observed.https
    after = registry_files.declared(observed.base, spec, observed.version)
    guarded_after = bool(after.get("auth") or registry_files.dig(after, "http", "tls"))
    if guarded_before and not guarded_after:
        raise ExpectedError(
            f"without users and https the registry '{spec.name}' would be open on {address}; keep one of "
            f"them, set listen_address to 127.0.0.1, or set insecure to true."
        )


def check_volumes(client: Any, volumes: list[str], observed: Observed | None) -> None:
    for volume in volumes:
        others = _registry_data.users_of(client, volume, but=observed.id if observed is not None else "")
        if others:
            raise ExpectedError(
                f"the volume '{volume}' is also used by the container '{others[0]}'; remove that first, or leave purge out to keep the images."
            )


def started(client: Any, values: Mapping[str, Any], old: Observed | None, start: Callable[[], Observed]) -> Observed:
    """Start, and if the port was taken at that very moment, say by whom."""
    try:
        return start()
    except APIError as error:
        text = str(error)
        if values["port"] and ("port is already allocated" in text or "address already in use" in text):
            check_port(client, values, old)
            raise ExpectedError(
                f"port {values['port']} on {values['listen_address']} is already in use; stop what uses it or choose another port (registry_port)."
            ) from error
        if old is not None and error.status_code != 409:
            raise ExpectedError(
                f"the Docker Engine refuses the new container: {_docker.explain(error)}; the old registry was put back."
            ) from error
        raise
