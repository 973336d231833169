# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: what a registry container is declared to be, and whether that makes sense."""

from __future__ import annotations

import ipaddress
import os
import re
import ssl
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils import _htpasswd, _image_ref
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_IMAGE = "docker.io/library/registry:3"
DEFAULT_PORT = 5001
DEFAULT_LISTEN_ADDRESS = "127.0.0.1"
DEFAULT_RESTART_POLICY = "unless-stopped"
RESTART_POLICIES = ("no", "always", "unless-stopped", "on-failure")

LABEL_PREFIX = "kubelocal.registry."

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{1,62}", re.ASCII)
_VOLUME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{1,254}", re.ASCII)
_DURATION = re.compile(r"0|(?:[0-9]+(?:\.[0-9]+)?(?:ns|us|ms|s|m|h))+", re.ASCII)
_ENVIRONMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SECRET_VARIABLE = re.compile(r"REGISTRY_.*(PASSWORD|SECRET|SECRETKEY|ACCESSKEY|ACCOUNTKEY|TOKEN)")

OPTIONS: dict[str, dict[str, Any]] = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "stopped", "absent"], "default": "present"},
    "image": {"type": "str"},
    "port": {"type": "int"},
    "listen_address": {"type": "str"},
    "networks": {"type": "list", "elements": "str"},
    "volume": {"type": "str"},
    "environment": {"type": "dict"},
    "config": {"type": "dict"},
    "labels": {"type": "dict"},
    "restart_policy": {"type": "str", "choices": list(RESTART_POLICIES)},
    "upstream": {
        "type": "dict",
        "options": {
            "url": {"type": "str", "required": True},
            "username": {"type": "str"},
            "password": {"type": "str", "no_log": True},
            "ttl": {"type": "str"},
            "ca": {"type": "str"},
        },
        "required_together": [("username", "password")],
    },
    "https": {
        "type": "dict",
        "options": {
            "certificate": {"type": "str"},
            "key": {"type": "str", "no_log": True},
        },
        "required_together": [("certificate", "key")],
    },
    "users": {"type": "dict", "no_log": True},
    "insecure": {"type": "bool", "default": False},
    "pull": {"type": "str", "choices": ["missing", "always", "never"], "default": "missing"},
    "purge": {"type": "bool", "default": False},
    "wait_timeout": {"type": "int", "default": 60},
}


@dataclass(frozen=True)
class Upstream:
    """What a pull-through cache caches."""

    url: str
    username: str | None = None
    password: str | None = None
    ttl: str | None = None
    ca: str | None = None


@dataclass(frozen=True)
class Https:
    """Certificate (with its chain) and key, as PEM text."""

    certificate: str
    key: str


@dataclass(frozen=True)
class Spec:
    """A registry as declared: None is 'not declared'. ``port`` 0 publishes none."""

    name: str
    image: str | None = None
    port: int | None = None
    listen_address: str | None = None
    networks: tuple[str, ...] | None = None
    volume: str | None = None
    environment: Mapping[str, str] | None = None
    config: Mapping[str, Any] | None = None
    labels: Mapping[str, str] | None = None
    restart_policy: str | None = None
    upstream: Upstream | None = None
    https: Https | None = None
    # declared and empty, which is plain HTTP, is not the same as left out
    https_declared: bool = False
    users: Mapping[str, str] | None = None
    # the users of an earlier declaration, hashed, where this one leaves them out
    htpasswd: str | None = None
    insecure: bool = False
    pull: str = "missing"
    wait_timeout: int = 60
    role: str = "registry"

    @property
    def defaults(self) -> dict[str, Any]:
        """What counts for a new container where nothing is declared."""
        return {
            "image": DEFAULT_IMAGE,
            "port": DEFAULT_PORT,
            "listen_address": DEFAULT_LISTEN_ADDRESS,
            "restart_policy": DEFAULT_RESTART_POLICY,
            "volume": f"{self.name}-data",
        }

    @property
    def needs_configuration(self) -> bool:
        return bool(self.config or self.users or self.htpasswd or self.https or self.upstream)

    @property
    def data_volume(self) -> str:
        return self.volume or f"{self.name}-data"


def from_options(options: Mapping[str, Any]) -> Spec:
    """The specification that a module's options declare, checked. Only name and volume matter for one that is to go."""
    try:
        return _from_options(options)
    except ExpectedError as error:
        # a value with a line break must not break the message's line
        raise type(error)(_CONTROL.sub(lambda found: repr(found.group())[1:-1], str(error))) from error


