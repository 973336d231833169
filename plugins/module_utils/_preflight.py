# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: what has to be there before a cluster and its registry are made. It only reads."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils import _docker, _k3d_verdict, _kubernetes_connect
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError

with contextlib.suppress(ImportError):  # told by the module, from _docker.DOCKER_IMPORT_ERROR
    from docker.errors import APIError, DockerException
    from requests.exceptions import RequestException

if TYPE_CHECKING:
    from collections.abc import Mapping

# What is known to work: kind since it hands containerd's config_path on, k3d since it reads registries.yaml.
_OLDEST = {"kind": (0, 20), "k3d": (5, 4)}
_OLDEST_API = (1, 41)
_DEFAULT_PORT = 5001
_LEAST_FREE = 2 * 1024**3
_NAME_LABEL = "kubelocal.registry.name"
_CLUSTER_LABELS = {"kind": "io.x-k8s.kind.cluster", "k3d": "k3d.cluster"}


@dataclass
class Findings:
    """``problems`` stop the run, ``warnings`` don't; ``facts`` are for people."""

    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)
    engine: bool = False
    cluster: bool = False
    tool: bool = True


def look(options: Mapping[str, Any]) -> Findings:
    """Everything at once, so that a person mends it in one go."""
    found = Findings()
    client = _engine(options, found)
    if client is not None:
        _versions(client, found)
        containers = _containers(client, found)
        found.cluster = _exists(options, containers)
        _port(options, containers, _is_local(options["docker_host"]), found)
        if not found.cluster and options["provider"] in _CLUSTER_LABELS:
            _disk(client, found)
    if options["provider"] in _CLUSTER_LABELS:
        _tool(options, found)
        _kubeconfig(options, found)
    elif options["provider"] == "existing":
        _context(options, found)
    if find_program("kubectl", options["bin_dir"]) is None and not options["quiet"]:
        found.warnings.append("kubectl is not on PATH; the role kubelocal.registry.workstation installs it.")
    return found


def find_program(name: str, folder: str | None) -> str | None:
    """Where a program is: ``name`` may be a path, ``folder`` is looked into after PATH."""
    if os.sep in name:
        path = os.path.expanduser(name)
        return path if os.access(path, os.X_OK) and os.path.isfile(path) else None
    found = shutil.which(name)
    return found or (shutil.which(name, path=os.path.expanduser(folder)) if folder else None)


def parse_version(text: str) -> tuple[int, ...] | None:
    """The first version in a text."""
    match = re.search(r"\bv?(\d+)\.(\d+)(?:\.(\d+))?", text)
    return None if match is None else tuple(int(part) for part in match.groups(default="0"))


def _engine(options: Mapping[str, Any], found: Findings) -> Any:
    try:
        client = _docker.connect(options["docker_host"], options["docker_timeout"])
    except ExpectedError as error:
        found.problems.append(str(error))
        return None
    found.engine = True
    return client


def _versions(client: Any, found: Findings) -> None:
    version = str(client.api.api_version)
    found.facts["engine_api"] = version
    if tuple(int(part) for part in version.split(".")[:2]) < _OLDEST_API:
        found.problems.append(
            f"the Docker Engine speaks API {version}, which is too old; install Docker 20.10 (API 1.41) or newer."
        )


def _containers(client: Any, found: Findings) -> list[dict[str, Any]]:
    try:
        containers: list[dict[str, Any]] = client.api.containers(all=True)
    except (APIError, DockerException, RequestException) as error:
        found.problems.append(f"the Docker Engine does not list its containers: {_docker.explain(error)}.")
        return []
    return containers


def _exists(options: Mapping[str, Any], containers: list[dict[str, Any]]) -> bool:
    label = _CLUSTER_LABELS.get(options["provider"])
    return label is not None and any(
        (container.get("Labels") or {}).get(label) == options["name"] for container in containers
    )


def _names(container: Mapping[str, Any]) -> list[str]:
    return [str(name).lstrip("/") for name in container.get("Names") or []]


def _is_registry(container: Mapping[str, Any], name: str) -> bool:
    """Whether it has that name, or was made under it and renamed since."""
    return name in _names(container) or (container.get("Labels") or {}).get(_NAME_LABEL) == name


def _port(options: Mapping[str, Any], containers: list[dict[str, Any]], local: bool, found: Findings) -> None:
    port, name = options["registry_port"], options["registry_name"]
    if port is None:
        # a registry that exists keeps the port that it has
        port = 0 if any(_is_registry(container, name) for container in containers) else _DEFAULT_PORT
    if not port:
        return
    for container in containers:
        held = {published.get("PublicPort") for published in container.get("Ports") or []}
        if port not in held:
            continue
        if _is_registry(container, name):
            return
        names = _names(container)
        found.problems.append(_held_by(port, names[0] if names else str(container.get("Id"))[:12], container))
        return
    if local and _is_taken(options["registry_listen_address"], port):
        found.problems.append(
            f"registry_port {port} is held by {_process(port)}; stop it, or set registry_port to a free one"
            + (" (on macOS, AirPlay Receiver holds 5000)." if port == 5000 else ".")
        )


