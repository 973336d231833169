# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: a registry container, made true: present, stopped or absent."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Callable

from ansible_collections.kubelocal.registry.plugins.module_utils import (
    _docker,
    _registry_body,
    _registry_data,
    _registry_health,
    _registry_image,
    _registry_plan,
    _registry_port,
    _registry_undeclared,
)
from ansible_collections.kubelocal.registry.plugins.module_utils import _registry_files as registry_files
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_apply import STOP_TIMEOUT, Work
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_lock import lock, told_to_end
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_observed import (
    Data,
    Observed,
    config_path,
    image_attrs,
    observe,
    program_version,
)
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_spec import LABEL_PREFIX, Spec, is_loopback

with contextlib.suppress(ImportError):  # told by _docker
    from docker.errors import APIError, DockerException
    from requests.exceptions import RequestException

if TYPE_CHECKING:
    from collections.abc import Mapping

_TRIES = 4


@dataclass
class Result:
    """What a run did, or in check mode would do. ``before`` and ``after`` are for the diff, without secrets."""

    changed: bool = False
    actions: list[str] = field(default_factory=list)
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    registry: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def present(client: Any, spec: Spec, check: bool = False) -> Result:
    """The registry exists as declared, runs and is healthy."""
    return _run(client, spec, check, _present)


def stopped(client: Any, spec: Spec, check: bool = False) -> Result:
    """The registry does not run; what exists stays."""
    return _run(client, spec, check, _stopped)


def absent(client: Any, spec: Spec, check: bool = False, purge: bool = False) -> Result:
    """There is no such container. Its images stay in the volume unless ``purge``."""

    def work(run: Work, declared: Spec, dry: bool) -> Result:
        return _absent(run, declared, dry, purge)

    return _run(client, spec, check, work)


def info(client: Any, name: str) -> dict[str, Any]:
    """The registry as it is, nothing changed; ``exists`` is false when there is none."""
    work = Work(client, name, 0)
    with _engine_errors(work):
        container, renamed = _find(work, name)
        if container is None or renamed:
            return {"name": name, "exists": False, "renamed_to": container.name if container is not None else None}
        observed = observe(client, container)
        if not observed.looks_like_registry():
            raise _no_registry(observed)
        return {**describe(client, observed), "renamed_to": None}


def describe(client: Any, observed: Observed, healthy: bool | None = None) -> dict[str, Any]:
    """A registry as the modules return it."""
    data, port = observed.data, observed.port
    inner = observed.inner_port
    return {
        "exists": True,
        "name": observed.name,
        "id": observed.id,
        "image": observed.image_reference,
        "version": program_version(observed),
        "status": observed.status,
        "host": _host(observed) if port else None,
        "host_from_cluster_network": f"{observed.name}:{inner}",
        "port": port or None,
        "listen_address": observed.listen_address or None,
        "https": observed.https,
        "users": observed.users,
        "networks": sorted(observed.networks),
        "volume": data.name if data.kind == "volume" else None,
        "data": {"kind": data.kind, "name": data.name or None, "folder": data.folder or None},
        "restart_policy": observed.restart_policy,
        "healthy": _registry_health.healthy(client, observed) if healthy is None else healthy,
        "labels": dict(observed.labels),
        "managed": observed.managed,
    }


def _host(observed: Observed) -> str:
    return host_of(*observed.bindings[0])


def host_of(address: str, port: int) -> str:
    """How people on the Docker's host write it."""
    if address in ("127.0.0.1", "0.0.0.0", "::", "::1"):
        return f"localhost:{port}"
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


# -- running


def _run(client: Any, spec: Spec, check: bool, state: Callable[[Work, Spec, bool], Result]) -> Result:
    work = Work(client, spec.name, spec.wait_timeout, secrets=_secrets(spec))
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


def _secrets(spec: Spec) -> tuple[str, ...]:
    """What must not be shown, though the registry may say it in its log; longer ones first, since one may hold another."""
    found = [spec.upstream.password or "" if spec.upstream else "", *(spec.users or {}).values()]
    found += _registry_plan.covered(spec.config)
    return tuple(sorted({value for value in found if value}, key=len, reverse=True))


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


def _find(work: Work, name: str) -> tuple[Any, bool]:
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


def _observed(work: Work, spec: Spec) -> Observed | None:
    container, _renamed = _find(work, spec.name)
    if container is None:
        return None
    observed = observe(work.client, container, deep=spec.needs_configuration)
    if not observed.looks_like_registry():
        raise _no_registry(observed)
    return observed


