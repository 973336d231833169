# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: the container that a registry's name means, also when it was renamed."""

from __future__ import annotations

from typing import Any

from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_answer import Result
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_apply import Work
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_observed import Observed, observe
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_spec import LABEL_PREFIX, Spec


def find(work: Work, name: str) -> tuple[Any, bool]:
    """The container of that name, or the one that we made under it and that was renamed since."""
    container = work.find(name)
    if container is not None:
        return container, False
    listed = work.client.api.containers(
        all=True, filters={"label": [f"{LABEL_PREFIX}name={name}", f"{LABEL_PREFIX}managed=true"]}
    )
    if len(listed) == 1:
        return work.find(listed[0]["Id"]), True
    return None, False


def observed(work: Work, spec: Spec) -> Observed | None:
    container, _renamed = find(work, spec.name)
    if container is None:
        return None
    observed = observe(work.client, container, spec.needs_configuration, work.known.get(container.id))
    if not observed.looks_like_registry():
        raise no_registry(observed)
    return observed


def named_back(work: Work, spec: Spec, observed: Observed, result: Result, check: bool) -> None:
    """Its name again, for one that we made and that was renamed since; only once nothing speaks against the run."""
    if observed.name == spec.name:
        return
    work.actions.append(f"Renamed '{observed.name}' back to '{spec.name}', as which it was made.")
    result.before["name"], result.after["name"] = observed.name, spec.name
    if not check:
        observed.container.rename(spec.name)
        observed.reload()


def no_registry(observed: Observed) -> ExpectedError:
    return ExpectedError(
        f"the container '{observed.name}' (image {observed.image_reference}) is no registry; choose another name (registry_name), or rename that container."
    )
