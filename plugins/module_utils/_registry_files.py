# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: the registry's configuration file, merged from the image's own and what is declared."""

from __future__ import annotations

import copy
import json
import posixpath
import traceback
from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils import _htpasswd, _yaml
from ansible_collections.kubelocal.registry.plugins.module_utils._docker import File
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_spec import STORAGE_SETTINGS, Spec

YAML_IMPORT_ERROR: str | None = None
try:
    import yaml
except ImportError:  # told by the module, with missing_required_lib
    YAML_IMPORT_ERROR = traceback.format_exc()

if TYPE_CHECKING:
    from collections.abc import Mapping

# Everything that this collection writes into a container lies here.
FOLDER = "/etc/kubelocal-registry"
CONFIG = "config.yml"
BASE = "base.yml"
HTPASSWD = "htpasswd"
CERTIFICATE = "tls.crt"
KEY = "tls.key"
HELPER = "upstream-credentials"
CREDENTIALS = "upstream-credentials.json"
UPSTREAM_CA = "upstream-ca.crt"
CA_BUNDLE = "ca-bundle.crt"
SYSTEM_CAS = "/etc/ssl/certs/ca-certificates.crt"

DEFAULT_DATA = "/var/lib/registry"
DEFAULT_ADDRESS = ":5000"
# When an image says nothing of its own.
FALLBACK: dict[str, Any] = {
    "version": 0.1,
    "storage": {"filesystem": {"rootdirectory": DEFAULT_DATA}},
    "http": {"addr": DEFAULT_ADDRESS},
}
# Without `cat`, which an image may lack; the registry asks it for credentials instead of its upstream for a sign of life,
# so that a cache starts while its upstream is down.
_HELPER = f"""#!/bin/sh
while IFS= read -r line || [ -n "$line" ]; do printf '%s\\n' "$line"; done < {FOLDER}/{CREDENTIALS}
"""


def load(content: bytes | None) -> dict[str, Any]:
    """A configuration file's content; what can't be read counts as the registry's defaults."""
    if content is None:
        return copy.deepcopy(FALLBACK)
    try:
        value = _yaml.load(content)
    except yaml.YAMLError:
        value = None
    return value if isinstance(value, dict) else copy.deepcopy(FALLBACK)


def dump(config: Mapping[str, Any]) -> bytes:
    text: str = yaml.safe_dump(dict(config), default_flow_style=False, sort_keys=True)
    return text.encode()


def merge(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """``change`` over ``base``, dictionaries deeply; a null removes."""
    merged = copy.deepcopy(dict(base))
    for key, value in change.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict):
            below = merged.get(key)
            merged[key] = merge(below if isinstance(below, dict) else {}, value)
        else:
            merged[key] = copy.deepcopy(value)
    return merged


def effective(config: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, Any]:
    """The configuration as the registry sees it: REGISTRY_A_B overrides a.b."""
    result = copy.deepcopy(dict(config))
    for variable, value in sorted(environment.items()):
        if not variable.startswith("REGISTRY_"):
            continue
        keys = variable[len("REGISTRY_") :].lower().split("_")
        place = result
        for key in keys[:-1]:
            below = place.get(key)
            if isinstance(below, str) and below:
                below = {below: {}}
            if not isinstance(below, dict):
                below = {}
            place[key] = below
            place = below
        # REGISTRY_STORAGE=s3 and the like name a driver instead of what the file has
        if keys in (["storage"], ["auth"]) or not isinstance(place.get(keys[-1]), dict):
            place[keys[-1]] = value
    return result


def dig(config: Mapping[str, Any], *keys: str) -> Any:
    value: Any = config
    for key in keys:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def data_folder(config: Mapping[str, Any]) -> str | None:
    """Where the images lie in the container; None when they are kept elsewhere (S3) or nowhere (memory)."""
    storage = config.get("storage")
    if isinstance(storage, str):
        storage = {storage: {}}
    drivers = driver_names(storage)
    if drivers and "filesystem" not in drivers:
        return None
    return posixpath.normpath(str(dig(config, "storage", "filesystem", "rootdirectory") or DEFAULT_DATA))


def driver_names(storage: Any) -> list[str]:
    return [key for key in storage if key not in STORAGE_SETTINGS] if isinstance(storage, dict) else []


def in_memory(config: Mapping[str, Any]) -> bool:
    return "inmemory" in driver_names(config.get("storage")) or config.get("storage") == "inmemory"


def inner_port(config: Mapping[str, Any]) -> int:
    """The port inside the container."""
    address = str(dig(config, "http", "addr") or DEFAULT_ADDRESS)
    port = address.rpartition(":")[2]
    return int(port) if port.isdigit() and 0 < int(port) < 65536 else 5000


