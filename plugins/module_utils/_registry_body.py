# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: what the Engine is asked for when a registry container is made, anew or in place of another."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils import _registry_files as registry_files
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_observed import config_path, to_dict
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_plan import SCALARS
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_spec import LABEL_PREFIX, STORAGE_SETTINGS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.kubelocal.registry.plugins.module_utils._docker import File
    from ansible_collections.kubelocal.registry.plugins.module_utils._registry_observed import Observed
    from ansible_collections.kubelocal.registry.plugins.module_utils._registry_spec import Spec

# Fields of a container's configuration that are carried over where they differ from the image's.
_CARRIED = (
    "User",
    "Entrypoint",
    "WorkingDir",
    "StopSignal",
    "Healthcheck",
    "Domainname",
    "StopTimeout",
    "Tty",
    "OpenStdin",
)
ROOT_VARIABLE = "REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY"


@dataclass(frozen=True)
class Image:
    """What an image brings: its settings, its configuration file, and who it runs as."""

    attrs: Mapping[str, Any]
    base: Mapping[str, Any]
    owner: tuple[int, int] = (0, 0)
    system_cas: bytes = b""

    @property
    def config(self) -> dict[str, Any]:
        return self.attrs.get("Config") or {}

    @property
    def version(self) -> int:
        return 2 if (config_path(self.config.get("Cmd") or []) or "").startswith("/etc/docker/registry") else 3


@dataclass(frozen=True)
class Making:
    """A container to be made: the Engine's body, further networks to join, our files, and where the images will lie."""

    body: dict[str, Any]
    networks: dict[str, dict[str, Any]]
    files: dict[str, File] = field(default_factory=dict)
    volume: str | None = None
    move: bool = False


def make(
    spec: Spec, values: Mapping[str, Any], image: Image, observed: Observed | None, custom_base: bool = False
) -> Making:
    """Everything about the new container. ``custom_base``: the old one's configuration file is its owner's, not its image's."""
    base = observed.base if observed is not None and custom_base else image.base
    environment = _environment(spec, image, observed)
    # a container that has files of ours and a declaration without any goes back to the image's own file
    own = spec.needs_configuration
    files = {}
    if own:
        previous = observed.own if observed is not None else {}
        files = registry_files.files(base, spec, image.version, previous, image.owner, image.system_cas)
        if registry_files.CA_BUNDLE in files:
            environment["SSL_CERT_FILE"] = f"{registry_files.FOLDER}/{registry_files.CA_BUNDLE}"
    config = registry_files.load(files[registry_files.CONFIG].content) if own else base
    effective = registry_files.effective(config, environment)
    registry_files.check(effective, "the image's file")

    mounts, volume, move = _data(spec, values, observed, effective, environment)
    effective = registry_files.effective(config, environment)
    inner = registry_files.inner_port(effective)
    host_config, first, others = _host(values, observed, inner, mounts, spec)
    command, original = _command(image, observed, own)
    body: dict[str, Any] = {
        "Image": values["image"],
        "Env": [f"{key}={value}" for key, value in sorted(environment.items())],
        "Labels": _labels(spec, values, observed, own=own, custom=custom_base, command=original, config=config),
        "ExposedPorts": {**_exposed(observed), f"{inner}/tcp": {}},
        "HostConfig": host_config,
        "NetworkingConfig": {"EndpointsConfig": first},
    }
    if command is not None:
        body["Cmd"] = command
    if observed is not None:
        for key in _CARRIED:
            value = observed.config.get(key)
            if value not in (None, "", [], False) and value != observed.image_config.get(key):
                body[key] = copy.deepcopy(value)
        hostname = str(observed.config.get("Hostname") or "")
        if hostname and hostname != observed.id[:12] and host_config.get("NetworkMode") != "host":
            body["Hostname"] = hostname
    return Making(body, others, files, volume, move)


def _environment(spec: Spec, image: Image, observed: Observed | None) -> dict[str, str]:
    if observed is None:
        found = {} if image.version < 3 else {"OTEL_TRACES_EXPORTER": "none"}
        if spec.upstream is None and registry_files.dig(dict(spec.config or {}), "storage", "delete") is None:
            found["REGISTRY_STORAGE_DELETE_ENABLED"] = "true"
    else:
        image_own = to_dict(observed.image_config.get("Env") or [])
        written = observed.notes.get("environment") or []
        found = {
            key: value
            for key, value in observed.environment.items()
            if image_own.get(key) != value and key not in written and not str(value).startswith(registry_files.FOLDER)
        }
    for declared, prefix in (
        (spec.users or spec.htpasswd, "REGISTRY_AUTH"),
        (spec.https, "REGISTRY_HTTP_TLS"),
        (spec.upstream, "REGISTRY_PROXY"),
    ):
        if declared:
            found = {key: value for key, value in found.items() if key != prefix and not key.startswith(prefix + "_")}
    if spec.config:
        # what is declared wins over variables of the old container
        found = {key: value for key, value in found.items() if not _overridden(key, spec.config)}
        drivers = registry_files.driver_names(spec.config.get("storage"))
        if drivers:
            found = {key: value for key, value in found.items() if not _of_another_driver(key, drivers)}
    return {**found, **(spec.environment or {})}


