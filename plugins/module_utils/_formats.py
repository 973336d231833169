# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: what a value may look like, by the name of its variable or by the name of a form."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = rf"(?:{_LABEL})(?:\.{_LABEL})*"
_ADDRESSED = rf"(?:{_HOST}|\[[0-9a-f:]+\])"
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"


class _Form:
    """A pattern, and the words for what is right."""

    def __init__(self, pattern: str, right: str, longest: int = 4096) -> None:
        self.pattern = re.compile(pattern)
        self.right = right
        self.longest = longest


_FORMS = {
    "cluster": _Form(
        rf"{_LABEL}(?:\.{_LABEL})*",
        "is not a name for a cluster; give lower-case letters, digits, '-' and '.', at most 49 characters.",
        49,
    ),
    "hostname": _Form(
        rf"{_HOST}",
        "is not a name that nodes can look up; give lower-case letters, digits, '-' and '.', at most 63 characters.",
        63,
    ),
    "container": _Form(
        r"[a-zA-Z0-9][a-zA-Z0-9_.-]*",
        "is not a name for Docker; give letters, digits, '_', '.' and '-', beginning with a letter or digit.",
        128,
    ),
    "context": _Form(
        r"[A-Za-z0-9_][A-Za-z0-9._:/@+=-]*",
        "is not the name of a kubeconfig context; 'kubectl config get-contexts' lists them.",
        253,
    ),
    "image": _Form(
        rf"(?:(?:{_HOST}|[a-zA-Z0-9][a-zA-Z0-9.-]*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?/)?{_COMPONENT}(?:/{_COMPONENT})*"
        r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?",
        "is not an image reference; give one such as 'docker.io/library/registry:3'.",
        400,
    ),
    "engine": _Form(
        r"(?:unix|tcp|ssh|npipe|https?)://[A-Za-z0-9._~:/@%\[\]-]+",
        "is not the address of a Docker Engine; give one such as 'unix:///var/run/docker.sock' or 'ssh://user@host'.",
    ),
    "url": _Form(
        r"(?:https?|file)://[A-Za-z0-9\[][A-Za-z0-9._~:/?#\[\]@!&'*+,=%{}-]*|file:///[A-Za-z0-9._~/%+-]+",
        "is not a URL; give one that begins with 'http://' or 'https://'.",
    ),
    "hostport": _Form(
        rf"{_ADDRESSED}(?::[0-9]{{1,5}})?",
        "is not the host of a registry; give a name such as 'docker.io', with ':PORT' where it needs one.",
        253,
    ),
    "version": _Form(
        r"v?[0-9]+(?:\.[0-9]+){1,2}(?:[-+.][0-9A-Za-z.+-]+)?|latest|stable",
        "is not a version; give one such as 'v0.31.0'.",
        60,
    ),
    "checksum": _Form(
        r"(?:sha256:)?[0-9a-fA-F]{64}|https?://[A-Za-z0-9._~:/%+{}-]+",
        "is not a SHA-256; give 64 hexadecimal digits, or the URL of a file that has them.",
    ),
    # some registries give robots names with a '$'
    "user": _Form(
        r"(?:(?!\$[({]|\.\./)[^\s\x00-\x1f\x7f:;`\"'\\])+",
        "is not a user name; give one without ':', quotes or spaces.",
        128,
    ),
    "path": _Form(
        r"[^\x00-\x1f\x7f;`$\"'|&<>*?]+",
        "is not a path; give one without '..', quotes, wildcards, ';', '|', '&', '$' or control characters.",
    ),
    "ports": _Form(
        r"(?:(?:[0-9.]+|\[[0-9a-f:]+\]):)?(?:[0-9]+(?:-[0-9]+)?:)?[0-9]+(?:-[0-9]+)?(?:/(?:tcp|udp))?"
        r"(?:@[a-z0-9:*;,-]+)*",
        "is not a port mapping; give one such as '8080:80@loadbalancer'.",
    ),
    "namespace": _Form(_LABEL, "is not a Kubernetes name; give lower-case letters, digits and '-'.", 63),
    "size": _Form(
        r"[0-9]+(?:\.[0-9]+)?(?:[KMGTP]i?|[kmgtp]b?|[KMGTP]B)?", "is not a size; give one such as '10Gi'.", 20
    ),
    "mirror": _Form(
        rf"_default|{_ADDRESSED}(?::[0-9]{{1,5}})?",
        "is not the host of a registry; give a name such as 'docker.io', with ':PORT' where it needs one, or '_default'.",
        253,
    ),
    "platform": _Form(
        r"[a-z0-9]+/[a-z0-9_]+(?:/[a-z0-9]+)?",
        "is not a platform; give one such as 'linux/amd64'.",
        60,
    ),
    "service": _Form(
        r"[A-Za-z0-9][A-Za-z0-9@:._-]*",
        "is not the name of a systemd service; give one such as 'containerd'.",
        200,
    ),
    "duration": _Form(r"0|(?:[0-9]+(?:ns|us|ms|s|m|h|d))+", "is not a duration; give one such as '168h' or '30m'.", 30),
}

