# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: the variables of the playbooks, what each may hold, and one sentence for each that does not."""

from __future__ import annotations

import difflib
import functools
import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils import _formats, _k3d_config, _yaml
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._formats import shown
from ansible_collections.kubelocal.registry.plugins.plugin_utils import _derived

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

COLLECTION = Path(__file__).resolve().parents[2]

# Prefixes that are ours beside those of the roles.
PLAYBOOK_PREFIXES = ("cluster_", "up_", "down_", "status_")

# Variables that only the playbooks know, in the form of a role's argument specification.
PLAYBOOK_OPTIONS: dict[str, dict[str, Any]] = {
    "cluster_provider": {
        "type": "str",
        "default": "kind",
        "choices": ["kind", "k3d", "remote", "existing"],
        "description": "What makes the cluster.",
    },
    "cluster_name": {"type": "str", "default": "dev", "description": "Name of the cluster."},
    "cluster_kubeconfig": {"type": "path", "description": "The kubeconfig that is written and read."},
    "cluster_context": {"type": "str", "description": "The kubeconfig context of the cluster."},
    "cluster_docker_host": {"type": "str", "description": "Address of the Docker Engine."},
    "mirrors": {"type": "list", "elements": "raw", "default": [], "description": "Upstreams to cache."},
    "up_proof": {"type": "bool", "default": True, "description": "End with a real push and pull by every node."},
    "up_preflight": {"type": "bool", "default": True, "description": "Check what is needed before anything is made."},
    "up_serial": {
        "type": "str",
        "description": "How many machines reached by SSH are told at a time, as a number or a percentage. Unset is all.",
    },
    "status_file": {"type": "path", "description": "File that gets the status as JSON."},
    "status_proof": {"type": "bool", "default": True, "description": "Include a real pull on every node."},
    "registry_persistent": {
        "type": "bool",
        "default": False,
        "description": "Whether down leaves the registry running.",
    },
    "registry_purge": {"type": "bool", "default": False, "description": "Whether down deletes the registry's data."},
    # also the registry role's; here so that the playbooks have them when they hand them to other roles
    "registry_name": {"type": "str", "default": "local-registry", "description": "The registry's container."},
    "registry_port": {"type": "int", "default": 5001, "description": "The registry's port on the host."},
}


@dataclass
class Checked:
    """``values`` by variable, converted; ``problems``, a sentence each."""

    values: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


@functools.lru_cache(maxsize=4)
def role_options(collection: Path = COLLECTION) -> dict[str, dict[str, Any]]:
    """Every variable of every role, from the roles' argument specifications."""
    options: dict[str, dict[str, Any]] = {}
    for path in sorted(collection.glob("roles/*/meta/argument_specs.y*ml")):
        specification = _yaml.load(path.read_text(encoding="utf-8")) or {}
        for entry in (specification.get("argument_specs") or {}).values():
            for name, option in (entry.get("options") or {}).items():
                options.setdefault(name, option or {})
    return options


def known_options(collection: Path = COLLECTION) -> dict[str, dict[str, Any]]:
    """Every variable that a user of the playbooks may set."""
    options = dict(role_options(collection))
    for name, option in PLAYBOOK_OPTIONS.items():
        options[name] = {**options.get(name, {}), **option}
    return options


def prefixes(collection: Path = COLLECTION) -> tuple[str, ...]:
    """What the names of our variables begin with."""
    roles = (path.parents[1].name + "_" for path in collection.glob("roles/*/meta/argument_specs.y*ml"))
    always = ("kind_", "k3d_", "registry_", "mirrors_", "connect_", "remote_", "workstation_")
    return tuple(sorted({*PLAYBOOK_PREFIXES, *always, *roles}))


def ours(names: Iterable[str], collection: Path = COLLECTION) -> list[str]:
    """Those of ``names`` that carry one of our prefixes, or are ours altogether."""
    beginnings = prefixes(collection)
    return sorted(name for name in names if name in ("mirrors", "mirror") or name.startswith(beginnings))


