# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: what k3d's configuration file (k3d.io/v1alpha5, kind Simple) holds, as k3d 5.9 reads it.

It finds what can't be right where no k3d can be asked yet. A key that resembles none of these may be a newer k3d's, and is
left to the k3d that is installed.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError

if TYPE_CHECKING:
    from collections.abc import Mapping

_NODES = {"nodeFilters": [str]}
# a type; a dictionary of what its keys hold; a list of one, of what its entries are; None for anything
_FILE: dict[str, Any] = {
    "apiVersion": str,
    "kind": str,
    "metadata": {"name": str},
    "servers": int,
    "agents": int,
    "kubeAPI": {"host": str, "hostIP": str, "hostPort": str},
    "image": str,
    "network": str,
    "subnet": str,
    "token": str,
    "volumes": [{"volume": str, **_NODES}],
    "ports": [{"port": str, **_NODES}],
    "files": [{"source": str, "destination": str, "description": str, **_NODES}],
    "env": [{"envVar": str, **_NODES}],
    "hostAliases": [{"ip": str, "hostnames": [str]}],
    "options": {
        "k3d": {
            "wait": bool,
            "timeout": None,
            "disableLoadbalancer": bool,
            "disableImageVolume": bool,
            "disableRollback": bool,
            "loadbalancer": {"configOverrides": [str]},
        },
        "k3s": {"extraArgs": [{"arg": str, **_NODES}], "nodeLabels": [{"label": str, **_NODES}]},
        "kubeconfig": {"updateDefaultKubeconfig": bool, "switchCurrentContext": bool},
        "runtime": {
            "gpuRequest": str,
            "serversMemory": str,
            "agentsMemory": str,
            "hostPidMode": bool,
            "labels": [{"label": str, **_NODES}],
            "ulimits": [{"name": str, "soft": int, "hard": int}],
        },
    },
    "registries": {
        "create": {
            "name": str,
            "host": str,
            "hostPort": str,
            "image": str,
            "proxy": {"remoteURL": str, "username": str, "password": str},
            "volumes": [str],
            "enforcePortMatch": bool,
        },
        "use": [str],
        "config": str,
    },
}
_WORDS = {
    str: "text, in quotes where it looks like a number",
    int: "a whole number",
    bool: "true or false",
    dict: "a dictionary",
    list: "a list",
}
_SECRETS = ("token", "password", "config")


def check(given: Mapping[str, Any], where: str) -> None:
    """ExpectedError for a value of the wrong type and for a misspelled key; ``where`` is what the file is called."""
    _check({key: value for key, value in given.items() if value is not None}, _FILE, where)


def _check(value: Any, shape: Any, where: str) -> None:
    if shape is None:
        return
    kind = shape if isinstance(shape, type) else type(shape)
    if not _is(value, kind):
        shown = "" if where.rpartition(".")[2] in _SECRETS else f" is {value!r}"
        raise ExpectedError(f"{where}{shown or ' is of another type'}; set it to {_WORDS[kind]}, or leave it out.")
    if isinstance(shape, list):
        for number, entry in enumerate(value):
            _check(entry, shape[0], f"{where}[{number}]")
    if not isinstance(shape, dict):
        return
    for key, inner in value.items():
        if key in shape:
            _check(inner, shape[key], f"{where}.{key}")
            continue
        near = difflib.get_close_matches(str(key), list(shape), 1, 0.75)
        if near:
            raise ExpectedError(f"{where} has the key {key!r}, which k3d does not know; did you mean {near[0]!r}?")


def _is(value: Any, kind: type) -> bool:
    # true is a number to Python, and none to k3d
    return isinstance(value, kind) and not (kind is int and isinstance(value, bool))
