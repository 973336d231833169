# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: k3s' registries.yaml, and the tree that k3s renders from it at its start, kept in step.

k3s (and rke2) read registries.yaml only when they start, and write the tree of hosts.toml from it then. Both are written
here: the tree works at once, registries.yaml makes it come back after a restart and on nodes that are copied from it.
"""

from __future__ import annotations

import base64
import json
import posixpath
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ansible_collections.kubelocal.registry.plugins.module_utils._containerd_plan import (
    Wanted,
    backup,
    make_folder,
    plan_tree,
    start,
    write,
)
from ansible_collections.kubelocal.registry.plugins.module_utils._containerd_toml import TomlError, statements
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._hosts_toml import (
    DEFAULT_HOST,
    MARKER,
    Endpoint,
    Registry,
    default_server,
    ours,
)
from ansible_collections.kubelocal.registry.plugins.module_utils._node_tree import NewFile, Plan, View

try:
    import yaml

    HAVE_YAML = True
except ImportError:  # the files that this collection wrote are read without it
    HAVE_YAML = False

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_OWNED = "# kubelocal.registry owns: "
_PLAIN = re.compile(r"[A-Za-z/_.][A-Za-z0-9/_.:@-]*[A-Za-z0-9/_-]|[A-Za-z]")
_WORDS = frozenset(("true", "false", "yes", "no", "on", "off", "null", "y", "n"))


def plan_k3s(view: View, wanted: Wanted) -> Plan:
    """The plan for one node whose containerd k3s or rke2 keeps."""
    refuse(wanted.registries if wanted.present else [])
    plan = Plan()
    path = f"{wanted.k3s_config}/registries.yaml"
    certs_dir = wanted.certs_dir or f"{wanted.k3s_data}/agent/etc/containerd/certs.d"
    view.load(wanted.k3s_config)
    start(plan, view, certs_dir)
    entry = view.get(path)
    text = entry.content.decode(errors="replace") if entry is not None and entry.kind == "file" else ""
    document, owned = read(text, path)
    registries = [_with_paths(registry, wanted.k3s_config) for registry in wanted.registries]
    new, new_owned = _merged(document, owned, registries, wanted)
    rendered = dump(new, new_owned) if new_owned or new != document or ours(text) else text
    if rendered != text and (new != document or new_owned != owned):
        make_folder(plan, view, wanted.k3s_config)
        if text and not ours(text):
            backup(plan, view, path)
        secret = any("auth" in (config or {}) for config in (new.get("configs") or {}).values())
        write(plan, view, path, NewFile(rendered.encode(), 0o600 if secret else 0o644))
        plan.actions.append(f"wrote {path}")
    _plan_pems(plan, view, wanted)
    unchanged = new == document
    accepted = frozenset(
        registry.host for registry in registries if unchanged and _rendered_alike(view, certs_dir, registry)
    )
    changed = Wanted(registries, wanted.present, wanted.exclusive, certs_dir)
    plan_tree(plan, view, changed, certs_dir, accepted, frozenset(_folder(host) for host in owned.get("mirrors", [])))
    return plan


def at_birth(registries: Sequence[Registry]) -> str:
    """The file's text for nodes that are yet to be made; what needs certificates on them has to wait until they are there."""
    ready = [
        registry
        for registry in registries
        if all(
            not value or value.startswith("/")
            for endpoint in registry.endpoints
            for value in (endpoint.ca, endpoint.certificate, endpoint.key)
        )
    ]
    refuse(ready)
    document, _owned = _merged({}, {}, ready, Wanted(ready))
    return dump(document, {}) if document else ""


def refuse(registries: Sequence[Registry]) -> None:
    """ExpectedError for what registries.yaml has no words for, so that it would be lost at the next start of k3s."""
    for registry in registries:
        for endpoint in registry.endpoints:
            where = f"registries: endpoint '{endpoint.url}' of '{registry.host}'"
            if endpoint.dial_timeout:
                raise ExpectedError(f"{where} has dial_timeout, which k3s' registries.yaml can't say; leave it out.")
            if set(endpoint.capabilities) - {"pull", "resolve"}:
                raise ExpectedError(
                    f"{where} has capabilities that k3s' registries.yaml can't say; only pull and resolve can be kept."
                )
            if endpoint.headers and _login(endpoint) is None:
                raise ExpectedError(
                    f"{where} has headers that k3s' registries.yaml can't say; only 'Authorization: Basic …' can be kept."
                )


def read(text: str, path: str) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """The document, and which mirrors and configs in it are ours."""
    owned: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line.startswith(_OWNED):
            try:
                owned = json.loads(line[len(_OWNED) :])
            except ValueError:
                owned = {}
    if not text.strip():
        return {}, owned
    document: Any
    if HAVE_YAML:
        try:
            document = yaml.safe_load(text)
        except yaml.YAMLError as error:
            # the parser's own words quote the text, which may hold passwords
            mark = getattr(error, "problem_mark", None)
            line = "" if mark is None else f" (line {mark.line + 1})"
            raise ExpectedError(f"{path} is not valid YAML{line}; mend it, k3s does not start with it.") from None
    elif ours(text):
        document = _load_own(text, path)
    else:
        raise ExpectedError(f"{path} is not ours, and reading it takes PyYAML; install python3-yaml on this node.")
    if document is None:
        return {}, owned
    if not isinstance(document, dict) or any(
        not isinstance(document.get(key) or {}, dict) for key in ("mirrors", "configs")
    ):
        raise ExpectedError(f"{path} is not what k3s reads (mappings 'mirrors' and 'configs'); mend it.")
    return document, owned


