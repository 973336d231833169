# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: makes the pull-through caches of a Docker host as declared, many side by side."""

from __future__ import annotations

import dataclasses
import json
import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils import _mirrors_found as found_caches
from ansible_collections.kubelocal.registry.plugins.module_utils import _mirrors_published as published
from ansible_collections.kubelocal.registry.plugins.module_utils import _registry_container
from ansible_collections.kubelocal.registry.plugins.module_utils._docker import EngineError, File, explain, put_files
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._mirror_status import DEBUG_PORT
from ansible_collections.kubelocal.registry.plugins.module_utils._mirrors import (
    CLIENT_USER,
    Mirror,
    basic,
    registry_item,
)
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_spec import DEFAULT_IMAGE, Spec, Upstream
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_spec import check as check_spec

try:
    from docker.errors import APIError, DockerException, NotFound
    from requests.exceptions import RequestException
except ImportError:  # told by the module, by way of _docker.DOCKER_IMPORT_ERROR
    pass

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ansible_collections.kubelocal.registry.plugins.module_utils._mirrors_found import Found

SIDE_BY_SIDE = 4
# counters for people and for `status`, on the container's loopback alone
CONFIG = {"http": {"debug": {"addr": f"127.0.0.1:{DEBUG_PORT}", "prometheus": {"enabled": True, "path": "/metrics"}}}}
SHOWN_IN_CHECK_MODE = "(made when the cache is)"


@dataclass(frozen=True)
class Wanted:
    """Everything that a call of ``registry_mirrors`` says."""

    mirrors: Sequence[Mirror]
    networks: tuple[str, ...] = ()
    image: str | None = None
    exclusive: bool = False
    purge: bool = False
    cluster_provider: str = "kind"
    cluster_name: str | None = None
    pull: str = "missing"
    wait_timeout: int = 60
    publish: published.Publish | None = None

    def own(self, labels: Mapping[str, str]) -> bool:
        """Whether a node is of the cluster that the call is for."""
        label = found_caches.CLUSTER_LABELS.get(self.cluster_provider)
        return bool(self.cluster_name and label and labels.get(label) == self.cluster_name)


@dataclass
class Outcome:
    """What was done, for the module's answer."""

    changed: bool = False
    actions: list[str] = field(default_factory=list)
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)
    mirrors: list[dict[str, Any]] = field(default_factory=list)
    registries: list[dict[str, Any]] = field(default_factory=list)
    kept: list[dict[str, Any]] = field(default_factory=list)


def spec_of(mirror: Mirror, wanted: Wanted, users: dict[str, str] | None, existing: Found | None = None) -> Spec:
    """One cache as the registry container that it is.

    An image that its own item gave is noted, so that one that is no longer given there is noticed.
    """
    labels = {found_caches.HOST_LABEL: mirror.host, **({found_caches.IMAGE_LABEL: "item"} if mirror.image else {})}
    image = mirror.image or wanted.image
    if image is None and existing is not None and existing.own_image:
        image = DEFAULT_IMAGE
    return Spec(
        name=mirror.name,
        image=image,
        port=mirror.place.port if mirror.place else 0,
        listen_address=wanted.publish.listen_address if wanted.publish else None,
        networks=wanted.networks or None,
        volume=mirror.volume_name,
        config=CONFIG,
        labels=labels,
        upstream=Upstream(mirror.upstream, mirror.username, mirror.password, mirror.ttl, mirror.ca),
        https=wanted.publish.https if wanted.publish else None,
        # none is declared too: a cache that was closed is opened again
        users=users or {},
        pull=wanted.pull,
        wait_timeout=wanted.wait_timeout,
        role=published.ROLE if wanted.publish else found_caches.ROLE,
    )


def described(mirror: Mirror, found: Found | None, healthy: bool | None) -> dict[str, Any]:
    """One item of the result ``mirrors``; holds no secrets."""
    return {
        "host": mirror.host,
        "name": None if mirror.external else mirror.name,
        "upstream": None if mirror.external else mirror.upstream,
        "endpoint": mirror.url,
        "volume": None if mirror.external else ((found.volume if found else "") or mirror.volume_name),
        "networks": found.networks if found else [],
        "external": mirror.external,
        "closed": mirror.closed or mirror.place is not None or bool(found and found.closed),
        "exists": mirror.external or found is not None,
        "running": bool(found and found.running),
        "healthy": healthy,
    }


# -- present