def declared(base: Mapping[str, Any], spec: Spec, version: int) -> dict[str, Any]:
    """The image's configuration with everything declared in it."""
    change = dict(spec.config or {})
    merged = merge(base, change)
    storage = change.get("storage")
    chosen = driver_names(storage) if isinstance(storage, dict) else []
    if chosen and isinstance(merged.get("storage"), dict):
        merged["storage"] = {k: v for k, v in merged["storage"].items() if k in STORAGE_SETTINGS or k in chosen}
    if spec.users or spec.htpasswd:
        merged["auth"] = {"htpasswd": {"realm": spec.name, "path": f"{FOLDER}/{HTPASSWD}"}}
    if spec.https:
        tls = {"certificate": f"{FOLDER}/{CERTIFICATE}", "key": f"{FOLDER}/{KEY}"}
        merged["http"] = merge(merged.get("http") or {}, {"tls": tls})
    if spec.upstream:
        proxy: dict[str, Any] = {"remoteurl": spec.upstream.url.rstrip("/")}
        if spec.upstream.ttl is not None:
            proxy["ttl"] = 0 if spec.upstream.ttl == "0" else spec.upstream.ttl
        if version >= 3:
            proxy["exec"] = {"command": f"{FOLDER}/{HELPER}"}
        elif spec.upstream.username is not None:
            proxy["username"] = spec.upstream.username
            proxy["password"] = spec.upstream.password
        merged["proxy"] = proxy
    return merged


def credentials(spec: Spec) -> bytes:
    """What the helper prints: empty ones for an upstream that wants none."""
    upstream = spec.upstream
    if upstream is None:
        return b""
    pair = {"ServerURL": upstream.url, "Username": upstream.username or "", "Secret": upstream.password or ""}
    return json.dumps(pair).encode() + b"\n"


def files(
    base: Mapping[str, Any],
    spec: Spec,
    version: int,
    previous: Mapping[str, File],
    owner: tuple[int, int],
    system_cas: bytes = b"",
) -> dict[str, File]:
    """Every file of ours, by its name in our folder. Hashes that fit are taken from ``previous``."""

    def secret(content: bytes, mode: int = 0o600) -> File:
        return File(content, mode, owner[0], owner[1])

    result = {CONFIG: secret(dump(declared(base, spec, version))), BASE: secret(dump(base))}
    if spec.users:
        before = previous.get(HTPASSWD)
        text = _htpasswd.render(spec.users, before.content.decode(errors="replace") if before else "")
        result[HTPASSWD] = secret(text.encode())
    elif spec.htpasswd:
        result[HTPASSWD] = secret(spec.htpasswd.encode())
    if spec.https:
        result[CERTIFICATE] = secret(spec.https.certificate.encode())
        result[KEY] = secret(spec.https.key.encode())
    if spec.upstream and version >= 3:
        result[HELPER] = secret(_HELPER.encode(), 0o700)
        result[CREDENTIALS] = secret(credentials(spec))
    if spec.upstream and spec.upstream.ca:
        own = spec.upstream.ca.encode()
        result[UPSTREAM_CA] = secret(own)
        result[CA_BUNDLE] = secret(system_cas.rstrip() + b"\n" + own if system_cas else own)
    return result


def differing(current: Mapping[str, File], base: Mapping[str, Any], spec: Spec, version: int) -> list[str]:
    """Options whose files in the container are not as declared, sorted."""
    changed = set()
    have = load(current[CONFIG].content) if CONFIG in current else {}
    want = declared(base, spec, version)
    owners = {"auth": "users", "proxy": "upstream"}
    for key in have.keys() | want.keys():
        if key == "http":
            tls = dig(have, "http", "tls"), dig(want, "http", "tls")
            if tls[0] != tls[1]:
                changed.add("https")
            if {**(have.get("http") or {}), "tls": None} != {**(want.get("http") or {}), "tls": None}:
                changed.add("config")
        elif have.get(key) != want.get(key):
            option = owners.get(key, "config")
            changed.add("config" if dig(dict(spec.config or {}), key) is not None else option)
    if spec.users and (
        HTPASSWD not in current or _htpasswd.differing(current[HTPASSWD].content.decode(errors="replace"), spec.users)
    ):
        changed.add("users")
    if spec.https:
        pair = current.get(CERTIFICATE), current.get(KEY)
        if [file.content if file else None for file in pair] != [
            spec.https.certificate.encode(),
            spec.https.key.encode(),
        ]:
            changed.add("https")
    if spec.upstream:
        if version >= 3 and (CREDENTIALS not in current or current[CREDENTIALS].content != credentials(spec)):
            changed.add("upstream")
        own = current.get(UPSTREAM_CA)
        if (own.content if own else None) != (spec.upstream.ca.encode() if spec.upstream.ca else None):
            changed.add("upstream")
    return sorted(changed)


def check(config: Mapping[str, Any], path: str) -> None:
    """ExpectedError for a configuration that the registry would not start with."""
    drivers = driver_names(config.get("storage"))
    if len(drivers) > 1:
        raise ExpectedError(
            f"the configuration made of {path} and config names more than one storage driver "
            f"({', '.join(sorted(drivers))}); set those not wanted to null in config.storage."
        )