def _of_another_driver(variable: str, drivers: list[str]) -> bool:
    """Whether a variable chooses or configures a storage driver that is not wanted any more."""
    words = variable.split("_")
    if words[:2] != ["REGISTRY", "STORAGE"]:
        return False
    return len(words) == 2 or words[2].lower() not in (*drivers, *STORAGE_SETTINGS)


def _overridden(variable: str, config: Mapping[str, Any]) -> bool:
    if not variable.startswith("REGISTRY_"):
        return False
    value: Any = config
    for key in variable[len("REGISTRY_") :].lower().split("_"):
        if not isinstance(value, dict) or key not in value:
            return False
        value = value[key]
    return True


def _data(
    spec: Spec,
    values: Mapping[str, Any],
    observed: Observed | None,
    effective: Mapping[str, Any],
    environment: dict[str, str],
) -> tuple[dict[str, str], str | None, bool]:
    """Mounts by destination (as Binds have them), the volume of the images, and whether they have to be moved into it."""
    folder = registry_files.data_folder(effective)
    if observed is None:
        return ({folder: f"{values['volume']}:{folder}"}, values["volume"], False) if folder else ({}, None, False)
    mounts = _mounts(observed)
    data = observed.data
    if data.kind in ("elsewhere", "memory"):
        return mounts, None, False
    if folder is None:
        # another storage driver: they are not served any more, and not lost with the container
        if data.kind != "layer":
            return mounts, None, False
        mounts[data.folder] = f"{values['volume']}:{data.folder}"
        return mounts, values["volume"], True
    if data.folder != folder:
        root = registry_files.dig(dict(spec.config or {}), "storage", "filesystem", "rootdirectory")
        if root is None and ROOT_VARIABLE not in (spec.environment or {}):
            # another image that would look elsewhere: it is told where they are
            environment[ROOT_VARIABLE] = folder = data.folder
    if data.kind == "layer" or (spec.volume is not None and (data.kind, data.name) != ("volume", spec.volume)):
        if data.destination:
            mounts.pop(data.destination, None)
        if data.destination and data.destination != data.folder:
            raise ExpectedError(
                f"the registry '{observed.name}' keeps its images in a part of the volume at {data.destination}; leave volume out to keep it there."
            )
        mounts[folder] = f"{values['volume']}:{folder}"
        return mounts, values["volume"], True
    if data.folder != folder and data.destination:
        if data.destination != data.folder:
            raise ExpectedError(
                f"the registry '{observed.name}' keeps its images in a part of what is mounted at "
                f"{data.destination}, so that their folder can't be changed to {folder}."
            )
        mounts[folder] = mounts.pop(data.destination).replace(f":{data.destination}", f":{folder}", 1)
    return mounts, data.name if data.kind == "volume" else None, False


def _mounts(observed: Observed) -> dict[str, str]:
    """Every volume and bind of a container, anonymous ones by their name, as Binds have them."""
    found = {}
    for mount in observed.attrs.get("Mounts") or []:
        if mount.get("Type") not in ("volume", "bind"):
            continue
        source = mount.get("Name") if mount["Type"] == "volume" else mount.get("Source")
        modes = [mode for mode in str(mount.get("Mode") or "").split(",") if mode in ("z", "Z")]
        if not mount.get("RW", True):
            modes.append("ro")
        if mount["Type"] == "bind" and mount.get("Propagation") not in (None, "", "rprivate"):
            modes.append(mount["Propagation"])
        found[mount["Destination"]] = ":".join(
            [str(source), mount["Destination"], *([",".join(modes)] if modes else [])]
        )
    return found


def _host(
    values: Mapping[str, Any], observed: Observed | None, inner: int, mounts: Mapping[str, str], spec: Spec
) -> tuple[dict[str, Any], dict[str, Any], dict[str, dict[str, Any]]]:
    """HostConfig, the endpoint to be made with, and those to join afterwards."""
    host: dict[str, Any] = copy.deepcopy(observed.host_config) if observed is not None else {}
    host["Binds"] = list(mounts.values())
    host["Mounts"] = [mount for mount in host.get("Mounts") or [] if mount.get("Type") not in ("volume", "bind")]
    for key in ("VolumesFrom", "ContainerIDFile", "VolumeDriver", "AutoRemove"):
        host.pop(key, None)
    bindings = {
        key: value
        for key, value in (host.get("PortBindings") or {}).items()
        if observed is None or key != f"{observed.inner_port}/tcp"
    }
    if values["port"]:
        address = values["listen_address"] or spec.defaults["listen_address"]
        bindings[f"{inner}/tcp"] = [{"HostIp": address, "HostPort": str(values["port"])}]
    host["PortBindings"] = bindings
    policy = dict(host.get("RestartPolicy") or {})
    if policy.get("Name") != values["restart_policy"]:
        policy = {"Name": values["restart_policy"], "MaximumRetryCount": 0}
    host["RestartPolicy"] = policy

    endpoints: dict[str, dict[str, Any]] = {}
    if observed is not None:
        for name, endpoint in observed.networks.items():
            endpoints[name] = _endpoint(name, endpoint, observed.id)
    mode = str(host.get("NetworkMode") or "default")
    if mode == "host" and observed is not None and values["port"] != observed.inner_port:
        mode, endpoints = "bridge", {}
    for name in spec.networks or ():
        endpoints.setdefault(name, {})
    if mode in ("host", "none") or mode.startswith("container:"):
        host["NetworkMode"] = mode
        return host, {}, {}
    if mode == "default":
        mode = "bridge"
    if observed is not None and mode not in endpoints and endpoints:
        mode = next(iter(endpoints))
    host["NetworkMode"] = mode
    first = endpoints.pop(mode, {})
    return host, {mode: first}, endpoints