# by the whole name, then by what the name ends with
_BY_NAME = {
    "cluster_name": "cluster",
    "registry_name": "hostname",
    "connect_registry_name": "hostname",
    "registry_hostport": "hostport",
    "mirror_url": "url",
    "connect_help": "url",
    "k3d_ports": "ports",
}
_BY_END = (
    ("_cluster_name", "cluster"),
    ("_cluster", "cluster"),
    ("_docker_host", "engine"),
    ("_kubeconfig", "path"),
    ("_context", "context"),
    ("_image", "image"),
    ("_images", "image"),
    ("_preload", "image"),
    ("_url", "url"),
    ("_version", "version"),
    ("_checksum", "checksum"),
    ("_username", "user"),
    (".username", "user"),
    ("_volume", "container"),
    ("_networks", "container"),
    ("_network", "container"),
    ("_namespace", "namespace"),
    (".namespace", "namespace"),
    (".service_account", "namespace"),
    ("_dir", "path"),
    ("_path", "path"),
    ("_file", "path"),
    ("_executable", "path"),
    ("_storage_size", "size"),
    ("_ttl", "duration"),
)
_SECRETS = ("password", "token", "secret", "api_key", "auth", "_user")
# text of several lines, or of any shape
_FREE = ("certificate", "_key", ".key", "_ca", ".ca", "_cert", ".cert", "_pem", "help_text")

_RANGES = (
    ("_port_or_none", 0, 65535, "a port, or 0 for none"),
    ("_port", 1, 65535, "a port"),
    ("_timeout", 1, 86400, "a number of seconds"),
    ("_workers", 0, 100, "a number of nodes"),
    ("_agents", 0, 100, "a number of nodes"),
    ("_servers", 1, 9, "a number of nodes"),
    ("_replicas", 1, 100, "a number of replicas"),
)


def shown(value: Any, secret: bool) -> str:
    """A value in a sentence; a secret's never."""
    if secret:
        return "the value (not shown, it is a secret)"
    text = repr(str(value)) if isinstance(value, str) else str(value)
    return text if len(text) <= 120 else text[:117] + "..."


def is_secret(name: str) -> bool:
    """Whether a variable or key of that name holds something that must not be shown."""
    last = name.split("[")[0] if name.endswith("]") else name
    return any(last.endswith(word) or last.endswith(word + "s") for word in _SECRETS)


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach what listens there."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def misfit(form: str, value: Any) -> str | None:
    """What is wrong with a value for one of these forms, as the end of a sentence, or None."""
    if isinstance(value, (int, float)):
        return _wrong_number(f"_{form}", value)
    text = str(value)
    if not text.strip() or (text != text.strip() and form not in ("lines", "pem", "key")):
        return wrong("", text, False)
    if form == "secret":
        return wrong("", text, True)
    if form in ("pem", "key"):
        return _wrong_free(text)
    if form == "lines":
        return "holds control characters; give text." if _controls(re.sub(r"[\n\t]", "", text)) else None
    if form == "address":
        return _wrong_address(text)
    return _wrong_text(text) if form == "text" else _unlike(_FORMS[form], text)


