# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: moving a registry's images into a named volume, whatever they lie in."""

from __future__ import annotations

import contextlib
import posixpath
from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_spec import LABEL_PREFIX

with contextlib.suppress(ImportError):  # told by _docker
    from docker.errors import APIError, NotFound

if TYPE_CHECKING:
    from ansible_collections.kubelocal.registry.plugins.module_utils._registry_observed import Observed

_PLACE = "/kubelocal-move"
# Below the folder of the images, in every registry that keeps them in files.
_TREE = "/docker/registry/v2"
# A path that a container's changes name as removed.
_DELETED = 2
# What the archive API can't see, so that it would be lost with the container.
IN_MEMORY = ("memory", "tmpfs")


def ensure_volume(client: Any, name: str, owner: str) -> bool:
    """Make the volume unless it is there; whether it was made."""
    with contextlib.suppress(NotFound):
        client.api.inspect_volume(name)
        return False
    client.api.create_volume(name, labels={LABEL_PREFIX + "managed": "true", LABEL_PREFIX + "name": owner})
    return True


def remove_volume(client: Any, name: str) -> bool:
    """Remove a volume; whether it was there."""
    try:
        client.api.remove_volume(name)
    except NotFound:
        return False
    return True


def volume_exists(client: Any, name: str) -> bool:
    try:
        client.api.inspect_volume(name)
    except NotFound:
        return False
    return True


def users_of(client: Any, volume: str, but: str = "") -> list[str]:
    """Names of the containers that mount the volume, sorted."""
    return sorted(
        container["Names"][0].lstrip("/")
        for container in client.api.containers(all=True, filters={"volume": volume})
        # the Engine matches parts of names too
        if container["Id"] != but and any(mount.get("Name") == volume for mount in container.get("Mounts") or [])
    )


def refuse_loss(observed: Observed, doing: str, gone: bool = False) -> None:
    """What is in memory, or goes as soon as the container stops, can't be moved: better nothing than lost.

    ``gone``: the container is to go, and its images stay where they are.
    """
    data = observed.data
    if observed.host_config.get("AutoRemove"):
        if data.kind == "layer" or data.anonymous:
            raise ExpectedError(
                f"the registry '{observed.name}' was started with --rm, so the Engine deletes its images when it stops, "
                f"and {doing} would lose them; push them elsewhere first, or remove it with purge."
            )
        if data.kind in ("volume", "bind") and not gone:
            place = f"the volume '{data.name}'" if data.kind == "volume" else f"the folder {data.name}"
            raise ExpectedError(
                f"the registry '{observed.name}' was started with --rm, so the Engine removes it when it stops, and {doing} could not be undone; "
                f"end it with 'docker stop {observed.name}' (its images stay in {place}) and run this again."
            )
    refuse_forgetting(observed, doing)


def refuse_forgetting(observed: Observed, doing: str) -> None:
    """What is in memory does not even outlive a restart; what stopped has forgotten it already."""
    if observed.data.kind in IN_MEMORY and observed.status not in ("created", "exited", "dead"):
        raise ExpectedError(
            f"the registry '{observed.name}' keeps its images in memory, where {doing} would lose them; push them elsewhere first, or remove it with purge."
        )


def refuse_strays(client: Any, observed: Observed) -> None:
    """Images in the container itself, where its configuration, as far as we understand it, does not look for them: they would go with it."""
    known = observed.data.folder
    for entry in client.api.diff(observed.id) or []:
        folder, found, _rest = str(entry["Path"]).partition(_TREE)
        if found and not _rest and folder != known and entry.get("Kind") != _DELETED:
            if known and _link_target(client, observed.id, known) == folder:
                continue
            raise ExpectedError(
                f"the container '{observed.name}' holds images in {folder or '/'}, which its configuration does not name; "
                f"copy them away (docker cp {observed.name}:{folder or '/'} .) and remove it with purge."
            )


def _link_target(client: Any, container_id: str, path: str) -> str:
    """Where a symbolic link in a container leads."""
    try:
        _chunks, told = client.api.get_archive(container_id, path)
    except NotFound:
        return ""
    return posixpath.normpath(str(told.get("linkTarget") or "/"))


def can_go(observed: Observed) -> bool:
    """Whether all that is in the images' volume was copied with them, and nobody gave that volume a name."""
    return observed.data.anonymous and observed.data.destination == observed.data.folder


def copy(client: Any, observed: Observed, volume: str) -> bool:
    """Copy the images of a container that doesn't run into a volume, over what is there; whether there were any.

    The volume is reached through a container that is never started, so the Engine may be anywhere.
    """
    folder = observed.data.folder
    name = f"{observed.name}-kubelocal-copy"
    with contextlib.suppress(NotFound):
        client.api.remove_container(name, v=True, force=True)
    try:
        # the dot: what is in the folder, even if that is a symbolic link
        chunks, _stat = client.api.get_archive(observed.id, f"{folder.rstrip('/')}/.")
    except NotFound:
        return False
    body = {
        "Image": observed.image_id,
        "Cmd": ["true"],
        "Labels": {LABEL_PREFIX + "helper": "true"},
        "HostConfig": {"Binds": [f"{volume}:{_PLACE}"], "NetworkMode": "none"},
    }
    helper = client.api.create_container_from_config(body, name)["Id"]
    try:
        if not client.api.put_archive(helper, _PLACE, chunks):
            raise ExpectedError(f"the images of '{observed.name}' can't be copied into the volume '{volume}'.")
    finally:
        with contextlib.suppress(APIError):
            client.api.remove_container(helper, v=True, force=True)
    return True
