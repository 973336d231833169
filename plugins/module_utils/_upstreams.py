# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: the registries that caches stand before, by the host in image references."""

from __future__ import annotations

import re
import urllib.parse

from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._image_ref import valid_host

# what containerd uses for every host that has no folder of its own
DEFAULT = "_default"

# where the registries that everybody uses really answer
BUILT_IN = {
    "docker.io": "https://registry-1.docker.io",
    "ghcr.io": "https://ghcr.io",
    "quay.io": "https://quay.io",
    "registry.k8s.io": "https://registry.k8s.io",
}

# a repository that exists there, for asking without being told "denied" for a name that nobody has
KNOWN_REPOSITORY = {
    "docker.io": "library/busybox",
    "ghcr.io": "distribution/distribution",
    "quay.io": "prometheus/busybox",
    "registry.k8s.io": "pause",
}

_ALIASES = {"index.docker.io": "docker.io", "registry-1.docker.io": "docker.io", "hub.docker.com": "docker.io"}


def url_of(host: str) -> str:
    """The URL at which the registry of ``host`` answers when nobody says otherwise."""
    return BUILT_IN.get(host, f"https://{host}")


def check_host(host: str, where: str) -> None:
    """ExpectedError unless this can stand before the first slash of an image reference (or is ``_default``)."""
    if host == DEFAULT:
        return
    if host in _ALIASES:
        raise ExpectedError(
            f"{where} is {host!r}, but image references and containerd call it '{_ALIASES[host]}'; write that."
        )
    if "://" in host or "/" in host:
        raise ExpectedError(
            f"{where} is {host!r}, which is more than a host; write only the part before the first '/' of an image "
            "reference, for example ghcr.io, and a different address as 'upstream'."
        )
    if not valid_host(host) or host != host.lower():
        raise ExpectedError(f"{where} is {host!r}, which is no registry host; write for example ghcr.io or host:5000.")
    if "." not in host and ":" not in host and host != "localhost":
        raise ExpectedError(
            f"{where} is {host!r}, which no image reference can name: a registry host has a dot or a port, "
            f"for example {host}.example or {host}:5000."
        )


def check_url(url: str, where: str, path: bool = False) -> str:
    """The URL without a slash at its end, or ExpectedError."""
    if re.search(r"\s|[^\x21-\x7e]", url) or not url:
        raise ExpectedError(f"{where} is {url!r}, which is no URL; write it like https://registry.example:5000.")
    parts = urllib.parse.urlsplit(url)
    try:
        port_fine = parts.port is None or 0 < parts.port < 65536
    except ValueError:
        port_fine = False
    if parts.username is not None or parts.password is not None:
        raise ExpectedError(
            f"{where} holds credentials inside its URL, where they would show; set 'username' and 'password' instead."
        )
    if parts.scheme not in ("http", "https") or not valid_host(parts.netloc) or not port_fine:
        raise ExpectedError(
            f"{where} is {url!r}, which is no URL of a registry; write it like https://registry.example:5000."
        )
    if parts.query or parts.fragment:
        raise ExpectedError(f"{where} is {url!r}; a registry's URL has no '?' and no '#'.")
    if parts.path.strip("/") and not path:
        raise ExpectedError(
            f"{where} is {url!r}; write it without the path '{parts.path}', the registry's API is always at /v2/."
        )
    return url.rstrip("/")
