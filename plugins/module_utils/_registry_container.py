# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: a registry container, made true: present, stopped or absent."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Callable

from ansible_collections.kubelocal.registry.plugins.module_utils import (
    _docker,
    _registry_absent,
    _registry_answer,
    _registry_data,
    _registry_find,
    _registry_plan,
    _registry_present,
)
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_answer import Result
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_apply import Work
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_lock import lock, told_to_end
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_observed import observe
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_spec import Spec

with contextlib.suppress(ImportError):  # told by _docker
    from docker.errors import APIError, DockerException
    from requests.exceptions import RequestException

if TYPE_CHECKING:
    from collections.abc import Mapping

    # by a container's ID, our files in it as they were just read
    Known = Mapping[str, Mapping[str, _docker.File]]


_TRIES = 4


def present(client: Any, spec: Spec, check: bool = False, known: Known | None = None) -> Result:
    """The registry exists as declared, runs and is healthy."""
    return _run(client, spec, check, _registry_present.present, known)


def stopped(client: Any, spec: Spec, check: bool = False) -> Result:
    """The registry does not run; what exists stays."""
    return _run(client, spec, check, _stopped)


def absent(client: Any, spec: Spec, check: bool = False, purge: bool = False) -> Result:
    """There is no such container. Its images stay in the volume unless ``purge``."""

    def work(run: Work, declared: Spec, dry: bool) -> Result:
        return _registry_absent.absent(run, declared, dry, purge)

    return _run(client, spec, check, work)


def info(client: Any, name: str) -> dict[str, Any]:
    """The registry as it is, nothing changed; ``exists`` is false when there is none."""
    work = Work(client, name, 0)
    with _engine_errors(work):
        container, renamed = _registry_find.find(work, name)
        if container is None or renamed:
            return {"name": name, "exists": False, "renamed_to": container.name if container is not None else None}
        observed = observe(client, container)
        if not observed.looks_like_registry():
            raise _registry_find.no_registry(observed)
        return {**_registry_answer.describe(client, observed), "renamed_to": None}


def _run(
    client: Any,
    spec: Spec,
    check: bool,
    state: Callable[[Work, Spec, bool], Result],
    known: Known | None = None,
) -> Result:
    work = Work(client, spec.name, spec.wait_timeout, secrets=_registry_plan.secrets(spec), known=known or {})
    with _engine_errors(work):
        if check:
            return state(work, spec, True)
        engine = str(client.api.base_url)
        with lock(engine, spec.name, timeout=spec.wait_timeout + 120), told_to_end():
            for left in reversed(range(_TRIES)):
                try:
                    work.settle()
                    return state(work, spec, False)
                except APIError as error:
                    # somebody whose lock we don't see (another user, another machine) made it at the same moment
                    if error.status_code != 409 or not left:
                        raise
    raise AssertionError("unreachable")


@contextlib.contextmanager
def _engine_errors(work: Work) -> Any:
    """What the Engine refuses, as one sentence; what was done before is told with it."""
    try:
        yield
    except ExpectedError as error:
        error.actions = error.actions or work.actions
        raise
    except (DockerException, RequestException) as error:
        raise ExpectedError(
            f"the Docker Engine could not do it for the registry '{work.name}': {_docker.explain(error)}.", work.actions
        ) from error


def _stopped(work: Work, spec: Spec, check: bool) -> Result:
    observed = _registry_find.observed(work, spec)
    if observed is None:
        return Result(registry={"name": spec.name, "exists": False, "healthy": False})
    result = Result(actions=work.actions, before={"status": observed.status}, after={"status": observed.status})
    stops = observed.up
    if stops:
        _registry_data.refuse_loss(observed, "stopping it")
    _registry_find.named_back(work, spec, observed, result, check)
    if stops:
        work.actions.append(f"Stopped the registry '{spec.name}'.")
        result.after["status"] = "exited"
        if not check:
            work.stop(observed)
            observed.reload()
    result.changed = bool(work.actions)
    result.registry = _registry_answer.describe(work.client, observed, healthy=False)
    return result
