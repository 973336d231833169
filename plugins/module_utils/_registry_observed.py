# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: a registry container as it is, whoever made it."""

from __future__ import annotations

import contextlib
import json
import posixpath
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils import _docker
from ansible_collections.kubelocal.registry.plugins.module_utils import _registry_files as registry_files
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_spec import LABEL_PREFIX

with contextlib.suppress(ImportError):  # told by _docker
    from docker.errors import APIError, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ansible_collections.kubelocal.registry.plugins.module_utils._docker import File

_ANONYMOUS = re.compile(r"[0-9a-f]{64}")
_FULL_VERSION = re.compile(r"v?(\d+\.\d+\.\d+\S*)")
NO_NETWORK = ("none", "host")


@dataclass(frozen=True)
class Data:
    """Where the images lie: ``kind`` is volume, bind, tmpfs, layer (the container's own), memory or elsewhere."""

    kind: str
    name: str = ""
    destination: str = ""
    folder: str = ""

    @property
    def anonymous(self) -> bool:
        return self.kind == "volume" and bool(_ANONYMOUS.fullmatch(self.name))


@dataclass
class Observed:
    """A container, its image's own settings and, where they matter, its configuration files."""

    container: Any
    attrs: dict[str, Any]
    image: dict[str, Any]
    own: dict[str, File] = field(default_factory=dict)
    base: dict[str, Any] = field(default_factory=dict)

    # -- what the Engine says

    @property
    def id(self) -> str:
        return str(self.attrs["Id"])

    @property
    def name(self) -> str:
        return str(self.attrs["Name"]).lstrip("/")

    @property
    def status(self) -> str:
        return str(self.attrs["State"]["Status"])

    @property
    def up(self) -> bool:
        """Whether it is not at rest: it holds its ports, and would have to be stopped."""
        return self.status in ("running", "paused", "restarting")

    def reload(self) -> None:
        """What the Engine says now; the files are not read again."""
        self.container.reload()
        self.attrs = self.container.attrs

    @property
    def config(self) -> dict[str, Any]:
        return self.attrs.get("Config") or {}

    @property
    def host_config(self) -> dict[str, Any]:
        return self.attrs.get("HostConfig") or {}

    @property
    def labels(self) -> dict[str, str]:
        return self.config.get("Labels") or {}

    @property
    def environment(self) -> dict[str, str]:
        return to_dict(self.config.get("Env") or [])

    @property
    def image_reference(self) -> str:
        return str(self.config.get("Image") or "")

    @property
    def image_id(self) -> str:
        return str(self.attrs.get("Image") or "")

    @property
    def image_config(self) -> dict[str, Any]:
        return self.image.get("Config") or {}

    @property
    def restart_policy(self) -> str:
        return str((self.host_config.get("RestartPolicy") or {}).get("Name") or "no")

    @property
    def networks(self) -> dict[str, dict[str, Any]]:
        return (self.attrs.get("NetworkSettings") or {}).get("Networks") or {}

    # -- what this collection wrote on it

    @property
    def managed(self) -> bool:
        return self.labels.get(LABEL_PREFIX + "managed") == "true"

    @property
    def defaults(self) -> dict[str, Any]:
        """Options that were not declared when we made it, with the defaults that were written."""
        return _json(self.labels.get(LABEL_PREFIX + "defaults"))

    @property
    def notes(self) -> dict[str, Any]:
        """What was declared (names only), and what the next run needs to know of the container's making."""
        return _json(self.labels.get(LABEL_PREFIX + "declared"))

    # -- what the registry in it does

    @property
    def command(self) -> list[str]:
        return list(self.config.get("Cmd") or [])

    @property
    def config_path(self) -> str:
        """The configuration file that it was started with."""
        return config_path(self.command) or config_path(self.image_config.get("Cmd") or []) or ""

    @property
    def has_own_files(self) -> bool:
        return posixpath.dirname(self.config_path) == registry_files.FOLDER

    @property
    def effective(self) -> dict[str, Any]:
        config = (
            registry_files.load(self.own[registry_files.CONFIG].content)
            if registry_files.CONFIG in self.own
            else self.base
        )
        return registry_files.effective(config, self.environment)

    @property
    def inner_port(self) -> int:
        return registry_files.inner_port(self.effective)

    @property
    def https(self) -> bool:
        return bool(registry_files.dig(self.effective, "http", "tls", "certificate"))

    @property
    def users(self) -> bool:
        return bool(self.effective.get("auth"))

    @property
    def data(self) -> Data:
        folder = registry_files.data_folder(self.effective)
        if folder is None:
            return Data("memory" if registry_files.in_memory(self.effective) else "elsewhere")
        # the Engine lists what `docker run --tmpfs` made apart from the mounts
        tmpfs = [{"Type": "tmpfs", "Destination": path} for path in self.host_config.get("Tmpfs") or {}]
        return locate(folder, [*(self.attrs.get("Mounts") or []), *tmpfs])

    @property
    def bindings(self) -> list[tuple[str, int]]:
        """Addresses and ports of the host that lead to it: as they are, or when it is stopped as they would be."""
        key = f"{self.inner_port}/tcp"
        if self.host_config.get("NetworkMode") == "host":
            return [("0.0.0.0", self.inner_port)]
        actual = ((self.attrs.get("NetworkSettings") or {}).get("Ports") or {}).get(key) or []
        wanted = (self.host_config.get("PortBindings") or {}).get(key) or []
        found = []
        for binding in actual or wanted:
            port = str(binding.get("HostPort") or "0").partition("-")[0]
            found.append((str(binding.get("HostIp") or "0.0.0.0"), int(port) if port.isdigit() else 0))
        return list(dict.fromkeys(found))

    @property
    def port(self) -> int:
        return self.bindings[0][1] if self.bindings else 0

    @property
    def listen_address(self) -> str:
        return self.bindings[0][0] if self.bindings else ""

    def value(self, option: str) -> Any:
        """A scalar option's value as it is."""
        return {
            "image": self.image_reference,
            "port": self.port,
            "listen_address": self.listen_address,
            "restart_policy": self.restart_policy,
            "volume": self.data.name if self.data.kind == "volume" else None,
        }[option]

    @property
    def version(self) -> int:
        """The registry's major version, as far as its image's layout tells."""
        path = config_path(self.image_config.get("Cmd") or []) or self.config_path
        return 2 if path.startswith("/etc/docker/registry") else 3

    def looks_like_registry(self) -> bool:
        return is_registry(self.image_reference, self.labels, self.config.get("ExposedPorts") or {}, self.environment)