def dump(document: Mapping[str, Any], owned: Mapping[str, Sequence[str]]) -> str:
    """The file's text."""
    lines = [MARKER, _OWNED + json.dumps(owned, sort_keys=True)] if any(owned.values()) else []
    _emit(lines, document, 0)
    return "\n".join(lines) + "\n"


def _merged(
    document: Mapping[str, Any], owned: Mapping[str, Sequence[str]], registries: Sequence[Registry], wanted: Wanted
) -> tuple[dict[str, Any], dict[str, list[str]]]:
    mirrors = dict(document.get("mirrors") or {})
    configs = dict(document.get("configs") or {})
    ours_mirrors, ours_configs = set(owned.get("mirrors", [])), set(owned.get("configs", []))
    listed = {mirror(registry.host) for registry in registries}
    gone = ours_mirrors if wanted.exclusive else ours_mirrors & listed
    needed: dict[str, Any] = {}
    for name in gone:
        mirrors.pop(name, None)
    if wanted.present:
        for registry in registries:
            mirrors[mirror(registry.host)] = {"endpoint": _endpoints(registry)}
            for endpoint in registry.endpoints:
                config = _config(endpoint)
                if config:
                    needed[endpoint.host] = config
    ours_mirrors = (ours_mirrors - gone) | (listed if wanted.present else set())
    # a config of ours stays as long as a mirror of ours has its endpoint
    used = {urlsplit(url).netloc for name in ours_mirrors for url in (mirrors.get(name) or {}).get("endpoint") or []}
    for host in ours_configs - set(needed):
        if host not in used or any(endpoint.host == host for registry in registries for endpoint in registry.endpoints):
            configs.pop(host, None)
            ours_configs = ours_configs - {host}
    configs.update(needed)
    ours_configs |= set(needed)
    new = {key: value for key, value in document.items() if key not in ("mirrors", "configs")}
    if mirrors or "mirrors" in document:
        new["mirrors"] = mirrors
    if configs or "configs" in document:
        new["configs"] = configs
    for key in ("mirrors", "configs"):
        if key in new and not new[key] and (document.get(key) or owned.get(key)):
            del new[key]
    kept = {"mirrors": sorted(ours_mirrors), "configs": sorted(ours_configs)}
    return new, {key: value for key, value in kept.items() if value}


def mirror(host: str) -> str:
    """What registries.yaml calls a host."""
    return "*" if host == DEFAULT_HOST else host


def _folder(mirror: str) -> str:
    return DEFAULT_HOST if mirror == "*" else mirror


def _endpoints(registry: Registry) -> list[str]:
    urls = [endpoint.url for endpoint in registry.endpoints]
    # k3s adds the registry's own address itself; another server has to be an endpoint
    if registry.server and registry.server != default_server(registry.host) and registry.server not in urls:
        urls.append(registry.server)
    return urls


def _config(endpoint: Endpoint) -> dict[str, Any]:
    tls: dict[str, Any] = {}
    if endpoint.ca:
        tls["ca_file"] = endpoint.ca
    if endpoint.certificate:
        tls["cert_file"] = endpoint.certificate
        tls["key_file"] = endpoint.key or endpoint.certificate
    if endpoint.skip_verify:
        tls["insecure_skip_verify"] = True
    config: dict[str, Any] = {}
    login = _login(endpoint)
    if login is not None:
        config["auth"] = {"username": login[0], "password": login[1]}
    if tls:
        config["tls"] = tls
    return config


def _login(endpoint: Endpoint) -> tuple[str, str] | None:
    if len(endpoint.headers) != 1 or endpoint.headers[0][0].lower() != "authorization":
        return None
    kind, _space, value = endpoint.headers[0][1].partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(value, validate=True).decode().partition(":")
    except ValueError:
        return None
    return (user, password) if colon else None


def _pem_path(folder: str, host: str, number: int, name: str) -> str:
    return f"{folder}/kubelocal/{host}/{name.format(number)}"


def _with_paths(registry: Registry, folder: str) -> Registry:
    """The registry with PEM text replaced by the paths it is kept at, outside of the tree that k3s makes anew."""
    endpoints = []
    for number, endpoint in enumerate(registry.endpoints, 1):
        paths = {
            "ca": _pem_path(folder, registry.host, number, "ca-{}.crt"),
            "certificate": _pem_path(folder, registry.host, number, "client-{}.crt"),
            "key": _pem_path(folder, registry.host, number, "client-{}.key"),
        }
        given = {name: getattr(endpoint, name) for name in paths}
        changed = {name: paths[name] if value and not value.startswith("/") else value for name, value in given.items()}
        endpoints.append(
            Endpoint(
                endpoint.url,
                endpoint.capabilities,
                changed["ca"],
                changed["certificate"],
                changed["key"],
                endpoint.skip_verify,
                endpoint.override_path,
                endpoint.headers,
                endpoint.dial_timeout,
            )
        )
    return Registry(registry.host, registry.server, tuple(endpoints))


