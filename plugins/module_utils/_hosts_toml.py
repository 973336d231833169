# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: containerd's hosts.toml, from the options of a registry to the file's text.

What containerd would reject, or log and ignore, is refused here first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ansible_collections.kubelocal.registry.plugins.module_utils._containerd_toml import quote
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MARKER = "# Written by kubelocal.registry: the next run replaces what is edited here."
# what a removed file is while its container is stopped, where nothing can be deleted: containerd reads no endpoint in it
EMPTIED = MARKER + "\n"
CAPABILITIES = ("pull", "resolve", "push", "referrers")
DEFAULT_HOST = "_default"

_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?")
_DURATION = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?(?:ns|us|µs|ms|s|m|h))+")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_CERTIFICATE = "-----BEGIN CERTIFICATE-----"
_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")


@dataclass(frozen=True)
class Endpoint:
    """One place to get a registry's images from; ``ca``, ``certificate`` and ``key`` are PEM text or a path on the node."""

    url: str
    capabilities: tuple[str, ...] = ("pull", "resolve")
    ca: str = ""
    certificate: str = ""
    key: str = ""
    skip_verify: bool = False
    override_path: bool = False
    headers: tuple[tuple[str, str], ...] = ()
    dial_timeout: str = ""

    @property
    def host(self) -> str:
        """The URL's host and port."""
        return urlsplit(self.url).netloc


@dataclass(frozen=True)
class Registry:
    """What one hosts.toml says: the registry's name in image references, and its endpoints in order."""

    host: str
    server: str = ""
    endpoints: tuple[Endpoint, ...] = ()


@dataclass
class Rendered:
    """A hosts.toml and the PEM files beside it, by file name, with their modes."""

    text: str
    mode: int
    files: dict[str, tuple[bytes, int]] = field(default_factory=dict)


def default_server(host: str) -> str:
    """Where containerd goes for ``host`` when nothing is said; empty for the host of hosts."""
    if host == DEFAULT_HOST:
        return ""
    return "https://registry-1.docker.io" if host == "docker.io" else f"https://{host}"


def parse(items: Sequence[Mapping[str, Any]], option: str = "registries") -> list[Registry]:
    """The registries that the option's items describe, sorted by host, or ExpectedError that names option and value."""
    registries: dict[str, Registry] = {}
    for index, item in enumerate(items):
        where = f"{option}[{index}]"
        host = _host(str(item.get("host") or ""), f"{where}.host")
        if host in registries:
            raise ExpectedError(f"{where}.host: '{host}' is listed twice; give all its endpoints in one item.")
        server = str(item.get("server") or "")
        if server:
            _url(server, f"{where}.server")
        endpoints: list[Endpoint] = []
        for number, raw in enumerate(item.get("endpoints") or []):
            endpoint = _endpoint(raw, f"{where}.endpoints[{number}]")
            if any(endpoint.url == other.url for other in endpoints):
                raise ExpectedError(
                    f"{where}.endpoints[{number}].url: '{endpoint.url}' is listed twice for '{host}'; list it once."
                )
            endpoints.append(endpoint)
        registries[host] = Registry(host, (server or default_server(host)).rstrip("/"), tuple(endpoints))
    return [registries[host] for host in sorted(registries)]


def render(registry: Registry, folder: str = "") -> Rendered:
    """The hosts.toml; ``folder`` is where on the node its PEM files lie."""
    lines = [MARKER]
    files: dict[str, tuple[bytes, int]] = {}
    if registry.server:
        lines.append(f"server = {quote(registry.server)}")
    for number, endpoint in enumerate(registry.endpoints, 1):
        if endpoint.url == registry.server:
            # asked again as the server, when the endpoint has no such image: else that would fail with a misleading reason
            lines += _settings(endpoint, number, folder, files, "", "header")
    for number, endpoint in enumerate(registry.endpoints, 1):
        lines += ["", f"[host.{quote(endpoint.url)}]"]
        lines.append(f"  capabilities = [{', '.join(quote(name) for name in endpoint.capabilities)}]")
        lines += _settings(endpoint, number, folder, files, "  ", f"host.{quote(endpoint.url)}.header")
    secret = any(endpoint.headers for endpoint in registry.endpoints)
    for name, (content, _mode) in list(files.items()):
        # a certificate file that carries its key is as secret as the key
        if _KEY.search(content.decode()):
            files[name] = (content, 0o600)
    return Rendered("\n".join(lines) + "\n", 0o600 if secret else 0o644, files)