def _named_back(work: Work, spec: Spec, observed: Observed, result: Result, check: bool) -> None:
    """Its name again, for one that we made and that was renamed since; only once nothing speaks against the run."""
    if observed.name == spec.name:
        return
    work.actions.append(f"Renamed '{observed.name}' back to '{spec.name}', as which it was made.")
    result.before["name"], result.after["name"] = observed.name, spec.name
    if not check:
        observed.container.rename(spec.name)
        observed.container.reload()
        observed.attrs = observed.container.attrs


def _no_registry(observed: Observed) -> ExpectedError:
    return ExpectedError(
        f"the container '{observed.name}' (image {observed.image_reference}) is no registry; choose another name (registry_name), or rename that container."
    )


# -- present


def _present(work: Work, spec: Spec, check: bool) -> Result:
    client = work.client
    observed = _observed(work, spec)
    if observed is not None:
        spec = _registry_undeclared.complete(spec, observed)
        work.secrets = _secrets(spec)
    values = _registry_plan.wanted(spec, observed)
    _check_networks(client, spec)
    if observed is None:
        return _create(work, spec, values, check)
    if spec.listen_address is None:
        _check_exposure(spec, observed, values)
    if values["port"] and not _holds(observed, values):
        _check_port(client, values, observed)

    image = (
        _registry_image.obtain(client, values["image"], spec.pull, observed, check, work.actions)
        if _looks_at_image(spec, observed, values)
        else {}
    )
    changes = _registry_plan.changes(spec, observed, values, image)
    renewed = [change for change in changes if not change.in_place]
    gone = _missing_networks(client, observed)
    result = Result(
        actions=work.actions, before={c.option: c.before for c in changes}, after={c.option: c.after for c in changes}
    )
    if renewed or gone:
        _registry_data.refuse_loss(observed, "replacing it")
    _named_back(work, spec, observed, result, check)
    if observed.status != "running":
        result.before["status"], result.after["status"] = observed.status, "running"
    if gone:
        result.before["networks"] = sorted(observed.networks)
        result.after["networks"] = sorted({*observed.networks, *(spec.networks or ())} - set(gone))
    if renewed or gone:
        why = "; ".join(str(change) for change in changes) or f"its network {', '.join(gone)} is gone"
        for network in gone:
            observed.networks.pop(network)
        observed = _replace(work, spec, values, observed, image, why, check)
    else:
        _in_place(work, spec, values, observed, changes, check)
        if not check:
            _awaken(work, observed)
        else:
            _would_awaken(work, observed)
    result.changed = bool(work.actions)
    if check:
        result.registry = {**describe(client, observed), **_predicted(spec, values, observed, changes)}
        return result
    observed.container.reload()
    observed.attrs = observed.container.attrs
    result.registry = describe(client, observed, healthy=True)
    return result


def _holds(observed: Observed, values: Mapping[str, Any]) -> bool:
    """Whether the port is ours already."""
    running = observed.status in ("running", "paused", "restarting")
    return running and (values["listen_address"], values["port"]) in observed.bindings


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
        _check_port(client, values, None)
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
        result.registry = {
            "exists": False, "name": spec.name, "id": None, "image": values["image"], "version": None, "status": "absent",
            "host": host_of(values["listen_address"], values["port"]) if values["port"] else None, "host_from_cluster_network": f"{spec.name}:5000",
            "port": values["port"] or None, "listen_address": values["listen_address"], "https": bool(spec.https), "users": bool(spec.users),
            "networks": sorted(spec.networks or ["bridge"]), "volume": values["volume"], "data": {"kind": "volume", "name": values["volume"], "folder": None},
            "restart_policy": values["restart_policy"], "healthy": False, "labels": dict(spec.labels or {}), "managed": True,
        }  # fmt: skip
        return result
    image = _registry_image.look_into(client, attrs, spec.name, with_cas=bool(spec.upstream and spec.upstream.ca))
    making = _registry_body.make(spec, values, image, None)
    observed = _started(client, values, None, lambda: work.start_new(making, values))
    observed.container.reload()
    observed.attrs = observed.container.attrs
    result.registry = describe(client, observed, healthy=True)
    return result