def unknown_sentence(name: str, known: Iterable[str]) -> str:
    """What to say of a variable that nobody reads."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, 1, 0.6)
    if near:
        return f"{name}: no such variable; did you mean '{near[0]}'?"
    prefix = name.split("_", 1)[0] + "_"
    same = [other for other in names if other.startswith(prefix)]
    hint = f"those that begin with '{prefix}' are {', '.join(same)}" if same else "see the collection's documentation"
    return f"{name}: no such variable, though its prefix is this collection's; {hint}."


def check(values: Mapping[str, Any], collection: Path = COLLECTION) -> Checked:
    """Check the variables that the user set (templated, by name) and fill in the playbooks' own defaults."""
    known = known_options(collection)
    checked = Checked()
    for name in ours(values, collection):
        if name not in known:
            checked.problems.append(unknown_sentence(name, known))
            continue
        try:
            checked.values[name] = convert(name, values[name], known[name])
        except Problem as problem:
            checked.problems.append(str(problem))
    bad = bool(checked.problems)
    for name, option in PLAYBOOK_OPTIONS.items():
        if checked.values.get(name) is None:
            checked.values[name] = option.get("default")
    if not bad:
        checked.problems.extend(_contradictions(checked.values, values))
    return checked


def plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """What the playbooks hand on and print: never a secret."""
    return {**{name: values[name] for name in PLAYBOOK_OPTIONS if name != "mirrors"}, **_derived.derived(values)}


class Problem(Exception):
    """A value that can't be."""


def convert(name: str, value: Any, option: Mapping[str, Any], secret: bool = False) -> Any:
    """The value in its declared type, also when the command line gave it as text; Problem when that can't be."""
    kind = str(option.get("type", "str"))
    secret = secret or bool(option.get("no_log")) or _formats.is_secret(name)
    if value is None:
        if option.get("default") is None and not option.get("required"):
            return None
        raise Problem(f"{name}: null is no value; leave the variable out for its default, {_default(option)}.")
    converted = _typed(name, value, kind, option, secret)
    choices = option.get("choices")
    if choices:
        _check_choices(name, converted, choices, secret)
    elif kind in ("str", "path", "int", "float") and not (converted == "" and option.get("default") == ""):
        wrong = _formats.wrong(name, converted, secret)
        if wrong:
            raise Problem(f"{name}: {shown(value, secret)} {wrong}")
    return converted


def _default(option: Mapping[str, Any]) -> str:
    return "which is none" if option.get("default") is None else f"which is {option['default']!r}"


def _typed(name: str, value: Any, kind: str, option: Mapping[str, Any], secret: bool) -> Any:
    if kind == "bool":
        return _boolean(name, value, secret)
    if kind in ("int", "float"):
        return _number(name, value, secret, int if kind == "int" else float)
    if kind in ("str", "path"):
        return _text(name, value, secret)
    if kind == "list":
        return _list(name, value, option, secret)
    if kind in ("dict", "json"):
        return _mapping(name, value, option, secret)
    return value


def _boolean(name: str, value: Any, secret: bool) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).lower()
    if word in ("true", "yes", "on", "1", "y", "t"):
        return True
    if word in ("false", "no", "off", "0", "n", "f"):
        return False
    raise Problem(f"{name}: {shown(value, secret)} is neither true nor false; give one of the two.")


def _number(name: str, value: Any, secret: bool, to: type) -> Any:
    if not isinstance(value, (bool, list, dict)) and not (to is int and isinstance(value, float)):
        try:
            return to(str(value)) if re.fullmatch(r"[0-9.eE+-]+", str(value)) else to("no number")
        except ValueError:
            pass
    what = "a whole number" if to is int else "a number"
    raise Problem(f"{name}: {shown(value, secret)} is not {what}; give {what} without quotes, units or spaces.")


def _text(name: str, value: Any, secret: bool) -> str:
    if isinstance(value, (bool, list, dict)):
        what = "a mapping" if isinstance(value, dict) else "a list" if isinstance(value, list) else "a boolean"
        raise Problem(f"{name}: {shown(value, secret)} is {what}; give text.")
    if isinstance(value, float):
        raise Problem(f"{name}: {shown(value, secret)} is a number, which loses digits; put it in quotes.")
    return str(value)


def _list(name: str, value: Any, option: Mapping[str, Any], secret: bool) -> list[Any]:
    if isinstance(value, str):
        if value.lstrip().startswith("["):
            value = _json(name, value, secret, "a list")
        else:
            value = [part.strip() for part in value.split(",")] if value else []
    if not isinstance(value, (list, tuple)):
        raise Problem(f"{name}: {shown(value, secret)} is not a list; give a list, as in {name}: [...].")
    element: dict[str, Any] = {
        "type": option.get("elements", "raw"),
        "options": option.get("options"),
        "no_log": secret,
        "required": True,
        "choices": option.get("choices"),
    }
    return [convert(f"{name}[{index}]", item, element, secret) for index, item in enumerate(value)]