def _settings(
    endpoint: Endpoint, number: int, folder: str, files: dict[str, tuple[bytes, int]], indent: str, header: str
) -> list[str]:
    """What stands in an endpoint's table, or for the server at the top of the file, besides capabilities."""
    lines = []
    if endpoint.ca:
        lines.append(f"ca = {quote(_placed(endpoint.ca, folder, f'ca-{number}.crt', 0o644, files))}")
    if endpoint.certificate:
        pair = [_placed(endpoint.certificate, folder, f"client-{number}.crt", 0o644, files)]
        if endpoint.key:
            pair.append(_placed(endpoint.key, folder, f"client-{number}.key", 0o600, files))
        lines.append(f"client = [[{', '.join(quote(path) for path in pair)}]]")
    if endpoint.skip_verify:
        lines.append("skip_verify = true")
    if endpoint.override_path:
        lines.append("override_path = true")
    if endpoint.dial_timeout:
        lines.append(f"dial_timeout = {quote(endpoint.dial_timeout)}")
    if endpoint.headers:
        lines.append(f"[{header}]")
        lines += [f"  {quote(name)} = {quote(value)}" for name, value in endpoint.headers]
    return [indent + line for line in lines]


def ours(text: str | bytes) -> bool:
    """Whether this collection wrote the file."""
    start = MARKER.split(":", maxsplit=1)[0]
    return start.encode() in text[:400] if isinstance(text, bytes) else start in text[:400]


_HEADER_TABLE = re.compile(r"^\s*\[(?:.*\.)?\s*[\"']?header[\"']?\s*\]")
_SECRET_KEY = re.compile(
    r"(?i)^(\s*[\"']?(?:header|.*(?:authorization|password|passwd|token|secret|auth)\b)[\"']?\s*[=:]\s*)(?=\S)[^{\s].*$|"
    r"^(\s*[\"']?header[\"']?\s*=\s*).*$"
)
_USERINFO = re.compile(r"(?<=://)[^/@\s\"']+@")


def mask(text: str) -> str:
    """The text for people's eyes: header values, passwords and private keys replaced."""
    if _KEY.search(text):
        return "(a private key)\n"
    lines: list[str] = []
    in_header = False
    for line in text.splitlines(keepends=True):
        body = line.rstrip("\r\n")
        ending = line[len(body) :]
        if body.lstrip().startswith("["):
            in_header = bool(_HEADER_TABLE.match(body))
        elif in_header and "=" in body:
            body = body.split("=", 1)[0] + "= (secret)"
        elif in_header and body.strip() and not body.lstrip().startswith("#"):
            body = "(secret)"
        else:
            body = _SECRET_KEY.sub(lambda match: (match.group(1) or match.group(2)) + "(secret)", body)
        lines.append(_USERINFO.sub("(secret)@", body) + ending)
    return "".join(lines)


def _placed(value: str, folder: str, name: str, mode: int, files: dict[str, tuple[bytes, int]]) -> str:
    if value.startswith("/"):
        return value
    files[name] = (value.strip().encode() + b"\n", mode)
    return f"{folder.rstrip('/')}/{name}"


def _host(host: str, where: str) -> str:
    if host == DEFAULT_HOST:
        return host
    right = "a registry's host as it stands in image names, for example 'localhost:5001' or 'docker.io'"
    if not host:
        raise ExpectedError(f"{where}: is empty; give {right}.")
    if "://" in host or "/" in host:
        raise ExpectedError(f"{where}: {host!r} has a scheme or a path; give {right}.")
    match = _HOST.fullmatch(host)
    if not match or ".." in host or (match.group(1) and not 0 < int(match.group(1)) < 65536):
        raise ExpectedError(f"{where}: {host!r} is not a host name with an optional port; give {right}.")
    return host