def _plan_pems(plan: Plan, view: View, wanted: Wanted) -> None:
    top = f"{wanted.k3s_config}/kubelocal"
    kept: set[str] = set()
    for registry in wanted.registries if wanted.present else []:
        for number, endpoint in enumerate(registry.endpoints, 1):
            for value, name, mode in (
                (endpoint.ca, "ca-{}.crt", 0o644),
                (endpoint.certificate, "client-{}.crt", 0o600 if "PRIVATE KEY" in endpoint.certificate else 0o644),
                (endpoint.key, "client-{}.key", 0o600),
            ):
                if not value or value.startswith("/"):
                    continue
                path = _pem_path(wanted.k3s_config, registry.host, number, name)
                make_folder(plan, view, posixpath.dirname(path))
                kept.add(path)
                if write(plan, view, path, NewFile(value.strip().encode() + b"\n", mode, secret=mode == 0o600)):
                    plan.actions.append(f"wrote {path}")
    listed = {registry.host for registry in wanted.registries}
    for host in view.names(top) if view.is_dir(top) else []:
        if host not in listed and not wanted.exclusive:
            continue
        gone = [f"{top}/{host}/{name}" for name in view.names(f"{top}/{host}") if f"{top}/{host}/{name}" not in kept]
        plan.remove += gone
        if gone:
            plan.empty.append(f"{top}/{host}")
            plan.actions.append(f"removed certificates of '{host}' that are no longer used")


def _rendered_alike(view: View, certs_dir: str, registry: Registry) -> bool:
    """Whether k3s' own rendering of an unchanged registries.yaml stands there, whose words differ from ours."""
    # k3s leaves credentials out of the tree, for a table of containerd's configuration that containerd gives up
    if any(endpoint.headers for endpoint in registry.endpoints):
        return False
    entry = view.get(f"{certs_dir}/{registry.host}/hosts.toml")
    if entry is None or entry.kind != "file" or ours(entry.content):
        return False
    try:
        found = statements(entry.content.decode(errors="replace"))
    except TomlError:
        return False
    urls = [item.path[1] for item in found if item.header and len(item.path) == 2 and item.path[0] == "host"]
    return [bare(url) for url in urls] == [bare(url) for url in _endpoints(registry)]


def bare(url: str) -> str:
    """An endpoint without the API's version, which k3s writes behind it."""
    url = url.rstrip("/")
    return url[: -len("/v2")] if url.endswith("/v2") else url


def _emit(lines: list[str], value: Mapping[str, Any], depth: int) -> None:
    indent = "  " * depth
    for key in value:
        item = value[key]
        name = _scalar(str(key))
        if isinstance(item, dict) and item:
            lines.append(f"{indent}{name}:")
            _emit(lines, item, depth + 1)
        elif isinstance(item, list) and item and all(not isinstance(each, (dict, list)) for each in item):
            lines.append(f"{indent}{name}:")
            lines += [f"{indent}  - {_scalar(each)}" for each in item]
        else:
            lines.append(f"{indent}{name}: {_scalar(item)}")


def _scalar(value: Any) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS and ":" not in value:
        return value
    # JSON is YAML
    return json.dumps(value, ensure_ascii=False)


def _load_own(text: str, path: str) -> dict[str, Any]:
    """Reads what dump() writes."""
    top: dict[str, Any] = {}
    stack: list[tuple[int, Any]] = [(-1, top)]
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    try:
        for number, line in enumerate(lines):
            depth = len(line) - len(line.lstrip())
            while stack[-1][0] >= depth:
                stack.pop()
            inner = stack[-1][1]
            body = line.strip()
            if body.startswith("- "):
                inner.append(_value(body[2:]))
                continue
            name, rest = _split(body)
            if rest:
                inner[name] = _value(rest)
                continue
            following = lines[number + 1].strip() if number + 1 < len(lines) else ""
            inner[name] = [] if following.startswith("- ") else {}
            stack.append((depth, inner[name]))
    except (ValueError, IndexError, AttributeError, TypeError):
        raise ExpectedError(
            f"{path} was edited, and reading it then takes PyYAML; install python3-yaml on this node."
        ) from None
    return top


def _split(body: str) -> tuple[str, str]:
    if body.startswith('"'):
        name, end = json.JSONDecoder().raw_decode(body)
        if body[end : end + 1] != ":":
            raise ValueError(body)
        return str(name), body[end + 1 :].strip()
    name, colon, rest = body.partition(":")
    if not colon:
        raise ValueError(body)
    return name, rest.strip()


def _value(text: str) -> Any:
    return text if _PLAIN.fullmatch(text) and text not in _WORDS else json.loads(text)