def _mapping(name: str, value: Any, option: Mapping[str, Any], secret: bool) -> dict[str, Any]:
    if isinstance(value, str):
        value = _json(name, value, secret, "a mapping") if value.lstrip().startswith("{") else value
    if not isinstance(value, dict):
        raise Problem(f"{name}: {shown(value, secret)} is not a mapping; give one, as in {name}: {{key: value}}.")
    nested = option.get("options")
    if not nested:
        wrong = _formats.wrong_mapping(name, value, secret)
        if wrong:
            raise Problem(wrong)
        return dict(value)
    result: dict[str, Any] = {}
    for key, item in value.items():
        if key not in nested:
            near = difflib.get_close_matches(str(key), list(nested), 1, 0.6)
            hint = f"did you mean '{near[0]}'?" if near else f"the keys are {', '.join(sorted(nested))}."
            raise Problem(f"{name}: no key {shown(str(key), False)} is known there; {hint}")
        result[key] = convert(f"{name}.{key}", item, nested[key] or {}, secret)
    for key, inner in nested.items():
        if (inner or {}).get("required") and result.get(key) is None:
            raise Problem(f"{name}: {shown(value, True if secret else _has_secret(value))} has no '{key}'; add it.")
    return result


def _has_secret(value: Mapping[Any, Any]) -> bool:
    return any(_formats.is_secret(str(key)) for key in value)


