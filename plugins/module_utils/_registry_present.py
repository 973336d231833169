# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: a registry, made to exist as declared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils import (
    _registry_answer,
    _registry_body,
    _registry_data,
    _registry_find,
    _registry_image,
    _registry_in_place,
    _registry_obstacles,
    _registry_plan,
    _registry_replace,
    _registry_undeclared,
)
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_answer import Result
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_apply import Work
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_observed import Observed, config_path
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_spec import Spec

if TYPE_CHECKING:
    from collections.abc import Mapping


def present(work: Work, spec: Spec, check: bool) -> Result:
    client = work.client
    observed = _registry_find.observed(work, spec)
    if observed is not None:
        spec = _registry_undeclared.complete(spec, observed)
        work.secrets = _registry_plan.secrets(spec)
    values = _registry_plan.wanted(spec, observed)
    _registry_obstacles.check_networks(client, spec)
    if observed is None:
        return _create(work, spec, values, check)
    if spec.listen_address is None:
        _registry_obstacles.check_exposure(spec, observed, values)
    if values["port"] and not _holds(observed, values):
        _registry_obstacles.check_port(client, values, observed)

    image = (
        _registry_image.obtain(client, values["image"], spec.pull, observed, check, work.actions)
        if _looks_at_image(spec, observed, values)
        else {}
    )
    changes = _registry_plan.changes(spec, observed, values, image)
    renewed = [change for change in changes if not change.in_place]
    gone = _registry_obstacles.missing_networks(client, observed)
    result = Result(
        actions=work.actions, before={c.option: c.before for c in changes}, after={c.option: c.after for c in changes}
    )
    if renewed or gone:
        _registry_data.refuse_loss(observed, "replacing it")
    _registry_find.named_back(work, spec, observed, result, check)
    if observed.status != "running":
        result.before["status"], result.after["status"] = observed.status, "running"
    if gone:
        result.before["networks"] = sorted(observed.networks)
        result.after["networks"] = sorted({*observed.networks, *(spec.networks or ())} - set(gone))
    if renewed or gone:
        why = "; ".join(str(change) for change in changes) or f"its network {', '.join(gone)} is gone"
        for network in gone:
            observed.networks.pop(network)
        observed = _registry_replace.replace(work, spec, values, observed, image, why, check)
    else:
        _registry_in_place.change(work, spec, values, observed, changes, check)
        if not check:
            _registry_in_place.awaken(work, observed)
        else:
            _registry_in_place.would_awaken(work, observed)
    result.changed = bool(work.actions)
    if check:
        result.registry = {
            **_registry_answer.describe(client, observed),
            **_registry_answer.predicted(spec, values, observed, changes),
        }
        return result
    observed.reload()
    result.registry = _registry_answer.describe(client, observed, healthy=True)
    return result


def _holds(observed: Observed, values: Mapping[str, Any]) -> bool:
    """Whether the port is ours already."""
    return observed.up and (values["listen_address"], values["port"]) in observed.bindings


def _looks_at_image(spec: Spec, observed: Observed, values: Mapping[str, Any]) -> bool:
    """An image that nobody asked for is not compared: what runs stays."""
    return (
        spec.image is not None
        or values["image"] != observed.image_reference
        or ("image" in observed.defaults and spec.pull == "always")
    )


def _create(work: Work, spec: Spec, values: dict[str, Any], check: bool) -> Result:
    client = work.client
    if values["port"]:
        _registry_obstacles.check_port(client, values, None)
    attrs = _registry_image.obtain(client, values["image"], spec.pull, None, check, work.actions)
    after = {
        "state": "present",
        **{key: value for key, value in values.items() if value},
        "networks": sorted(spec.networks or ["bridge"]),
    }
    result = Result(True, work.actions, {"state": "absent"}, after)
    if check:
        if attrs and config_path((attrs.get("Config") or {}).get("Cmd") or []) is None and spec.needs_configuration:
            result.warnings.append(f"the image {values['image']} may not take a configuration file")
        work.actions.append(
            f"Created the registry '{spec.name}', image {values['image']}, data in the volume '{values['volume']}'."
        )
        result.registry = _registry_answer.to_be(spec, values)
        return result
    image = _registry_image.look_into(client, attrs, spec.name, with_cas=bool(spec.upstream and spec.upstream.ca))
    making = _registry_body.make(spec, values, image, None)
    observed = _registry_obstacles.started(client, values, None, lambda: work.start_new(making, values))
    observed.reload()
    result.registry = _registry_answer.describe(client, observed, healthy=True)
    return result
