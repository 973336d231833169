# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: containerd on this machine asks a registry directly, where it has a proxy for the rest."""

from __future__ import annotations

import os
import shlex
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._proxy import MARKER, drop_in, environment_of, proxied

if TYPE_CHECKING:
    from collections.abc import Sequence

_FOLDER = "/etc/systemd/system"
# the last one to set a variable wins, and people's own drop-ins have names like http-proxy.conf
_NAME = "zz-kubelocal-registry-no-proxy.conf"


@dataclass
class Result:
    """What was, or in check mode would be, done."""

    changed: bool = False
    before: str = ""
    after: str = ""
    actions: list[str] = field(default_factory=list)


def wanted(environment: str, before: str, names: Sequence[str]) -> str:
    """The drop-in's text; ``environment`` as systemd shows it, ours included where it is there."""
    variables = environment_of(shlex.split(environment))
    text = drop_in(variables, names)
    if text or not before:
        return text
    # nothing is missing, which may be so by what we wrote
    return before if names and proxied(variables) and MARKER in before else ""


def ensure(service: str, names: Sequence[str], check: bool) -> Result:
    """Have ``names`` excepted from the proxy (none: our drop-in goes); the service is restarted only when that changed."""
    path = f"{_FOLDER}/{service}.service.d/{_NAME}"
    before = _read(path)
    if not os.path.isdir("/run/systemd/system"):
        return Result(before=before, after=before)
    code, shown = _systemctl("show", "--property=Environment", "--value", f"{service}.service")
    if code:
        return Result(before=before, after=before)
    after = wanted(shown, before, names)
    if after == before:
        return Result(before=before, after=after)
    if not check:
        _write(path, after)
        _restart(service)
    told = f"Excepted {', '.join(names)} from the proxy" if after else "Removed the exception from the proxy"
    return Result(True, before, after, [f"{told} of {service}, and restarted it."])


def _restart(service: str) -> None:
    _systemctl("daemon-reload")
    code, output = _systemctl("try-restart", f"{service}.service")
    if code:
        raise ExpectedError(
            f"{service} does not start again with the registry excepted from its proxy: {output.strip().rstrip('.')}; "
            f"see 'journalctl -u {service}'."
        )


def _write(path: str, text: str) -> None:
    try:
        if not text:
            os.unlink(path)
            return
        os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
        # a proxy's address may hold a password; NO_PROXY does not
        with open(f"{path}.new", "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(f"{path}.new", path)
    except OSError as error:
        raise ExpectedError(f"'{path}' can't be written: {error.strerror}; run the task with become: true.") from error


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""


def _systemctl(*words: str) -> tuple[int, str]:
    try:
        done = subprocess.run(
            ["systemctl", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
    except OSError as error:
        return 127, str(error)
    return done.returncode, done.stdout
