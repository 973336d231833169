# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: caches for machines that are not on this Docker host, each on a port, with TLS and users.

They have names of their own, so that clusters of the Docker host keep theirs, which are reached without either.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils._docker import EngineError, explain
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._mirrors import Place, read_pem
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_spec import Https, pem

try:
    from docker.errors import APIError, DockerException
    from requests.exceptions import RequestException
except ImportError:  # told by the module, by way of _docker.DOCKER_IMPORT_ERROR
    pass

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ansible_collections.kubelocal.registry.plugins.module_utils._mirrors import Mirror
    from ansible_collections.kubelocal.registry.plugins.module_utils._mirrors_found import Found

ROLE = "published-mirror"
OPTIONS: dict[str, Any] = {
    "type": "dict",
    "options": {
        "address": {"type": "str", "required": True},
        "prefix": {"type": "str", "required": True},
        "listen_address": {"type": "str", "default": "0.0.0.0"},
        "first_port": {"type": "int", "default": 5100},
        "certificate": {"type": "str", "required": True},
        # not hidden by Ansible, which would hide the users' names and header everywhere: the module has no_log as a whole
        "key": {"type": "str", "required": True, "no_log": False},
        "ca": {"type": "str"},
        "users": {"type": "dict", "required": True, "no_log": False},
        "authorization": {"type": "str", "required": True, "no_log": False},
    },
}
_ADDRESS = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?", re.ASCII)
_HIGHEST = 65535


@dataclass(frozen=True)
class Publish:
    """How caches are reached from other machines; ``authorization`` is the header that opens them."""

    address: str
    prefix: str
    listen_address: str
    first_port: int
    https: Https = field(repr=False)
    users: Mapping[str, str] = field(repr=False)
    authorization: str = field(repr=False)
    ca: str | None = field(default=None, repr=False)


def parse(options: Mapping[str, Any] | None) -> Publish | None:
    """The option ``publish``, checked."""
    if options is None:
        return None
    if not _ADDRESS.fullmatch(options["address"]):
        raise ExpectedError(
            f"publish.address is '{options['address']}'; give the name or the IPv4 address by which nodes reach this Docker host."
        )
    if not 1 <= options["first_port"] <= _HIGHEST:
        raise ExpectedError(f"publish.first_port is {options['first_port']}; it must be from 1 to {_HIGHEST}.")
    if not options["users"]:
        raise ExpectedError("publish.users is empty; what others reach needs users, so give names and passwords.")
    return Publish(
        address=options["address"],
        prefix=options["prefix"],
        listen_address=options["listen_address"],
        first_port=options["first_port"],
        https=Https(pem("publish.certificate", options["certificate"]) or "", pem("publish.key", options["key"]) or ""),
        users={str(name): str(password) for name, password in options["users"].items()},
        authorization=options["authorization"],
        ca=None if not options["ca"] else read_pem(options["ca"], "publish.ca"),
    )


def placed(client: Any, publish: Publish, mirrors: Sequence[Mirror], existing: Iterable[Found]) -> list[Mirror]:
    """The mirrors with names, ports and URLs. An existing cache keeps its port, so that no other one's change moves it."""
    have = {one.host: one.port for one in existing if one.port}
    taken = set(have.values()) | _published(client)
    found: list[Mirror] = []
    for mirror in mirrors:
        if mirror.external:
            found.append(mirror)
            continue
        port = have.get(mirror.host) or _next(publish.first_port, taken)
        taken.add(port)
        place = Place(publish.prefix, port, f"https://{publish.address}:{port}", publish.ca)
        found.append(dataclasses.replace(mirror, place=place))
    return found


def _next(first: int, taken: set[int]) -> int:
    for port in range(first, _HIGHEST + 1):
        if port not in taken:
            return port
    raise ExpectedError(f"publish.first_port is {first}, and no port from there on is free; give a lower one.")


def _published(client: Any) -> set[int]:
    """The ports that containers of this Docker host have; one that a process has is told when the container is made."""
    try:
        listed = client.api.containers(all=True)
    except (APIError, DockerException, RequestException) as error:
        raise EngineError(f"the Docker Engine does not list its containers: {explain(error)}.") from error
    return {int(port["PublicPort"]) for one in listed for port in one.get("Ports") or [] if port.get("PublicPort")}