def _json(name: str, value: str, secret: bool, what: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        raise Problem(f"{name}: {shown(value, secret)} is not {what} in JSON; check its brackets and quotes.") from None


def _check_choices(name: str, value: Any, choices: Any, secret: bool) -> None:
    for item in value if isinstance(value, list) else [value]:
        if item not in choices:
            near = difflib.get_close_matches(str(item), [str(choice) for choice in choices], 1, 0.6)
            hint = f"; did you mean '{near[0]}'?" if near else "."
            raise Problem(
                f"{name}: {shown(item, secret)} is not one of {', '.join(str(choice) for choice in choices)}{hint}"
            )


def _contradictions(values: Mapping[str, Any], given: Mapping[str, Any]) -> list[str]:
    found = [
        *_registry(values),
        *_kind(values, given),
        *_k3d(values),
        *_mirrors(values),
        *_remote(values),
        *_pairs(values),
        *_files(values),
    ]
    return [sentence for sentence in found if sentence]


def _registry(values: Mapping[str, Any]) -> Iterable[str]:
    if values.get("registry_persistent") and values.get("registry_purge"):
        yield (
            "registry_persistent: True contradicts registry_purge: True; one keeps the registry running, "
            "the other deletes its data: set only one of them."
        )
    address = str(values.get("registry_listen_address") or "127.0.0.1")
    guarded = values.get("registry_users") or values.get("registry_https") or values.get("registry_insecure")
    if not _formats.is_loopback(address) and not guarded:
        yield (
            f"registry_listen_address: {address!r} opens the registry to the network; set registry_users or "
            "registry_https as well, or registry_insecure: true if everyone there may write to it."
        )
    volume = values.get("registry_volume")
    if values.get("registry_purge") and volume == "":
        yield "registry_purge: True deletes a volume, but registry_volume is ''; leave one of them out."


def _kind(values: Mapping[str, Any], given: Mapping[str, Any]) -> Iterable[str]:
    config = values.get("kind_config") or {}
    if config.get("nodes") and "kind_workers" in given:
        yield (
            f"kind_workers: {values['kind_workers']} contradicts kind_config.nodes, which lists the nodes; "
            "set only one of them."
        )
    name = config.get("name")
    if name and name != values["cluster_name"] and values["cluster_provider"] == "kind":
        yield f"kind_config.name: {name!r} contradicts cluster_name: {values['cluster_name']!r}; leave the former out."
    if values["cluster_provider"] in ("kind", "k3d"):
        for variable in ("kind_cluster_name", "k3d_cluster_name", "connect_cluster_name"):
            other = values.get(variable)
            if other and other != values["cluster_name"]:
                yield (
                    f"{variable}: {other!r} contradicts cluster_name: {values['cluster_name']!r}; "
                    "the playbooks read cluster_name only."
                )


def _k3d(values: Mapping[str, Any]) -> Iterable[str]:
    name = values["cluster_name"]
    if values["cluster_provider"] == "k3d" and len(name) > 32:
        yield f"cluster_name: {name!r} is longer than the 32 characters that k3d allows; choose a shorter one."
    elif values["cluster_provider"] == "k3d":
        try:
            _k3d_config.check(
                name,
                values.get("k3d_servers") or 1,
                values.get("k3d_agents") or 0,
                values.get("k3d_image"),
                values.get("k3d_ports") or [],
                values.get("k3d_registries"),
                values.get("k3d_config") or {},
                "k3d_",
            )
        except ExpectedError as error:
            yield str(error)


def _remote(values: Mapping[str, Any]) -> Iterable[str]:
    """What plays for machines reached by SSH could only leave aside."""
    if values["cluster_provider"] != "remote":
        return
    if values.get("registry_https"):
        yield "registry_https: is not read with cluster_provider=remote; give remote_certificate, remote_key and remote_ca."
    if values.get("mirrors_preload"):
        yield "mirrors_preload: is not possible with cluster_provider=remote; pull the images on one node to have them in the caches."
    if values.get("connect_node_agent") and not values.get("cluster_kubeconfig"):
        yield "connect_node_agent: needs cluster_kubeconfig with cluster_provider=remote; give a kubeconfig on the controller."


def _mirrors(values: Mapping[str, Any]) -> Iterable[str]:
    seen: set[str] = set()
    for index, item in enumerate(values.get("mirrors") or []):
        where = f"mirrors[{index}]"
        if isinstance(item, str):
            item = {"host": item}
        if not isinstance(item, dict):
            yield f"{where}: {shown(item, False)} is neither a registry host nor a mapping with 'host'; give one of them."
            continue
        yield from _mirror(where, item)
        host = str(item.get("host") or "")
        if host in seen:
            yield f"{where}.host: {host!r} is listed twice; leave one out."
        seen.add(host)


def _mirror(where: str, item: Mapping[str, Any]) -> Iterable[str]:
    if not item.get("host"):
        yield f"{where}.host: there is none among {', '.join(map(str, item)) or 'no keys'}; name the upstream's host."
        return
    if item["host"] != "_default":
        wrong = _formats.wrong("registry_hostport", item["host"], False)
        if wrong:
            yield f"{where}.host: {shown(item['host'], False)} {wrong}"
    for key in ("upstream",):
        wrong = _formats.wrong("mirror_url", item[key], False) if item.get(key) else None
        if wrong:
            yield f"{where}.{key}: {shown(item[key], False)} {wrong}"
    if bool(item.get("username")) != bool(item.get("password")):
        half, other = ("username", "password") if item.get("username") else ("password", "username")
        yield f"{where}.{half}: it is set without {other}; set both or neither."
    if item.get("upstream") and item.get("endpoint"):
        yield f"{where}.endpoint: it contradicts {where}.upstream; a cache is ours or someone else's, set only one."


def _pairs(values: Mapping[str, Any]) -> Iterable[str]:
    for username in (name for name in values if name.endswith("_username")):
        password = username[: -len("username")] + "password"
        if bool(values.get(username)) != bool(values.get(password)):
            half, other = (username, password) if values.get(username) else (password, username)
            yield f"{half}: it is set without {other}; set both or neither."
    for password in (name for name in values if name.endswith("_password") and values[name]):
        username = password[: -len("password")] + "username"
        if username not in values and username in known_options():
            yield f"{password}: it is set without {username}; set both or neither."


def _files(values: Mapping[str, Any]) -> Iterable[str]:
    path = values.get("status_file")
    if path:
        folder = os.path.dirname(os.path.abspath(os.path.expanduser(path)))
        if os.path.isdir(os.path.expanduser(path)):
            yield f"status_file: {path!r} is a folder; name a file."
        elif not os.path.isdir(folder):
            yield f"status_file: {path!r} lies in a folder that does not exist; make {folder!r} first."
    path = values.get("cluster_kubeconfig")
    if path and os.path.isdir(os.path.expanduser(path)):
        yield f"cluster_kubeconfig: {path!r} is a folder; name a file."
