# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: nodes behind a proxy reach the registry directly.

kind hands its own HTTP_PROXY, HTTPS_PROXY and NO_PROXY to all services of its nodes. Later than that, a drop-in of containerd's
service is the place where a name is added.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils._docker import (
    EngineError,
    File,
    explain,
    put_files,
    read_file,
    run_in,
)
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError

try:
    from docker.errors import DockerException
    from requests.exceptions import RequestException
except ImportError:  # told by the module, by way of _docker.DOCKER_IMPORT_ERROR
    pass

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

FOLDER = "/etc/systemd/system"
NAME = "containerd.service.d/50-kubelocal-registry-no-proxy.conf"
MARKER = "# Written by kubelocal.registry: the next run replaces what is edited here."


def environment_of(variables: Iterable[str]) -> dict[str, str]:
    """A container's environment as a mapping."""
    return dict(variable.split("=", 1) for variable in variables if "=" in variable)


def proxied(environment: Mapping[str, str]) -> bool:
    return any(environment.get(name) for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"))


def drop_in(environment: Mapping[str, str], names: Sequence[str]) -> str:
    """The drop-in's text; empty when no proxy is set or all names are excepted from it already."""
    present = [
        entry.strip()
        for variable in ("NO_PROXY", "no_proxy")
        for entry in environment.get(variable, "").split(",")
        if entry.strip()
    ]
    missing = [name for name in names if not any(_covers(entry, name) for entry in present)]
    if not proxied(environment) or not missing:
        return ""
    value = ",".join([*dict.fromkeys(present), *dict.fromkeys(missing)])
    # systemd reads % as a specifier, and takes quotes and backslashes as its own
    value = re.sub(r'(["\\])', r"\\\1", value).replace("%", "%%")
    return f'{MARKER}\n[Service]\nEnvironment="NO_PROXY={value}" "no_proxy={value}"\n'


def ensure(container: Any, names: Sequence[str], check: bool) -> list[str]:
    """Containerd on this running node asks ``names`` directly (none: our drop-in goes); the sentences of what was done."""
    try:
        environment = environment_of(container.attrs["Config"].get("Env") or [])
        found = read_file(container, f"{FOLDER}/{NAME}") if proxied(environment) or not names else None
        before = found.content.decode(errors="replace") if found else ""
        after = drop_in(environment, names)
        if before == after:
            return []
        if not check:
            _write(container, after)
    except (DockerException, RequestException, OSError) as error:
        raise EngineError(
            f"the proxy exception on node {container.name} can't be written: {explain(error)}."
        ) from error
    if not after:
        return [f"Removed the proxy exception on {container.name} and restarted containerd."]
    return [f"Excepted {', '.join(names)} from the proxy on {container.name} and restarted containerd."]


def _write(container: Any, text: str) -> None:
    place = f"{FOLDER}/{NAME}"
    if text:
        put_files(container, FOLDER, {f"{NAME}.new": File(text.encode())})
        first = f"mv {place}.new {place}"
    else:
        first = f"rm -f {place}"
    # one command, which goes on in the node when this process is killed, so that no restart stays owed
    script = f"{first} && systemctl daemon-reload && systemctl restart containerd"
    code, output = run_in(container, ["sh", "-c", script])
    if code:
        raise ExpectedError(
            f"containerd on node {container.name} can't be restarted with the registry excepted from the proxy: "
            f"{' '.join(output.split())[:300] or f'exit code {code}'}."
        )


def _covers(entry: str, name: str) -> bool:
    """Whether an entry of NO_PROXY excepts a host name, as Go reads it."""
    if entry == "*":
        return True
    suffix = entry.lower().split(":")[0].lstrip("*").lstrip(".")
    return bool(suffix) and (name.lower() == suffix or name.lower().endswith("." + suffix))