def _replace(
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
    return _started(client, values, observed, lambda: work.replace(observed, making, why))


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


def _in_place(
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


def _would_awaken(work: Work, observed: Observed) -> None:
    if observed.status == "paused":
        work.actions.append(f"Resumed the registry '{observed.name}', which was paused.")
    elif observed.status != "running":
        work.actions.append(f"Started the registry '{observed.name}', which was {_rest(observed.status)}.")


def _awaken(work: Work, observed: Observed) -> None:
    """Running and healthy, without making it anew."""
    client = work.client
    observed.container.reload()
    observed.attrs = observed.container.attrs
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


def _started(client: Any, values: Mapping[str, Any], old: Observed | None, start: Callable[[], Observed]) -> Observed:
    """Start, and if the port was taken at that very moment, say by whom."""
    try:
        return start()
    except APIError as error:
        text = str(error)
        if values["port"] and ("port is already allocated" in text or "address already in use" in text):
            _check_port(client, values, old)
            raise ExpectedError(
                f"port {values['port']} on {values['listen_address']} is already in use; stop what uses it or choose another port (registry_port)."
            ) from error
        if old is not None and error.status_code != 409:
            raise ExpectedError(
                f"the Docker Engine refuses the new container: {_docker.explain(error)}; the old registry was put back."
            ) from error
        raise


def _check_networks(client: Any, spec: Spec) -> None:
    declared = [network for network in spec.networks or () if network != "bridge"]
    if not declared:
        return
    known = {network["Name"] for network in client.api.networks()}
    for network in declared:
        if network not in known:
            raise ExpectedError(
                f"networks: the Docker network '{network}' does not exist; create it (or the cluster that it belongs to) first."
            )


def _missing_networks(client: Any, observed: Observed) -> list[str]:
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


def _check_port(client: Any, values: Mapping[str, Any], observed: Observed | None) -> None:
    address = values["listen_address"] or "0.0.0.0"
    ours = [observed.id] if observed is not None else []
    held = _registry_port.holder(client, address, values["port"], ours)
    if held is not None:
        raise ExpectedError(_registry_port.explain(held, address, values["port"]))


def _check_exposure(spec: Spec, observed: Observed, values: Mapping[str, Any]) -> None:
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


def _predicted(
    spec: Spec, values: Mapping[str, Any], observed: Observed, changes: list[_registry_plan.Change]
) -> dict[str, Any]:
    """In check mode: what the changed options would make of the answer."""
    changed = {change.option for change in changes}
    found: dict[str, Any] = {"name": spec.name}
    for option in ("image", "port", "listen_address", "restart_policy", "volume"):
        if option in changed:
            found[option] = values[option]
    if changed & {"port", "listen_address"}:
        found["host"] = host_of(values["listen_address"], values["port"]) if values["port"] else None
    if "networks" in changed:
        found["networks"] = sorted({*observed.networks, *(spec.networks or ())})
    if "users" in changed:
        found["users"] = bool(spec.users or spec.htpasswd)
    if "https" in changed:
        found["https"] = bool(spec.https)
    return found


# -- stopped


def _stopped(work: Work, spec: Spec, check: bool) -> Result:
    observed = _observed(work, spec)
    if observed is None:
        return Result(registry={"name": spec.name, "exists": False, "healthy": False})
    result = Result(actions=work.actions, before={"status": observed.status}, after={"status": observed.status})
    stops = observed.status in ("running", "paused", "restarting")
    if stops:
        _registry_data.refuse_loss(observed, "stopping it")
    _named_back(work, spec, observed, result, check)
    if stops:
        work.actions.append(f"Stopped the registry '{spec.name}'.")
        result.after["status"] = "exited"
        if not check:
            work.stop(observed)
            observed.container.reload()
            observed.attrs = observed.container.attrs
    result.changed = bool(work.actions)
    result.registry = describe(work.client, observed, healthy=False)
    return result


# -- absent


def _absent(work: Work, spec: Spec, check: bool, purge: bool) -> Result:
    client = work.client
    observed = _observed(work, spec)
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
        _check_free(client, volumes, observed)
        result.before = {"state": "present", "image": observed.image_reference, "volume": data.name or data.kind}
        result.registry = describe(client, observed, healthy=False)
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
        _check_free(client, volumes, None)
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
    running = observed.status in ("running", "paused", "restarting")
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
    observed.container.reload()
    observed.attrs = observed.container.attrs
    return moved


def _check_free(client: Any, volumes: list[str], observed: Observed | None) -> None:
    for volume in volumes:
        others = _registry_data.users_of(client, volume, but=observed.id if observed is not None else "")
        if others:
            raise ExpectedError(
                f"the volume '{volume}' is also used by the container '{others[0]}'; remove that first, or leave purge out to keep the images."
            )