def wrong(name: str, value: Any, secret: bool) -> str | None:
    """What is wrong with a value of the right type, as the end of a sentence, or None."""
    if isinstance(value, (int, float)):
        return _wrong_number(name, value)
    text = str(value)
    plain = re.sub(r"\[\d+\]", "", name)
    if not text:
        return "is empty; give a value, or leave the variable out for its default."
    if not text.strip() or (text != text.strip() and not plain.endswith(_FREE)):
        return "is or ends in white space; remove it." if not text.strip() else "has white space around it; remove it."
    if secret:
        return "holds a line break or another control character; remove it." if _controls(text) else None
    if plain.endswith(_FREE):
        return _wrong_free(text)
    if plain.endswith("_address"):
        return _wrong_address(text)
    form = _form(plain)
    return _wrong_text(text) if form is None else _unlike(form, text)


def _unlike(form: _Form, text: str) -> str | None:
    if form is _FORMS["path"] and ".." in re.split(r"[/\\]", text):
        return form.right
    if not form.pattern.fullmatch(text) or len(text) > form.longest or not text.isascii():
        return form.right
    return None


def wrong_mapping(name: str, value: Mapping[Any, Any], secret: bool) -> str | None:
    """What is wrong with a mapping of free keys, as a sentence, or None."""
    environment = name.endswith(("_environment", "_env"))
    labels = name.endswith(("_labels", "_annotations"))
    if not environment and not labels:
        return None
    for key, item in value.items():
        pattern = r"[A-Za-z_][A-Za-z0-9_]*" if environment else r"[A-Za-z0-9](?:[A-Za-z0-9._/-]*[A-Za-z0-9])?"
        if not re.fullmatch(pattern, str(key)):
            what = "the name of an environment variable" if environment else "the name of a label"
            return f"{name}: {str(key)!r} is not {what}; give letters, digits and {'_' if environment else '. _ / -'}."
        if isinstance(item, (dict, list)) or item is None:
            return f"{name}.{key}: {item if not secret else 'the value'} is not text; put it in quotes."
        text = str(item)
        if _controls(text) or (labels and (not text.isascii() or re.search(r"[\"'`\\]", text))):
            value_shown = "the value" if secret or is_secret(str(key).lower()) else repr(text)
            return f"{name}.{key}: {value_shown} holds quotes, control or non-ASCII characters; remove them."
    return None


def _form(name: str) -> _Form | None:
    if name in _BY_NAME:
        return _FORMS[_BY_NAME[name]]
    for end, form in _BY_END:
        if name.endswith(end):
            return _FORMS[form]
    return None


def _wrong_number(name: str, value: float) -> str | None:
    for end, low, high, what in _RANGES:
        if name.endswith(end) and not low <= value <= high:
            return f"is not {what}; give a whole number from {low} to {high}."
    if value < 0:
        return "is negative; give zero or more."
    return None


def _controls(text: str) -> bool:
    return bool(re.search(r"[\x00-\x1f\x7f]", text))


def _wrong_text(text: str) -> str | None:
    if _controls(text):
        return "holds a line break or another control character; remove it."
    if not text.isascii():
        return "holds characters beyond ASCII; use plain letters and digits."
    if re.search(r"[;`]|\$\(|\$\{|\.\./", text):
        return "holds ';', '`', '$(' or '../', which have no place there; remove them."
    return None


def _wrong_free(text: str) -> str | None:
    if re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", text):
        return "holds control characters; give PEM text or a path."
    if "-----BEGIN" not in text and ("\n" in text or _wrong_text(text)):
        return "is neither PEM text nor a path; give one of them."
    return None


def _wrong_address(text: str) -> str | None:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return "is not an IP address; give one such as '127.0.0.1' or '0.0.0.0'."
    return None
