# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: which caches and nodes images are preloaded to, and how the result is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils._docker import EngineError, explain
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._mirrors_found import find_all
from ansible_collections.kubelocal.registry.plugins.module_utils._preload import LOADED, Cache, Outcome

try:
    from docker.errors import APIError, DockerException, NotFound
    from requests.exceptions import RequestException
except ImportError:  # told by the module, by way of _docker.DOCKER_IMPORT_ERROR
    pass

if TYPE_CHECKING:
    from collections.abc import Sequence


def caches(client: Any) -> dict[str, Cache]:
    """This Docker host's caches by the host that they cache."""
    return {
        found.host: Cache(found.container, found.authorization, found.with_credentials) for found in find_all(client)
    }


def nodes(client: Any, names: Sequence[str]) -> list[Any]:
    """The node containers; ExpectedError for one that is not there, before anything is pulled."""
    found = []
    for name in dict.fromkeys(names):
        try:
            found.append(client.containers.get(name))
        except NotFound as error:
            raise ExpectedError(
                f"nodes has '{name}', but there is no container of that name; 'docker ps' shows them."
            ) from error
        except (APIError, DockerException, RequestException) as error:
            raise EngineError(f"the node '{name}' can't be read: {explain(error)}.") from error
    return found


def actions(outcomes: Sequence[Outcome]) -> list[str]:
    done = []
    for outcome in outcomes:
        if outcome.cache == LOADED:
            done.append(f"Loaded {outcome.image} into the cache {outcome.cache_name}.")
        done += [
            f"Loaded {outcome.image} onto the node {node}." for node, what in outcome.nodes.items() if what == LOADED
        ]
    return done


def diff(outcomes: Sequence[Outcome]) -> dict[str, dict[str, list[str]]]:
    """By image the places that have it, before and after."""
    before: dict[str, list[str]] = {}
    after: dict[str, list[str]] = {}
    for outcome in outcomes:
        places = {**({outcome.cache_name: outcome.cache} if outcome.cache else {}), **outcome.nodes}
        before[outcome.image] = sorted(place for place, what in places.items() if what == "present")
        after[outcome.image] = sorted(place for place, what in places.items() if what in ("present", LOADED))
    return {"before": before, "after": after}