def _from_options(options: Mapping[str, Any]) -> Spec:
    if options.get("state") == "absent":
        gone = Spec(name=options["name"], volume=options.get("volume"))
        check(gone)
        return gone
    upstream, https = options.get("upstream"), options.get("https")
    spec = Spec(
        name=options["name"],
        image=options.get("image"),
        port=options.get("port"),
        listen_address=options.get("listen_address"),
        networks=None if options.get("networks") is None else tuple(dict.fromkeys(options["networks"])),
        volume=options.get("volume"),
        environment=_texts("environment", options.get("environment")),
        config=options.get("config"),
        labels=_texts("labels", options.get("labels")),
        restart_policy=options.get("restart_policy"),
        upstream=None
        if not upstream
        else Upstream(
            upstream["url"],
            upstream.get("username"),
            upstream.get("password"),
            upstream.get("ttl"),
            pem("upstream.ca", upstream.get("ca")),
        ),
        https_declared=https is not None,
        https=None
        if not https or https.get("certificate") is None
        else Https(pem("https.certificate", https["certificate"]) or "", pem("https.key", https["key"]) or ""),
        users=_texts("users", options.get("users")),
        insecure=bool(options.get("insecure")),
        pull=options.get("pull") or "missing",
        wait_timeout=options.get("wait_timeout") or 60,
    )
    if options.get("wait_timeout") is not None and not 1 <= options["wait_timeout"] <= 3600:
        raise ExpectedError(f"wait_timeout is {options['wait_timeout']}; it must be from 1 to 3600 seconds.")
    check(spec)
    return spec


def pem(option: str, value: str | None) -> str | None:
    """PEM text as given, or read from the path given."""
    if value is None or "-----BEGIN " in value:
        return value if value is None else value.strip() + "\n"
    if not value.startswith(("/", "~")) or "\n" in value:
        shown = "" if option.endswith("key") else f" '{value[:60]}'"
        raise ExpectedError(f"{option}{shown} is neither PEM text nor an absolute path of a file with it.")
    path = os.path.expanduser(value)
    try:
        with open(path, encoding="ascii") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ExpectedError(f"{option}: the file '{path}' can't be read: {reason}.") from error
    if "-----BEGIN " not in text:
        raise ExpectedError(f"{option}: the file '{path}' holds no PEM text.")
    return text.strip() + "\n"


def check(spec: Spec) -> None:
    """ExpectedError for anything that can't be right, before anything is touched."""
    if not _NAME.fullmatch(spec.name):
        raise ExpectedError(
            f"name '{spec.name}' can't be a container's; use letters, digits, '_', '.' and '-', 2 to 63 of them, beginning with a letter or digit."
        )
    if spec.image is not None and not re.fullmatch(r"(sha256:)?[0-9a-f]{64}", spec.image):
        _image_ref.parse(spec.image)
    if spec.port is not None and not 0 <= spec.port <= 65535:
        raise ExpectedError(f"port is {spec.port}; it must be from 1 to 65535, or 0 to publish none.")
    if spec.listen_address is not None:
        try:
            ipaddress.ip_address(spec.listen_address)
        except ValueError:
            raise ExpectedError(
                f"listen_address '{spec.listen_address}' is no IP address; 127.0.0.1 is this machine alone, 0.0.0.0 all of its addresses."
            ) from None
    if spec.volume is not None and not _VOLUME.fullmatch(spec.volume):
        raise ExpectedError(
            f"volume '{spec.volume}' is no name of a Docker volume; use letters, digits, '_', '.' and '-'."
        )
    for network in spec.networks or ():
        if not _VOLUME.fullmatch(network) or network in ("host", "none"):
            raise ExpectedError(f"networks: '{network}' is no name of a Docker network that a registry can join.")
    for key, value in (spec.environment or {}).items():
        if not _ENVIRONMENT.fullmatch(key):
            raise ExpectedError(f"environment: '{key}' is no name of a variable; use letters, digits and '_'.")
        if "\0" in value:
            raise ExpectedError(f"environment: the value of '{key}' holds a NUL character.")
        if _SECRET_VARIABLE.fullmatch(key):
            raise ExpectedError(
                f"environment: '{key}' would show in 'docker inspect'; use upstream, users or config instead, which go in as files."
            )
    for key in spec.labels or {}:
        if not key.strip() or "\0" in key:
            raise ExpectedError(f"labels: '{key}' is no name of a label.")
        if key.startswith(LABEL_PREFIX) and spec.role == "registry":
            raise ExpectedError(f"labels: '{key}' is one that this collection writes itself.")
    for user, password in (spec.users or {}).items():
        _htpasswd.check_user(user, password)
    _check_upstream(spec.upstream)
    if spec.https is not None:
        _check_https(spec.https)
    _check_contradictions(spec)


