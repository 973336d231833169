# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: a registry's container, made anew in place of the old one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils import (
    _registry_body,
    _registry_image,
    _registry_obstacles,
)
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_apply import Work
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_observed import (
    Observed,
    config_path,
    image_attrs,
)
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_spec import Spec

if TYPE_CHECKING:
    from collections.abc import Mapping


def replace(
    work: Work, spec: Spec, values: dict[str, Any], observed: Observed, image: dict[str, Any], why: str, check: bool
) -> Observed:
    client = work.client
    reference = values["image"]
    if not image and _image_stays(values, observed):
        image = observed.image
        if image:
            reference = observed.image_reference if _same_tag(client, observed) else observed.image_id
    if not image:
        image = _registry_image.fetch(client, values["image"], spec.pull, check, work.actions)
    if check:
        if _moves(spec, observed):
            work.actions.append(f"Copied the images of '{spec.name}' into the volume '{values['volume']}'.")
        work.actions.append(f"Replaced the registry '{spec.name}', its data and networks kept ({why}).")
        return observed
    custom = _custom_base(work, observed)
    with_cas = bool(spec.upstream and spec.upstream.ca)
    brought = _registry_image.look_into(client, image, spec.name, with_cas)
    making = _registry_body.make(spec, {**values, "image": reference}, brought, observed, custom)
    return _registry_obstacles.started(client, values, observed, lambda: work.replace(observed, making, why))


def _moves(spec: Spec, observed: Observed) -> bool:
    """Whether the images go into another volume with the replacement."""
    data = observed.data
    return data.kind == "layer" or (
        data.kind in ("volume", "bind")
        and spec.volume is not None
        and (data.kind, data.name) != ("volume", spec.volume)
    )


def _image_stays(values: Mapping[str, Any], observed: Observed) -> bool:
    return bool(values["image"] == observed.image_reference)


def _same_tag(client: Any, observed: Observed) -> bool:
    """Whether the reference that the container was made from still means its image."""
    return image_attrs(client, observed.image_reference).get("Id") == observed.image_id


def _custom_base(work: Work, observed: Observed) -> bool:
    """Whether the configuration file that the old container was started with is not just its image's."""
    if observed.has_own_files or observed.notes.get("custom"):
        return bool(observed.notes.get("custom"))
    path = observed.config_path
    if not path or (observed.image and path != config_path(observed.image_config.get("Cmd") or [])):
        return bool(path) and config_path(observed.image_config.get("Entrypoint") or []) != path
    if any(
        path == mount.get("Destination") or path.startswith(str(mount.get("Destination")).rstrip("/") + "/")
        for mount in observed.attrs.get("Mounts") or []
    ):
        return True
    return any(entry["Path"] == path for entry in work.client.api.diff(observed.id) or [])
