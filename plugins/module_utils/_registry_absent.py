# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: a registry, removed; its images are kept unless they are to go."""

from __future__ import annotations

import contextlib

from ansible_collections.kubelocal.registry.plugins.module_utils import (
    _registry_answer,
    _registry_data,
    _registry_find,
    _registry_obstacles,
)
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_answer import Result
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_apply import Work
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_observed import Data, Observed
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_spec import Spec

with contextlib.suppress(ImportError):  # told by _docker
    from docker.errors import APIError
    from requests.exceptions import RequestException


def absent(work: Work, spec: Spec, check: bool, purge: bool) -> Result:
    client = work.client
    observed = _registry_find.observed(work, spec)
    target = spec.data_volume
    result = Result(actions=work.actions, before={"state": "absent"}, after={"state": "absent"})
    volumes = [target] if purge else []
    if observed is not None:
        data = observed.data
        if purge and data.kind == "volume" and data.name not in volumes:
            volumes.append(data.name)
        if purge and data.kind == "bind":
            result.warnings.append(
                f"the images of '{spec.name}' lie in the folder {data.name} of the Engine's host, which is left; delete it there."
            )
        _registry_obstacles.check_volumes(client, volumes, observed)
        result.before = {"state": "present", "image": observed.image_reference, "volume": data.name or data.kind}
        result.registry = _registry_answer.describe(client, observed, healthy=False)
        moved = False
        if not purge:
            moves = data.kind in ("layer", "bind") or (data.kind == "volume" and not _lies_in(data, target))
            _registry_data.refuse_loss(observed, "removing it", gone=not moves)
            _registry_data.refuse_strays(client, observed)
            if moves:
                moved = _move(work, observed, target, check)
        kept = "." if purge or data.kind == "elsewhere" else f", its images stay in the volume '{target}'."
        work.actions.append(f"Removed the container '{observed.name}'{kept}")
        if not check:
            work.stop(observed)
            work.remove(observed.id)
            if moved and _registry_data.can_go(observed):
                with contextlib.suppress(APIError):
                    _registry_data.remove_volume(client, data.name)
    else:
        _registry_obstacles.check_volumes(client, volumes, None)
    for volume in volumes:
        if _registry_data.volume_exists(client, volume):
            result.before["data"] = volume
            work.actions.append(f"Deleted the volume '{volume}' and the images in it.")
            if not check:
                _registry_data.remove_volume(client, volume)
    result.changed = bool(work.actions)
    result.registry = {"name": spec.name, "exists": False, "healthy": False, "volume": None if purge else target}
    return result


def _lies_in(data: Data, volume: str) -> bool:
    """Whether the next registry finds the images at the root of the volume."""
    return data.name == volume and data.destination == data.folder


def _move(work: Work, observed: Observed, target: str, check: bool) -> bool:
    """Its images, if it has any, into the volume where the next registry of this name looks for them; it runs on when that fails."""
    client = work.client
    where = {"layer": "the container itself", "bind": f"the folder {observed.data.name}"}.get(
        observed.data.kind, f"the volume '{observed.data.name[:12] if observed.data.anonymous else observed.data.name}'"
    )
    done = f"Copied the images of '{observed.name}' from {where} into the volume '{target}'."
    if check:
        work.actions.append(done)
        return True
    running = observed.up
    made = _registry_data.ensure_volume(client, target, observed.name)
    try:
        work.stop(observed)
        moved = _registry_data.copy(client, observed, target)
    except BaseException:
        if made:
            with contextlib.suppress(APIError, RequestException):
                _registry_data.remove_volume(client, target)
        if running:
            with contextlib.suppress(APIError, RequestException):
                client.api.start(observed.id)
        raise
    if moved:
        work.actions.append(done)
    observed.reload()
    return moved