def _check_upstream(upstream: Upstream | None) -> None:
    if upstream is None:
        return
    if not re.fullmatch(r"https?://[^\s/@?#]+/?", upstream.url):
        shown = re.sub(r"[^/]*@", "********@", upstream.url)
        raise ExpectedError(
            f"upstream.url '{shown}' is no registry's address; write it like https://registry-1.docker.io, credentials apart in username and password."
        )
    if upstream.ttl is not None and not _DURATION.fullmatch(upstream.ttl):
        raise ExpectedError(
            f"upstream.ttl '{upstream.ttl}' is no duration; write it like 168h, or 0 to keep everything."
        )
    for name, value in (("username", upstream.username), ("password", upstream.password)):
        if value is not None and (not value.strip() or _CONTROL.search(value)):
            raise ExpectedError(
                f"upstream.{name} is empty or holds a control character; give what the upstream expects."
            )
    if upstream.ca is not None:
        try:
            ssl.create_default_context(cadata=upstream.ca)
        except (ssl.SSLError, ValueError) as error:
            raise ExpectedError(
                "upstream.ca is no certificate that can be read; give the CA's certificate as PEM text."
            ) from error


def _check_https(https: Https) -> None:
    """The key fits the certificate: OpenSSL says so, which only reads files (0600, gone at once)."""

    def no_passphrase() -> str:
        raise ExpectedError(
            "https.key is encrypted with a passphrase, which nobody could type when the registry starts; give it without one."
        )

    with tempfile.TemporaryDirectory(prefix="kubelocal-") as folder:
        paths = []
        for name, text in (("certificate", https.certificate), ("key", https.key)):
            path = os.path.join(folder, name)
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                file.write(text)
            paths.append(path)
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(paths[0], paths[1], password=no_passphrase)
        except ssl.SSLError as error:
            if "KEY_VALUES_MISMATCH" in str(error):
                raise ExpectedError(
                    "https.key does not belong to https.certificate; give the key that the certificate was made for."
                ) from error
            raise ExpectedError(
                "https.certificate and https.key can't be read as PEM text of a certificate and its key."
            ) from error


def _check_contradictions(spec: Spec) -> None:
    config: Mapping[str, Any] = spec.config or {}
    environment = spec.environment or {}
    http = config.get("http")
    http = http if isinstance(http, dict) else {}
    pairs = (
        ("users", spec.users, "config.auth", config.get("auth"), "REGISTRY_AUTH"),
        ("https", spec.https, "config.http.tls", http.get("tls"), "REGISTRY_HTTP_TLS"),
        ("upstream", spec.upstream, "config.proxy", config.get("proxy"), "REGISTRY_PROXY"),
    )
    for option, declared, path, other, prefix in pairs:
        if not declared:
            continue
        if other is not None:
            raise ExpectedError(f"{option} and {path} are both given; give one of them.")
        for key in environment:
            if key == prefix or key.startswith(prefix + "_"):
                raise ExpectedError(f"{option} and environment.{key} are both given; give one of them.")
    storage = config.get("storage")
    if isinstance(storage, dict):
        drivers = [key for key in storage if key not in STORAGE_SETTINGS and storage[key] is not None]
        if len(drivers) > 1:
            raise ExpectedError(
                f"config.storage names more than one driver ({', '.join(sorted(drivers))}); the registry takes one."
            )
    for key in ("storage", "http", "auth", "log", "proxy", "health", "notifications"):
        if config.get(key) is not None and not isinstance(config[key], (dict, str)):
            raise ExpectedError(f"config.{key} is '{config[key]}'; it must be a dictionary.")
    exposed = spec.port != 0 and spec.listen_address is not None and not is_loopback(spec.listen_address)
    guarded = bool(spec.users or spec.https or config.get("auth") or http.get("tls"))
    if exposed and not guarded and not spec.insecure:
        raise ExpectedError(
            f"listen_address {spec.listen_address} lets anybody who reaches this machine push and pull; give users or https, or set insecure to true."
        )


# Keys below the registry's ``storage`` that are no drivers.
STORAGE_SETTINGS = frozenset({"cache", "delete", "maintenance", "redirect", "tag"})


def is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _texts(option: str, values: Mapping[str, Any] | None) -> dict[str, str] | None:
    """Scalars as the text that YAML's writer meant; anything else is an error."""
    if values is None:
        return None
    found = {}
    for key, value in values.items():
        if isinstance(value, bool):
            value = "true" if value else "false"
        if value is None or not isinstance(value, (str, int, float)):
            raise ExpectedError(f"{option}: the value of '{key}' is a {type(value).__name__}; it must be text.")
        found[str(key)] = str(value)
    return found