def present(client: Any, wanted: Wanted, check: bool) -> Outcome:
    """Every listed cache exists, runs and answers; with ``exclusive`` what is no longer listed leaves the networks."""
    outcome = Outcome()
    existing = {one.host: one for one in _existing(client, wanted)}
    if wanted.publish:
        placed = published.placed(client, wanted.publish, wanted.mirrors, existing.values())
        wanted = dataclasses.replace(wanted, mirrors=placed)
    ours = [mirror for mirror in wanted.mirrors if not mirror.external]
    _refuse_shared_volumes(ours, existing)
    specs = [(mirror, *_users(mirror, existing.get(mirror.host), wanted.publish)) for mirror in ours]
    for mirror, users, _new in specs:
        check_spec(spec_of(mirror, wanted, users, existing.get(mirror.host)))
    jobs = [
        (mirror.host, partial(_one, client, wanted, mirror, existing.get(mirror.host), users, new, check))
        for mirror, users, new in specs
    ]
    done = _side_by_side(jobs, outcome)
    if wanted.exclusive:
        listed = {mirror.host for mirror in ours}
        _leave(client, wanted, [one for host, one in existing.items() if host not in listed], outcome, check)
    outcome.changed = bool(outcome.actions)
    _report(wanted.mirrors, done, outcome)
    return outcome


def _existing(client: Any, wanted: Wanted) -> list[Found]:
    if wanted.publish:
        return found_caches.find_all(client, published.ROLE, wanted.publish.prefix)
    return found_caches.find_all(client)


def _users(
    mirror: Mirror, existing: Found | None, publish: published.Publish | None = None
) -> tuple[dict[str, str] | None, str | None]:
    """The cache's users, and the password of its own one if that is new."""
    if publish:
        return dict(publish.users), None
    if not mirror.closed:
        return None, None
    password = existing.password if existing is not None else None
    if password:
        return {CLIENT_USER: password}, None
    password = secrets.token_urlsafe(24)
    return {CLIENT_USER: password}, password


def _one(
    client: Any,
    wanted: Wanted,
    mirror: Mirror,
    existing: Found | None,
    users: dict[str, str] | None,
    new: str | None,
    check: bool,
) -> dict[str, Any]:
    known = {existing.container.id: existing.files} if existing else {}
    result = _registry_container.present(client, spec_of(mirror, wanted, users, existing), check, known)
    answer: dict[str, Any] = {
        "actions": list(result.actions),
        "before": result.before,
        "after": result.after,
        "found": existing,
        "authorization": None,
    }
    if wanted.publish:
        answer["authorization"] = wanted.publish.authorization
    elif check:
        answer["authorization"] = SHOWN_IN_CHECK_MODE if mirror.closed and new else _opened(users)
    else:
        answer["authorization"] = _opened(users)
    if check:
        return answer
    if not result.actions and new is None:
        return answer
    container = client.containers.get(mirror.name)
    if new is not None:
        content = json.dumps({"username": CLIENT_USER, "password": new}).encode()
        put_files(container, found_caches.CLIENT_FOLDER, {found_caches.CLIENT_FILE: File(content, 0o600)})
    answer["found"] = found_caches.describe(container)
    return answer


def _opened(users: dict[str, str] | None) -> str | None:
    return basic(CLIENT_USER, users[CLIENT_USER]) if users else None


def _report(mirrors: Sequence[Mirror], done: dict[str, dict[str, Any]], outcome: Outcome) -> None:
    for mirror in mirrors:
        answer = done.get(mirror.host, {})
        found = answer.get("found")
        # what was just made or seen healthy by registry_container needs no second probe
        outcome.mirrors.append(described(mirror, found, bool(mirror.external or (found and found.running))))
        outcome.registries.append(registry_item(mirror, answer.get("authorization")))


def _refuse_shared_volumes(mirrors: Sequence[Mirror], existing: dict[str, Found]) -> None:
    """Two caches that write the same folder would mix what they cache under one name."""
    for mirror in mirrors:
        for host, one in existing.items():
            if host != mirror.host and one.volume and one.volume == mirror.volume_name:
                raise ExpectedError(
                    f"the volume '{mirror.volume_name}' of the mirror of {mirror.host} already holds the cache of {host}; "
                    "give each its own 'volume'."
                )


def _side_by_side(
    jobs: Sequence[tuple[str, Callable[[], dict[str, Any]]]], outcome: Outcome
) -> dict[str, dict[str, Any]]:
    """Run them a few at a time; what failed is told after the others are done, with what was done."""
    done: dict[str, dict[str, Any]] = {}
    failed: list[str] = []
    with ThreadPoolExecutor(max_workers=SIDE_BY_SIDE) as pool:
        futures = [(host, pool.submit(job)) for host, job in jobs]
        for host, future in futures:
            try:
                answer = future.result()
            except ExpectedError as error:
                outcome.actions += error.actions
                failed.append(f"{host}: {str(error).rstrip('.')}")
                continue
            except (APIError, DockerException, RequestException) as error:
                failed.append(f"{host}: {explain(error)}")
                continue
            done[host] = answer
            outcome.actions += answer["actions"]
            outcome.before[host], outcome.after[host] = answer["before"], answer["after"]
    if failed:
        others = f" The other {len(done)} are as declared." if done else ""
        raise ExpectedError(
            f"{len(failed)} of {len(jobs)} mirrors can't be made: {'; '.join(failed)}.{others}", outcome.actions
        )
    return done


# -- leaving