def _endpoint(name: str, endpoint: Mapping[str, Any], container_id: str) -> dict[str, Any]:
    """What a container asked of a network: aliases (without the one that Docker adds) and fixed addresses."""
    found: dict[str, Any] = {}
    if name != "bridge":
        aliases = [alias for alias in endpoint.get("Aliases") or [] if alias != container_id[:12]]
        if aliases:
            found["Aliases"] = aliases
    if endpoint.get("IPAMConfig"):
        found["IPAMConfig"] = dict(endpoint["IPAMConfig"])
    if endpoint.get("Links"):
        found["Links"] = list(endpoint["Links"])
    if endpoint.get("DriverOpts"):
        found["DriverOpts"] = dict(endpoint["DriverOpts"])
    return found


def _command(image: Image, observed: Observed | None, own: bool) -> tuple[list[str] | None, list[str] | None]:
    """The command to set (None: the image's), and the one that was there before our file, to be noted."""
    original: list[str] | None = None
    if observed is not None:
        if observed.has_own_files:
            noted = observed.notes.get("command")
            original = list(noted) if noted else None
        elif observed.command and observed.command != (observed.image_config.get("Cmd") or []):
            original = observed.command
            if not observed.image and config_path(original) in (
                "/etc/docker/registry/config.yml",
                "/etc/distribution/config.yml",
            ):
                original = None  # its image is gone, but this was the image's
    if not own:
        return original, original
    path = f"{registry_files.FOLDER}/{registry_files.CONFIG}"
    template = original or list(image.config.get("Cmd") or [])
    old = config_path(template)
    if old is None:
        if template:
            raise ExpectedError(
                "the image's command names no configuration file, so that none can be given to it; use another image."
            )
        return [path], original
    return [path if argument == old else argument for argument in template], original


def _exposed(observed: Observed | None) -> dict[str, Any]:
    if observed is None:
        return {}
    image = observed.image_config.get("ExposedPorts") or {}
    return {
        key: {}
        for key in observed.config.get("ExposedPorts") or {}
        if key not in image and key != f"{observed.inner_port}/tcp"
    }


def _labels(
    spec: Spec,
    values: Mapping[str, Any],
    observed: Observed | None,
    *,
    own: bool,
    custom: bool,
    command: list[str] | None,
    config: Mapping[str, Any],
) -> dict[str, str]:
    found: dict[str, str] = {}
    if observed is not None:
        image = observed.image_config.get("Labels") or {}
        written = observed.notes.get("labels") or []
        found = {
            key: value
            for key, value in observed.labels.items()
            if image.get(key) != value and key not in written and not key.startswith(LABEL_PREFIX)
        }
    found.update(spec.labels or {})
    defaults = {}
    for option in SCALARS:
        undeclared = getattr(spec, option) is None
        kept = observed is not None and observed.defaults.get(option) != observed.value(option)
        if undeclared and not kept and values[option] == spec.defaults[option]:
            defaults[option] = values[option]
    notes: dict[str, Any] = {"environment": sorted(spec.environment or {}), "labels": sorted(spec.labels or {})}
    if command:
        notes["command"] = command
    if custom:
        notes["custom"] = True
    plain = not own and not any(registry_files.dig(config, *keys) for keys in (("auth",), ("proxy",), ("http", "tls")))
    folder = registry_files.data_folder(config)
    if plain and folder:
        notes["data"] = folder
        notes["port"] = registry_files.inner_port(config)
    found[LABEL_PREFIX + "managed"] = "true"
    found[LABEL_PREFIX + "role"] = spec.role
    found[LABEL_PREFIX + "name"] = spec.name
    found[LABEL_PREFIX + "defaults"] = json.dumps(defaults, sort_keys=True)
    found[LABEL_PREFIX + "declared"] = json.dumps(notes, sort_keys=True)
    if observed is not None:
        found[LABEL_PREFIX + "replaces"] = observed.id
    return found