def observe(client: Any, container: Any, deep: bool = False, own: Mapping[str, File] | None = None) -> Observed:
    """Read a container. Its files are read where they can differ from what its labels say, or where ``deep`` asks for them.

    ``own``: our files in it, by who has read them already; they stay as long as the container does.
    """
    attrs = container.attrs
    found = Observed(container, attrs, image_attrs(client, attrs.get("Image")))
    if found.has_own_files:
        found.own = dict(own) if own else _docker.read_tree(container, registry_files.FOLDER) or {}
        base = found.own.get(registry_files.BASE)
        found.base = registry_files.load(base.content if base else None)
        return found
    noted = found.notes
    if found.managed and not deep and "data" in noted and "port" in noted:
        # made by us without a file of its own: as the image has it, which was read then
        found.base = registry_files.load(None)
        found.base["storage"]["filesystem"]["rootdirectory"] = noted["data"]
        found.base["http"]["addr"] = f":{noted['port']}"
        return found
    file = _docker.read_file(container, found.config_path) if found.config_path else None
    found.base = registry_files.load(file.content if file else None)
    return found


def image_attrs(client: Any, reference: str | None) -> dict[str, Any]:
    """An image as the Engine has it, or nothing."""
    if not reference:
        return {}
    try:
        return dict(client.api.inspect_image(reference))
    except NotFound:
        return {}


def config_path(command: Iterable[str]) -> str | None:
    """The configuration file in a command line."""
    for argument in reversed(list(command)):
        if argument.endswith((".yml", ".yaml")):
            return argument
    return None


def locate(folder: str, mounts: Iterable[Mapping[str, Any]]) -> Data:
    """The mount that a folder of the container lies in."""
    best: Mapping[str, Any] | None = None
    for mount in mounts:
        destination = posixpath.normpath(str(mount.get("Destination") or "/"))
        inside = folder == destination or folder.startswith(destination.rstrip("/") + "/")
        if inside and (best is None or len(destination) > len(str(best["Destination"]))):
            best = mount
    if best is None:
        return Data("layer", folder=folder)
    name = best.get("Name") if best.get("Type") == "volume" else best.get("Source")
    return Data(str(best.get("Type") or "bind"), str(name or ""), posixpath.normpath(str(best["Destination"])), folder)


def is_registry(
    image: str, labels: Mapping[str, str], ports: Iterable[str], environment: Mapping[str, str] | None = None
) -> bool:
    """Whether a container is a registry, as well as one can tell without asking it."""
    if labels.get(LABEL_PREFIX + "managed") == "true":
        return True
    if labels.get("dev.tilt.ctlptl.role") == "registry" or labels.get("k3d.role") == "registry":
        return True
    repository = image.partition("@")[0].rpartition("/")[2].partition(":")[0]
    if repository in ("registry", "distribution") or repository.endswith(("-registry", "_registry")):
        return True
    serves = any(str(port).startswith("5000/") for port in ports)
    return serves and ("registry" in image or any(key.startswith("REGISTRY_") for key in environment or {}))


def program_version(observed: Observed) -> str | None:
    """The registry's version: from the image's labels or tag, else asked of the program itself."""
    said = (observed.image_config.get("Labels") or {}).get("org.opencontainers.image.version")
    tag = observed.image_reference.partition("@")[0].rpartition("/")[2].partition(":")[2]
    for text in (said or "", tag):
        full = _FULL_VERSION.fullmatch(text)
        if full:
            return full.group(1)
    if observed.status != "running":
        return None
    try:
        code, output = _docker.run_in(observed.container, ["registry", "--version"])
    except APIError:
        return None
    words = output.split()
    return words[-1].lstrip("v") if code == 0 and words else None


def to_dict(pairs: Iterable[str]) -> dict[str, str]:
    """``KEY=value`` lines as a dictionary."""
    return dict(pair.partition("=")[::2] for pair in pairs)


def _json(text: str | None) -> dict[str, Any]:
    try:
        value = json.loads(text or "{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
