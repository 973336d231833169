# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: kind's program, what it is handed, and what its output means."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

from ansible_collections.kubelocal.registry.plugins.module_utils import _docker
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_STEP = re.compile(r"^ ?[•✓✗] (.*?)\s*(?:\.\.\.)?$")
_PICTURES = re.compile(r"[^\x20-\x7e]+")
_VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")
_NOISE = re.compile(r"^(Stack Trace:|\S+\.go:\d+|\[?[IWE]?\d{4} |[\w./@-]+\(\S*|\s|exit status|$)")


def program(executable: str, tool: str = "kind") -> str:
    """The program's path; ExpectedError when it, or the docker program that it calls, is not there."""
    found = shutil.which(os.path.expanduser(executable))
    if found is None:
        raise ExpectedError(
            f"the program '{executable}' is not there; install {tool}, for example with the role kubelocal.registry.workstation, "
            "or set executable to its path."
        )
    if tool == "kind" and shutil.which("docker") is None:
        raise ExpectedError("kind calls the program 'docker', which is not in PATH; install Docker's command line.")
    return found


def environment(
    docker_host: str | None, no_proxy: Sequence[str], given: Mapping[str, str] | None = None
) -> dict[str, str]:
    """kind's environment: the Engine that we use too, and names for nodes to reach without a proxy, if there is one."""
    chosen = dict(os.environ if given is None else given)
    chosen.update(_docker.cli_environment(docker_host))
    chosen["KIND_EXPERIMENTAL_PROVIDER"] = "docker"
    if no_proxy and any(chosen.get(name) for name in _PROXIES):
        # kind reads the upper case one first
        before = chosen.get("NO_PROXY") or chosen.get("no_proxy") or ""
        names = list(dict.fromkeys([*(name.strip() for name in before.split(",") if name.strip()), *no_proxy]))
        chosen["NO_PROXY"] = chosen["no_proxy"] = ",".join(names)
    return chosen


def knows_versions(path: str) -> bool:
    """Whether this kind applies a containerd patch that names a version to files of that version only: since 0.32."""
    try:
        ran = subprocess.run([path, "version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.SubprocessError) as error:
        raise ExpectedError(f"the program {path} can't be run: {error}; install kind anew.") from error
    match = _VERSION.search(ran.stdout)
    return match is None or (int(match[1]), int(match[2])) >= (0, 32)


def step(log: str) -> str:
    """What kind is doing: the last step that its output names, without pictures."""
    for line in reversed(log.splitlines()):
        match = _STEP.match(line)
        if match:
            return _PICTURES.sub("", match[1]).strip()
    return ""


def essence(log: str) -> str:
    """The line or two of kind's output that tell why it failed."""
    lines = log.splitlines()
    told = []
    for number, line in enumerate(lines):
        if line.startswith("ERROR: "):
            # what YAML has to say follows in the next line
            more = lines[number + 1].strip() if line.endswith(":") and number + 1 < len(lines) else ""
            told.append(f"{line[len('ERROR: ') :].strip()} {more}".strip())
    if not told:
        last = [line.strip() for line in lines if line.strip()]
        return last[-1] if last else "it printed nothing"
    essential = told[-1].rstrip(".")
    output = [number for number, line in enumerate(lines) if line.startswith(("Command Output:", "Output:"))]
    if output:
        rest = [lines[output[-1]].split(":", 1)[1].strip(), *lines[output[-1] + 1 :]]
        useful = [line.strip() for line in rest if not _NOISE.match(line)]
        worst = [line for line in useful if "rror" in line]
        if worst:
            return f"{essential}: {worst[-1].rstrip('.')}" if worst[-1] not in essential else essential
    return essential