def _held_by(port: int, name: str, container: Mapping[str, Any]) -> str:
    command = f"{container.get('Image')} {container.get('Command')}".lower()
    adopt = f", or set registry_name to '{name}' to adopt that registry" if "registry" in command else ""
    return f"registry_port {port} is held by the container '{name}'; stop it, set registry_port to a free one{adopt}."


def _is_local(docker_host: str | None) -> bool:
    host = _docker.chosen_host(docker_host)
    return host is None or host.startswith(("unix://", "npipe://"))


def _is_taken(address: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address, port))
    except PermissionError:
        return False  # below 1024: the Engine may
    except OSError as error:
        # an address that this machine does not have is the Engine's to judge
        return error.errno == 98 or "in use" in str(error).lower()
    return False


def _process(port: int) -> str:
    """Who listens there, where /proc tells us."""
    inodes: set[str] = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError), open(table, encoding="ascii") as lines:
            for line in lines.readlines()[1:]:
                parts = line.split()
                if parts[3] == "0A" and int(parts[1].rsplit(":", 1)[1], 16) == port:
                    inodes.add(f"socket:[{parts[9]}]")
    with contextlib.suppress(OSError):
        for process in (entry for entry in os.listdir("/proc") if entry.isdigit()):
            with contextlib.suppress(OSError):
                for descriptor in os.listdir(f"/proc/{process}/fd"):
                    if os.readlink(f"/proc/{process}/fd/{descriptor}") in inodes:
                        with open(f"/proc/{process}/comm", encoding="utf-8") as comm:
                            return f"the process '{comm.read().strip()}' ({process})"
    return "another process"


def _disk(client: Any, found: Findings) -> None:
    try:
        folder = str(client.api.info().get("DockerRootDir") or "")
    except (APIError, DockerException, RequestException):
        return
    with contextlib.suppress(OSError):
        free = shutil.disk_usage(folder).free
        found.facts["disk_free"] = f"{free / 1024**3:.1f} GB"
        if free < _LEAST_FREE:
            found.problems.append(
                f"the disk under {folder} has {free / 1024**3:.1f} GB left and a cluster needs 2; "
                "free some, for example with 'docker system prune'."
            )


def _tool(options: Mapping[str, Any], found: Findings) -> None:
    name = options["provider"]
    wanted = options["executable"] or name
    path = find_program(wanted, options["bin_dir"])
    if path is None:
        where = f" or in {options['bin_dir']}" if options["bin_dir"] and os.sep not in wanted else ""
        found.tool = False
        found.problems.append(
            f"{wanted} is not on PATH{where}; install it with the role kubelocal.registry.workstation, "
            f"or set {name}_executable to its path."
        )
        return
    found.facts[name] = path
    if found.cluster:
        return
    try:
        told = subprocess.run([path, "version"], capture_output=True, text=True, timeout=20, check=False).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        found.problems.append(f"{path} does not run: {error}; install it anew.")
        return
    version = parse_version(told)
    if version is not None:
        found.facts[f"{name}_version"] = ".".join(map(str, version))
        if version[:2] < _OLDEST[name]:
            found.problems.append(
                f"{path} is version {'.'.join(map(str, version))}, which is too old; install "
                f"{'.'.join(map(str, _OLDEST[name]))} or newer."
            )
            return
    if name == "k3d" and options["config"]:
        wrong = _k3d_verdict.wrong(path, options["config"])
        if wrong:
            found.problems.append(f"{path} does not take k3d_config: {wrong}.")


def _kubeconfig(options: Mapping[str, Any], found: Findings) -> None:
    path = options["kubeconfig"] or (os.environ.get("KUBECONFIG") or "~/.kube/config").split(os.pathsep)[0]
    path = os.path.abspath(os.path.expanduser(path))
    if os.path.isdir(path):
        found.problems.append(f"the kubeconfig {path} is a folder; set cluster_kubeconfig to a file.")
        return
    nearest = path
    while not os.path.exists(nearest):
        nearest = os.path.dirname(nearest)
    if not os.access(nearest, os.W_OK):
        found.problems.append(
            f"the kubeconfig {path} can't be written by this user; set cluster_kubeconfig to a file that can."
        )


def _context(options: Mapping[str, Any], found: Findings) -> None:
    try:
        _kubernetes_connect.connect(options).get("/version")
        found.cluster = True
    except ExpectedError as error:
        found.problems.append(str(error))