def _url(url: str, where: str) -> str:
    right = "give a URL such as 'http://local-registry:5000'"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ExpectedError(f"{where}: {url!r} is not a URL; {right}.") from None
    if parts.scheme not in ("http", "https") or "://" not in url:
        raise ExpectedError(f"{where}: {url!r} has no scheme http or https; {right}.")
    if "@" in parts.netloc:
        raise ExpectedError(f"{where}: the URL carries a user or password; give them as an Authorization header.")
    if not _HOST.fullmatch(parts.netloc) or port == 0:
        raise ExpectedError(f"{where}: {url!r} names no valid host; {right}.")
    if parts.query or parts.fragment or "?" in url or "#" in url:
        raise ExpectedError(f"{where}: {url!r} has a query or fragment; {right}.")
    if _CONTROL.search(url) or re.search(r"[\s\"'\\]", url) or not url.isascii() or ".." in parts.path:
        raise ExpectedError(f"{where}: {url!r} has a character that can't stand in it; {right}.")
    return url


def _endpoint(raw: Mapping[str, Any], where: str) -> Endpoint:
    url = _url(str(raw.get("url") or ""), f"{where}.url").rstrip("/")
    capabilities = raw.get("capabilities")
    capabilities = ["pull", "resolve"] if capabilities is None else list(capabilities)
    if not capabilities:
        raise ExpectedError(f"{where}.capabilities: is empty; give some of {', '.join(CAPABILITIES)}.")
    for name in capabilities:
        if name not in CAPABILITIES:
            raise ExpectedError(
                f"{where}.capabilities: {name!r} is unknown, containerd would ignore the whole file; "
                f"it knows {', '.join(CAPABILITIES)}."
            )
    client = raw.get("client") or {}
    endpoint = Endpoint(
        url,
        tuple(dict.fromkeys(capabilities)),
        _pem(raw.get("ca"), f"{where}.ca", "a CA certificate"),
        _pem(client.get("certificate"), f"{where}.client.certificate", "a certificate"),
        _pem(client.get("key"), f"{where}.client.key", "a private key"),
        bool(raw.get("skip_verify")),
        bool(raw.get("override_path")),
        _headers(raw.get("headers") or {}, f"{where}.headers"),
        _duration(str(raw.get("dial_timeout") or ""), f"{where}.dial_timeout"),
    )
    if endpoint.key and not endpoint.certificate:
        raise ExpectedError(f"{where}.client: has a key and no certificate; give both.")
    if url.startswith("http://"):
        for name, given in (
            ("ca", endpoint.ca),
            ("client", endpoint.certificate),
            ("skip_verify", endpoint.skip_verify),
        ):
            if given:
                raise ExpectedError(
                    f"{where}.{name}: is for HTTPS, and the endpoint is '{url}'; containerd would try HTTPS on it first. "
                    f"Leave {name} out, or give an https URL."
                )
    return endpoint


def _pem(value: Any, where: str, what: str) -> str:
    text = str(value or "")
    if not text:
        return ""
    if text.startswith("/"):
        if _CONTROL.search(text.strip()) or "/../" in text + "/":
            raise ExpectedError(
                f"{where}: the path has '..' or a control character; give an absolute path on the node."
            )
        return text.strip()
    good = bool(_KEY.search(text)) if "key" in what else _CERTIFICATE in text
    if not good:
        raise ExpectedError(
            f"{where}: is neither PEM text of {what} nor an absolute path on the node; give one of them."
        )
    return text


def _headers(headers: Mapping[str, Any], where: str) -> tuple[tuple[str, str], ...]:
    found: list[tuple[str, str]] = []
    for name, value in sorted(headers.items()):
        if not _TOKEN.fullmatch(str(name)):
            raise ExpectedError(f"{where}: {str(name)!r} is not a header's name; give one such as 'Authorization'.")
        if value is None or _CONTROL.search(str(value)):
            raise ExpectedError(
                f"{where}.{name}: the value is empty, or has a line break or another control character; give plain text of one line."
            )
        found.append((str(name), str(value)))
    return tuple(found)


def _duration(value: str, where: str) -> str:
    if value and (not _DURATION.fullmatch(value) or not re.search(r"[1-9]", value)):
        raise ExpectedError(f"{where}: {value!r} is not a duration; give one such as '3s' or '500ms'.")
    return value