def _leave(client: Any, wanted: Wanted, unlisted: Sequence[Found], outcome: Outcome, check: bool) -> None:
    """What is no longer listed leaves this cluster's networks with its data, unless another cluster uses it."""
    joined = [one for one in unlisted if set(one.networks) & set(wanted.networks) or wanted.purge]
    if wanted.publish:
        # who uses them can't be seen from here: they go only when that is asked for
        for one in unlisted if wanted.purge else []:
            _remove(client, one, True, outcome, check)
        return
    users = found_caches.users(client, [one.name for one in joined], wanted.own)
    for one in joined:
        if users[one.name]:
            outcome.kept.append({"host": one.host, "name": one.name, "used_by": users[one.name]})
            continue
        if wanted.purge:
            _remove(client, one, True, outcome, check)
            continue
        for network in sorted(set(one.networks) & set(wanted.networks)):
            outcome.actions.append(
                f"Took the cache {one.name}, which is no longer listed, off the network {network}; its data stay."
            )
            if not check:
                _disconnect(client, network, one)
        outcome.before[one.host] = {"networks": one.networks}
        outcome.after[one.host] = {"networks": sorted(set(one.networks) - set(wanted.networks))}


def _disconnect(client: Any, network: str, one: Found) -> None:
    try:
        client.networks.get(network).disconnect(one.container, force=True)
    except NotFound:
        return
    except APIError as error:
        if "is not connected" not in explain(error):
            raise EngineError(f"{one.name} can't leave the network '{network}': {explain(error)}.") from error


# -- absent


def absent(client: Any, wanted: Wanted, check: bool) -> Outcome:
    """The listed caches (with ``exclusive`` every cache) are removed, unless another cluster uses them; data only with ``purge``."""
    outcome = Outcome()
    hosts = {mirror.host for mirror in wanted.mirrors if not mirror.external}
    there = [one for one in _existing(client, wanted) if wanted.exclusive or one.host in hosts]
    users = {} if wanted.publish else found_caches.users(client, [one.name for one in there], wanted.own)
    for one in there:
        if users.get(one.name):
            outcome.kept.append({"host": one.host, "name": one.name, "used_by": users[one.name]})
        else:
            _remove(client, one, wanted.purge, outcome, check)
    if wanted.purge:
        gone = {one.host for one in there}
        for mirror in wanted.mirrors:
            if not mirror.external and mirror.host not in gone:
                _remove_volume(client, mirror.volume_name, outcome, check)
    outcome.changed = bool(outcome.actions)
    return outcome


def _remove(client: Any, one: Found, purge: bool, outcome: Outcome, check: bool) -> None:
    outcome.actions.append(f"Removed the cache {one.name} of {one.host}{'' if purge else '; its data stay'}.")
    outcome.before[one.host] = {"name": one.name, "volume": one.volume}
    outcome.after[one.host] = {} if purge else {"volume": one.volume}
    if not check:
        try:
            # a named volume stays, whatever 'v' says
            one.container.remove(force=True, v=True)
        except NotFound:
            pass
        except (APIError, DockerException, RequestException) as error:
            raise EngineError(f"{one.name} can't be removed: {explain(error)}.", outcome.actions) from error
    if purge and one.volume:
        _remove_volume(client, one.volume, outcome, check)


def _remove_volume(client: Any, name: str, outcome: Outcome, check: bool) -> None:
    try:
        volume = client.volumes.get(name)
        outcome.actions.append(f"Deleted the volume {name} with what was cached.")
        if not check:
            volume.remove()
    except NotFound:
        return
    except (APIError, DockerException, RequestException) as error:
        outcome.actions.pop()
        raise EngineError(f"the volume {name} can't be deleted: {explain(error)}.", outcome.actions) from error


# -- only reading


def read(client: Any, mirrors: Sequence[Mirror] | None, check: bool, ask: bool = False) -> Outcome:
    """As ``present`` answers, without doing anything: the listed ones, or None for every cache of this host.

    Only with ``ask`` each is asked whether it answers, which costs a command in its container.
    A listed one that does not exist is not among ``registries``, but in check mode, where it would have been made by then.
    """
    outcome = Outcome()
    existing = {one.host: one for one in found_caches.find_all(client)}
    if mirrors is None:
        mirrors = [one.as_mirror() for one in existing.values()]
    answers: dict[str, bool] = {}
    if ask:
        with ThreadPoolExecutor(max_workers=SIDE_BY_SIDE) as pool:
            answers = dict(zip(existing, pool.map(found_caches.healthy, existing.values())))
    for mirror in mirrors:
        found = None if mirror.external else existing.get(mirror.host)
        healthy = True if mirror.external else answers.get(mirror.host, False) if ask or not found else None
        outcome.mirrors.append(described(mirror, found, healthy))
        if mirror.external or found is not None:
            outcome.registries.append(registry_item(mirror, found.authorization if found else None))
        elif check:
            outcome.registries.append(registry_item(mirror, SHOWN_IN_CHECK_MODE if mirror.closed else None))
    return outcome
