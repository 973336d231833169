# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: a registry's container, changed and started without making it anew."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils import (
    _registry_data,
    _registry_health,
    _registry_plan,
)
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_apply import STOP_TIMEOUT, Work
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_observed import Observed
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_spec import Spec

if TYPE_CHECKING:
    from collections.abc import Mapping


def change(
    work: Work,
    spec: Spec,
    values: Mapping[str, Any],
    observed: Observed,
    changes: list[_registry_plan.Change],
    check: bool,
) -> None:
    for change in changes:
        if change.option == "restart_policy":
            work.actions.append(f"Changed the restart policy of '{spec.name}' from {change.before} to {change.after}.")
            if not check:
                work.client.api.update_container(
                    observed.id, restart_policy={"Name": values["restart_policy"], "MaximumRetryCount": 0}
                )
        elif change.option == "networks":
            for network in change.after:
                if network not in change.before:
                    work.actions.append(f"Connected '{spec.name}' to the network '{network}'.")
                    if not check:
                        work.connect(observed.id, network)
    if _cut_off(observed) and not any(change.option == "networks" for change in changes):
        network = _home(observed)
        if observed.status == "running":
            _registry_data.refuse_forgetting(observed, "restarting it, as its network needs,")
        work.actions.append(f"Connected '{spec.name}' to the network '{network}', since it was on none.")
        if not check:
            work.connect(observed.id, network)
            if observed.status == "running":
                # its ports are published again only when it starts
                work.client.api.restart(observed.id, timeout=STOP_TIMEOUT)


def _cut_off(observed: Observed) -> bool:
    mode = str(observed.host_config.get("NetworkMode") or "default")
    return not observed.networks and mode not in ("none", "host") and not mode.startswith("container:")


def _home(observed: Observed) -> str:
    mode = str(observed.host_config.get("NetworkMode") or "default")
    return "bridge" if mode == "default" else mode


def would_awaken(work: Work, observed: Observed) -> None:
    if observed.status == "paused":
        work.actions.append(f"Resumed the registry '{observed.name}', which was paused.")
    elif observed.status != "running":
        work.actions.append(f"Started the registry '{observed.name}', which was {_rest(observed.status)}.")


def awaken(work: Work, observed: Observed) -> None:
    """Running and healthy, without making it anew."""
    client = work.client
    observed.reload()
    if observed.status == "paused":
        client.api.unpause(observed.id)
        work.actions.append(f"Resumed the registry '{observed.name}', which was paused.")
    elif observed.status in ("exited", "created"):
        before = observed.status
        client.api.start(observed.id)
        work.actions.append(f"Started the registry '{observed.name}', which was {_rest(before)}.")
    elif observed.status == "running" and not work.actions and not _registry_health.healthy(client, observed):
        # perhaps it only just started
        with contextlib.suppress(_registry_health.NotHealthy):
            _registry_health.wait(client, observed, min(work.timeout, 5), work.secrets)
            return
        _registry_data.refuse_forgetting(observed, "restarting it because it does not answer")
        client.api.restart(observed.id, timeout=STOP_TIMEOUT)
        work.actions.append(f"Restarted the registry '{observed.name}', which did not answer.")
    try:
        _registry_health.wait(client, observed, work.timeout, work.secrets)
    except _registry_health.NotHealthy as error:
        raise ExpectedError(f"{str(error).rstrip('.')}; see 'docker logs {observed.name}'.", work.actions) from error


def _rest(status: str) -> str:
    return "never started" if status == "created" else "stopped"
