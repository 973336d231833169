# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: k3d's configuration file, made of what was declared."""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils import _k3d_schema, _k3s_registries
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._merge import merge

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

API_VERSION = "k3d.io/v1alpha5"
NAME_MAX = 32  # k3d's own limit

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?\Z")
_IMAGE = re.compile(r"[A-Za-z0-9+][A-Za-z0-9._/:@+-]*\Z")
_PORT = re.compile(r"(([0-9.]+|\[[0-9A-Fa-f:]+\]):)?(\d+(-\d+)?:)?\d+(-\d+)?(/(tcp|udp|sctp))?(@[A-Za-z0-9:,;*-]+)?\Z")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY")


def check_name(name: str) -> None:
    """ExpectedError when k3d would not take this name for a cluster."""
    if not _NAME.match(name) or len(name) > NAME_MAX:
        raise ExpectedError(
            f"{name!r} is no name for a k3d cluster; set name to at most {NAME_MAX} lower case letters, digits and '-' "
            "that begin and end with a letter or digit."
        )


def configuration(
    name: str,
    servers: int,
    agents: int,
    image: str | None,
    ports: Sequence[str],
    registries: str | None,
    given: Mapping[str, Any],
    no_proxy: Sequence[str] = (),
) -> dict[str, Any]:
    """What k3d is handed: the generated configuration with ``given`` merged into it, lists appended."""
    check(name, servers, agents, image, ports, registries, given)
    generated: dict[str, Any] = {
        "apiVersion": API_VERSION,
        "kind": "Simple",
        "metadata": {"name": name},
        "servers": servers,
        "agents": agents,
        "ports": [_port(port) for port in ports],
        "options": {"kubeconfig": {"updateDefaultKubeconfig": True, "switchCurrentContext": True}},
    }
    if image:
        generated["image"] = image
    if registries:
        # k3d takes a text of one line for a path
        generated["registries"] = {"config": registries.rstrip("\n") + "\n"}
    merged = merge(generated, {key: value for key, value in given.items() if value is not None})
    if no_proxy:
        merged["env"] = _without_proxy(merged.get("env") or [], no_proxy)
    return {key: value for key, value in merged.items() if value != []}


def is_channel(image: str) -> bool:
    """Whether k3d asks the network which image is meant."""
    return image in ("latest", "stable") or image.startswith("+")


def remembered(whole: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a configuration that is compared with a later one: without what is seen in containers, and without secrets."""
    seen = ("apiVersion", "kind", "metadata", "servers", "agents", "image", "registries", "token")
    return {key: value for key, value in whole.items() if key not in seen}


def _port(text: str) -> dict[str, Any]:
    port, _at, filters = text.partition("@")
    return {"port": port, **({"nodeFilters": filters.split(";")} if filters else {})}


def _without_proxy(env: list[Any], names: Sequence[str]) -> list[Any]:
    """The nodes' environment with ``names`` added to NO_PROXY wherever it names a proxy."""
    result = copy.deepcopy(env)
    for entry in env:
        variable, _equals, value = str(entry.get("envVar") or "").partition("=")
        if variable.upper() not in _PROXIES or not value:
            continue
        filters = entry.get("nodeFilters")
        ours = [
            other
            for other in result
            if str(other.get("envVar") or "").upper().startswith("NO_PROXY=") and other.get("nodeFilters") == filters
        ]
        if not ours:
            ours = [{"envVar": "NO_PROXY=", **({"nodeFilters": filters} if filters else {})}]
            result += ours
        for other in ours:
            key, _equals, before = str(other["envVar"]).partition("=")
            every = dict.fromkeys([*(word for word in before.split(",") if word), *names])
            other["envVar"] = f"{key}={','.join(every)}"
    return result


def check(
    name: str,
    servers: int,
    agents: int,
    image: str | None,
    ports: Sequence[str],
    registries: str | None,
    given: Mapping[str, Any],
    prefix: str = "",
) -> None:
    """ExpectedError for what k3d would not take; ``prefix`` is what the options' names begin with where they were set."""
    check_name(name)
    if servers < 1:
        raise ExpectedError(f"{prefix}servers is {servers}; set it to 1 or more.")
    if agents < 0:
        raise ExpectedError(f"{prefix}agents is {agents}; set it to 0 or more.")
    config = f"{prefix}config"
    for where, value in ((f"{prefix}image", image), (f"{config}.image", given.get("image"))):
        if value and not (isinstance(value, str) and _IMAGE.match(value)):
            raise ExpectedError(
                f"{where} is {value!r}, which is no image; set it to a reference such as rancher/k3s:v1.34.1-k3s1."
            )
    for port in ports:
        if not _PORT.match(port):
            raise ExpectedError(
                f"{prefix}ports has {port!r}; set each entry to [HOST:][HOSTPORT:]CONTAINERPORT[/PROTOCOL][@NODEFILTER], "
                "such as 8080:80@loadbalancer."
            )
    for key, right in (("kind", "Simple"), ("apiVersion", API_VERSION)):
        if given.get(key) not in (None, right):
            raise ExpectedError(f"{config} has {key}: {given[key]!r}; leave it out or set it to {right!r}.")
    for key, value in (("servers", servers), ("agents", agents)):
        if given.get(key) is not None:
            raise ExpectedError(
                f"{config} has {key}: {given[key]!r} and {prefix}{key} is {value}; leave the former out, the latter is what counts."
            )
    _k3d_schema.check(given, config)
    _check_ways(ports, given, prefix)
    named = (given.get("metadata") or {}).get("name")
    if named not in (None, name):
        raise ExpectedError(f"{config}.metadata.name is {named!r}; leave it out or set it to {name!r}.")
    inner = str((given.get("registries") or {}).get("config") or "")
    if registries and inner:
        raise ExpectedError(f"{prefix}registries and {config}.registries.config are both set; use one of the two.")
    # k3d takes a text of one line for a path
    for where, text in ((f"{prefix}registries", registries), (f"{config}.registries.config", inner)):
        if text and (where.endswith("registries") or "\n" in text):
            _k3s_registries.read(text, where)


def _check_ways(ports: Sequence[str], given: Mapping[str, Any], prefix: str) -> None:
    """A port goes by way of the load balancer unless it is told not to."""
    if not ((given.get("options") or {}).get("k3d") or {}).get("disableLoadbalancer"):
        return
    named = [(f"{prefix}ports has {text!r}", _port(text)) for text in ports]
    named += [(f"{prefix}config.ports has {port.get('port')!r}", port) for port in given.get("ports") or []]
    for told, port in named:
        if any(not node.endswith(":direct") for node in port.get("nodeFilters") or []):
            raise ExpectedError(
                f"{told} by way of the load balancer, and {prefix}config.options.k3d.disableLoadbalancer is true; "
                "name a node directly, as in 8080:80@server:0:direct, or leave the load balancer on."
            )
