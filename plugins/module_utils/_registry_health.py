# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: whether a registry container answers."""

from __future__ import annotations

import contextlib
import re
import time
import urllib.parse
from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils import _docker, _registry_port
from ansible_collections.kubelocal.registry.plugins.module_utils._distribution import Registry
from ansible_collections.kubelocal.registry.plugins.module_utils._distribution_errors import (
    BROKEN,
    TIMEOUT,
    TLS,
    RegistryError,
)
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_spec import is_loopback

with contextlib.suppress(ImportError):  # told by _docker
    from docker.errors import APIError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ansible_collections.kubelocal.registry.plugins.module_utils._registry_observed import Observed

_ANSWERS = (200, 401)
_PROBE_TIMEOUT = 3.0
_NOT_FOUND = (126, 127)
_TRACE = re.compile(r"^\s|^goroutine |\.go:\d+|^[\w./*()-]+\(.*\)$")
_ERROR = re.compile(r"panic|fatal|error|unable|invalid|failed", re.IGNORECASE)


class NotHealthy(ExpectedError):
    """It does not answer; the message says what it said last."""


def healthy(client: Any, observed: Observed) -> bool:
    """``/v2/`` answers 200 or 401: through the port where it can be reached from here, else from inside the container."""
    if observed.status != "running":
        return False
    for url in addresses(client, observed):
        try:
            return Registry(url, timeout=_PROBE_TIMEOUT, verify=False, direct=True).probe() in _ANSWERS
        except RegistryError as error:
            if error.reason in (BROKEN, TIMEOUT, TLS):
                return False  # the port is reached, and nothing behind it answers
    return _healthy_inside(observed)


def addresses(client: Any, observed: Observed) -> list[str]:
    """URLs by which this machine may reach it, the published port first."""
    scheme = "https" if observed.https else "http"
    local = _registry_port.is_local(client)
    hosts = []
    for address, port in observed.bindings:
        host = _reachable(address, local, str(client.api.base_url))
        if host and port:
            hosts.append(f"{host}:{port}")
    if local and not hosts:
        hosts += [
            f"{network['IPAddress']}:{observed.inner_port}"
            for network in observed.networks.values()
            if network.get("IPAddress")
        ]
    return [f"{scheme}://{host}" for host in dict.fromkeys(hosts)]


def wait(client: Any, observed: Observed, timeout: float, secrets: Iterable[str] = ()) -> None:
    """Return once it is healthy; NotHealthy when it stops, keeps restarting, or takes longer than ``timeout``."""
    deadline = time.monotonic() + timeout
    delay = 0.05
    restarts = int(observed.attrs.get("RestartCount") or 0)
    while True:
        observed.reload()
        if healthy(client, observed):
            return
        state = observed.attrs["State"]
        if observed.status in ("exited", "dead"):
            raise NotHealthy(
                f"the registry '{observed.name}' stops at once with exit code {state.get('ExitCode')}{last_words(observed.container, secrets)}."
            )
        if int(observed.attrs.get("RestartCount") or 0) - restarts >= 2:
            raise NotHealthy(
                f"the registry '{observed.name}' keeps stopping with exit code {state.get('ExitCode')}{last_words(observed.container, secrets)}."
            )
        if time.monotonic() > deadline:
            raise NotHealthy(
                f"the registry '{observed.name}' does not answer on /v2/ within {timeout:g} s{last_words(observed.container, secrets)}."
            )
        time.sleep(delay)
        delay = min(delay * 1.5, 0.5)


def last_words(container: Any, secrets: Iterable[str] = ()) -> str:
    """What its log says went wrong, without secrets, to be put at the end of an error."""
    try:
        log = container.logs(tail=60).decode(errors="replace")
    except APIError:
        return ""
    text = telling_line(log)
    for secret in secrets:
        if secret:
            text = text.replace(secret, "********")
    return f"; it said last: {text[:400].rstrip('.')}" if text else ""


def telling_line(log: str) -> str:
    """The last line about an error that is no part of a stack trace, else the last line."""
    lines = [line.rstrip() for line in log.splitlines() if line.strip() and not _TRACE.search(line)]
    errors = [line for line in lines if _ERROR.search(line)]
    return (errors or lines or [""])[-1].strip()


def _healthy_inside(observed: Observed) -> bool:
    scheme = "https" if observed.https else "http"
    url = f"{scheme}://127.0.0.1:{observed.inner_port}/v2/"
    argv = ["wget", "-q", "-T", "3", "-O", "/dev/null"] + (["--no-check-certificate"] if observed.https else []) + [url]
    try:
        code, output = _docker.run_in(observed.container, argv)
    except APIError:
        code, output = _NOT_FOUND[0], ""
    if code == 0 or "401" in output:
        return True
    if code in _NOT_FOUND or "not found" in output or "unrecognized option" in output:
        # nothing in the image to ask with: the registry says itself when it is ready
        try:
            return b"listening on" in observed.container.logs(tail=50)
        except APIError:
            return False
    return False


def _reachable(address: str, local: bool, engine: str) -> str | None:
    if local:
        address = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)
        return f"[{address}]" if ":" in address else address
    host = urllib.parse.urlsplit(engine).hostname
    if (
        not host
        or engine.startswith("http+docker:")
        or is_loopback(address)
        or is_loopback(host)
        or host == "localhost"
    ):
        return None
    return f"[{host}]" if ":" in host else host
