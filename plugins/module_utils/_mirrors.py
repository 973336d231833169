# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: a declared list of mirrors, checked, and what containerd is told about it. Pure functions."""

from __future__ import annotations

import base64
import difflib
import hashlib
import json
import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._upstreams import (
    DEFAULT,
    check_host,
    check_url,
    url_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

OPTIONS: dict[str, dict[str, Any]] = {
    "host": {"type": "str", "required": True},
    "upstream": {"type": "str"},
    "username": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "ttl": {"type": "str"},
    "ca": {"type": "str"},
    "image": {"type": "str"},
    "volume": {"type": "str"},
    "endpoint": {"type": "str"},
    "override_path": {"type": "bool", "default": False},
    # not hidden by Ansible, which would hide it in `registries` as well: the modules keep it out of logs themselves
    "headers": {"type": "dict", "no_log": False},
}

# the port on which the registry's image listens inside its container
PORT = 5000
CLIENT_USER = "mirror"
_LONGEST_LABEL = 63
_VOLUME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+", re.ASCII)
_HEADER = re.compile(r"[A-Za-z0-9-]+", re.ASCII)
_DURATION = re.compile(r"(?:[0-9]+(?:h|m|s))+", re.ASCII)
_PEM = "-----BEGIN CERTIFICATE-----"


@dataclass(frozen=True)
class Place:
    """Where machines beyond the Docker host reach a cache; its container's name begins with ``prefix``."""

    prefix: str
    port: int
    url: str
    ca: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Mirror:
    """One item, checked: a cache of ours, or with ``endpoint`` one that somebody else runs."""

    host: str
    upstream: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ttl: str = "0"
    ca: str | None = field(default=None, repr=False)
    image: str | None = None
    volume: str | None = None
    endpoint: str | None = None
    override_path: bool = False
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    place: Place | None = None

    @property
    def name(self) -> str:
        """The name of its container."""
        return container_name(self.host, self.place.prefix if self.place else "")

    @property
    def volume_name(self) -> str:
        return self.volume or f"{self.name}-data"

    @property
    def external(self) -> bool:
        return self.endpoint is not None

    @property
    def closed(self) -> bool:
        """Whether the cache asks its clients for credentials: it can hold what its upstream shows only to some."""
        return not self.external and self.username is not None

    @property
    def url(self) -> str:
        """Where nodes reach the cache."""
        return self.endpoint or (self.place.url if self.place else f"http://{self.name}:{PORT}")


def container_name(host: str, prefix: str = "") -> str:
    """The container of a host's cache; different for different hosts, one label of DNS, so that no foreign name is ever asked.

    A dot becomes one dash, a dash two, the colon before a port three; in a host none of them stand side by side.
    """
    if host == DEFAULT:
        return f"{prefix}mirror-default"
    name = f"{prefix}mirror-" + re.sub(r"[\[\]]", "", host).replace("-", "--").replace(":", "---").replace(".", "-")
    if len(name) <= _LONGEST_LABEL:
        return name
    return name[:50].rstrip("-") + "-" + hashlib.sha256(host.encode()).hexdigest()[:12]


def read_pem(text: str, where: str, read: Callable[[str], str] | None = None) -> str:
    """A certificate given as PEM text or as a file of the machine where the module runs."""
    if _PEM not in text:
        path = os.path.expanduser(text.strip())
        if "-----BEGIN" in text or "\n" in text.strip() or not path:
            raise ExpectedError(f"{where} holds no certificate; give PEM text that begins with '{_PEM}', or a path.")
        try:
            text = (read or _read)(path)
        except OSError as error:
            raise ExpectedError(
                f"{where} is {path!r}, which can't be read: {error.strerror}; give a readable file."
            ) from error
        except UnicodeDecodeError as error:
            raise ExpectedError(f"{where} is {path!r}, which is no PEM file.") from error
        if _PEM not in text:
            raise ExpectedError(f"{where} is {path!r}, which holds no certificate that begins with '{_PEM}'.")
    if "PRIVATE KEY" in text:
        raise ExpectedError(f"{where} holds a private key; give only the certificate of the authority.")
    return text.strip() + "\n"


def _read(path: str) -> str:
    with open(path, encoding="ascii") as stream:
        return stream.read()


def items_of(value: Any, where: str = "mirrors") -> list[dict[str, Any]]:
    """The list as people write it, an item being a host or a dict, as a list of dicts; also as text, as ``-e`` hands it on."""
    if isinstance(value, str):
        value = _from_text(value)
    if not isinstance(value, (list, tuple)):
        raise ExpectedError(f"{where} must be a list of hosts, for example [docker.io, ghcr.io], not {value!r}.")
    items: list[dict[str, Any]] = []
    for index, item in enumerate(value):
        if isinstance(item, str):
            item = {"host": item}
        if not isinstance(item, dict):
            raise ExpectedError(f"{where}[{index}] is '{item}'; write a host, or a dict with at least 'host'.")
        for key in item:
            if key not in OPTIONS:
                near = difflib.get_close_matches(str(key), OPTIONS, 1)
                hint = f"did you mean '{near[0]}'?" if near else "known are " + ", ".join(OPTIONS) + "."
                raise ExpectedError(f"{where}[{index}] has the unknown key {key!r}; {hint}")
        if not item.get("host"):
            raise ExpectedError(f"{where}[{index}] has no 'host'; write for example host: docker.io.")
        items.append(dict(item))
    return items


def _from_text(value: str) -> Any:
    if value.lstrip().startswith("["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    parts = [part.strip() for part in value.split(",")]
    # what is no host at all is told as it was written
    return [part for part in parts if part] if all(" " not in part and "{" not in part for part in parts) else value


def parse(value: Any, where: str = "mirrors", read: Callable[[str], str] | None = None) -> list[Mirror]:
    """The declared list, checked wholly, ordered by host; ExpectedError names the item."""
    mirrors = [_parse_one(item, f"{where}[{index}]", read) for index, item in enumerate(items_of(value, where))]
    _refuse_twice([(mirror.host, "host") for mirror in mirrors], where)
    _refuse_twice([(mirror.volume_name, "volume") for mirror in mirrors if not mirror.external], where)
    return sorted(mirrors, key=lambda mirror: mirror.host)


def _refuse_twice(values: Iterable[tuple[str, str]], where: str) -> None:
    seen: set[str] = set()
    for value, key in values:
        if value in seen:
            raise ExpectedError(f"{where} has the {key} {value!r} twice; each item needs its own.")
        seen.add(value)


def _parse_one(item: Mapping[str, Any], where: str, read: Callable[[str], str] | None) -> Mirror:
    texts = {key: item.get(key) for key in OPTIONS if key not in ("headers", "override_path")}
    for key, value in texts.items():
        if value is None:
            continue
        if key == "ttl" and isinstance(value, int) and not isinstance(value, bool):
            texts[key] = str(value)
        elif not isinstance(value, str):
            raise ExpectedError(f"{where}.{key} must be text, not {type(value).__name__}.")
        elif not value.strip():
            raise ExpectedError(f"{where}.{key} is empty; leave it out, or give it a value.")
    host = str(texts["host"])
    check_host(host, f"{where}.host")
    _check_credentials(texts, where)
    headers = _headers(item.get("headers"), where)
    endpoint = texts["endpoint"]
    override_path = _boolean(item.get("override_path"), f"{where}.override_path")
    if endpoint is None:
        if override_path or headers:
            key = "override_path" if override_path else "headers"
            raise ExpectedError(
                f"{where}.{key} is for a cache that someone else runs; it needs 'endpoint' with that cache's URL."
            )
        if host == DEFAULT and texts["upstream"] is None:
            raise ExpectedError(
                f"{where} is _default, which needs 'upstream' or 'endpoint': one registry that has the images of every "
                "host not named otherwise."
            )
    else:
        _check_external(texts, where)
        endpoint = check_url(endpoint, f"{where}.endpoint", path=override_path)
        if texts["username"] is not None:
            if any(name.lower() == "authorization" for name in headers):
                raise ExpectedError(f"{where} has 'username' and an Authorization header; give one of them.")
            headers = {**headers, "Authorization": basic(texts["username"], texts["password"] or "")}
    volume = texts["volume"]
    if volume is not None and not _VOLUME.fullmatch(volume):
        raise ExpectedError(f"{where}.volume is {volume!r}, which is no name of a Docker volume.")
    upstream = texts["upstream"]
    return Mirror(
        host=host,
        upstream=check_url(upstream, f"{where}.upstream") if upstream is not None else url_of(host),
        username=texts["username"],
        password=texts["password"],
        ttl=_duration(texts["ttl"], f"{where}.ttl"),
        ca=None if texts["ca"] is None else read_pem(texts["ca"], f"{where}.ca", read),
        image=texts["image"],
        volume=volume,
        endpoint=endpoint,
        override_path=override_path,
        headers=headers,
    )


def _check_credentials(texts: Mapping[str, str | None], where: str) -> None:
    username, password = texts["username"], texts["password"]
    if (username is None) != (password is None):
        there, missing = ("username", "password") if password is None else ("password", "username")
        raise ExpectedError(f"{where} has '{there}' without '{missing}'; give both, or neither for anonymous pulls.")
    if username is not None and (":" in username or re.search(r"[\x00-\x1f\x7f]", username)):
        raise ExpectedError(f"{where}.username can't hold ':' or control characters.")
    if password is not None and re.search(r"[\x00-\x1f\x7f]", password):
        raise ExpectedError(f"{where}.password can't hold control characters.")


def _check_external(texts: Mapping[str, str | None], where: str) -> None:
    for key in ("upstream", "ttl", "image", "volume"):
        if texts[key] is not None:
            raise ExpectedError(
                f"{where} has 'endpoint' and '{key}'; 'endpoint' uses a cache that someone else runs, so leave '{key}' out."
            )


def _headers(value: Any, where: str) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ExpectedError(f"{where}.headers must be a dict of names and values.")
    headers: dict[str, str] = {}
    for name, text in value.items():
        if not isinstance(name, str) or not _HEADER.fullmatch(name):
            raise ExpectedError(f"{where}.headers has '{name}', which is no name of a header.")
        if not isinstance(text, str) or re.search(r"[\x00-\x1f\x7f]", text):
            raise ExpectedError(f"{where}.headers.{name} must be text without control characters.")
        headers[name] = text
    return headers


def _boolean(value: Any, where: str) -> bool:
    if value is None:
        return False
    if isinstance(value, bool):
        return value
    if str(value).lower() in ("true", "yes", "1", "on"):
        return True
    if str(value).lower() in ("false", "no", "0", "off"):
        return False
    raise ExpectedError(f"{where} is {value!r}, which is neither true nor false.")


def _duration(value: str | None, where: str) -> str:
    """As Go writes durations; a number alone is seconds, none or 0 keeps everything."""
    if value is None or value.strip("0") in ("", "s"):
        return "0"
    if value.isascii() and value.isdigit():
        return f"{int(value)}s"
    if not _DURATION.fullmatch(value):
        raise ExpectedError(f"{where} is {value!r}; write seconds, or a duration like 168h or 1h30m, or 0 to keep all.")
    return value


def basic(username: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def registry_item(mirror: Mirror, authorization: str | None = None) -> dict[str, Any]:
    """What ``containerd_hosts`` is told about one mirror: the cache first, then the upstream itself.

    Pushes never go through it. With ``_default`` containerd must fall back to the host it was asked for, so no server is named.
    """
    capabilities = ["pull", "resolve"]
    cache: dict[str, Any] = {"url": mirror.url, "capabilities": capabilities}
    headers = dict(mirror.headers)
    if authorization:
        headers["Authorization"] = authorization
    if headers:
        cache["headers"] = headers
    if mirror.override_path:
        cache["override_path"] = True
    if mirror.external and mirror.ca and mirror.url.startswith("https://"):
        cache["ca"] = mirror.ca
    elif mirror.place is not None and mirror.place.ca:
        cache["ca"] = mirror.place.ca
    item: dict[str, Any] = {"host": mirror.host, "endpoints": [cache]}
    if mirror.host == DEFAULT:
        return item
    item["server"] = mirror.upstream
    if not mirror.external and mirror.ca and mirror.upstream.startswith("https://"):
        # 'server' alone can't have a CA
        item["endpoints"].append({"url": mirror.upstream, "capabilities": capabilities, "ca": mirror.ca})
    return item


def hidden(mirrors: Any) -> Any:
    """The option as it was given, for Ansible's record of the call, without what people keep secret."""
    if not isinstance(mirrors, list):
        return mirrors
    shown = []
    for item in mirrors:
        if isinstance(item, dict):
            item = dict(item)
            if item.get("password") is not None:
                item["password"] = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
            if isinstance(item.get("headers"), dict):
                item["headers"] = dict.fromkeys(item["headers"], "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER")
        shown.append(item)
    return shown
