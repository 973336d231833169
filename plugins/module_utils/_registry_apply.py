# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: making a registry container, putting it in place of another, and back when that fails."""

from __future__ import annotations

import contextlib
import posixpath
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils import (
    _docker,
    _registry_data,
    _registry_health,
    _run_mark,
)
from ansible_collections.kubelocal.registry.plugins.module_utils import _registry_files as registry_files
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_image import RUN_LABEL
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_lock import told_to_end, undisturbed
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_observed import Observed, observe
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_spec import LABEL_PREFIX

with contextlib.suppress(ImportError):  # told by _docker
    from docker.errors import APIError, NotFound
    from requests.exceptions import RequestException

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ansible_collections.kubelocal.registry.plugins.module_utils._registry_body import Making

STOP_TIMEOUT = 10
# Seconds after which a container that was made only to read its image is nobody's any more.
_PROBE_LIFE = 60
# Files of a container's own layer that mean nothing in another one.
_NOT_CARRIED = (
    "/proc",
    "/sys",
    "/dev",
    "/run",
    "/var/run",
    "/tmp",
    "/var/tmp",
    "/var/log",
    "/var/cache",
    registry_files.FOLDER,
)
_ENGINES_OWN = frozenset({"/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/etc/mtab", "/.dockerenv"})


def old_name(name: str) -> str:
    return f"{name}-kubelocal-old"


def new_name(name: str) -> str:
    return f"{name}-kubelocal-new"


@dataclass
class Work:
    """One run on one registry: the Engine, how long to wait, what was done, and what must not be shown.

    ``known``: by a container's ID, our files in it that were read before.
    """

    client: Any
    name: str
    timeout: float
    actions: list[str] = field(default_factory=list)
    secrets: tuple[str, ...] = ()
    known: Mapping[str, Mapping[str, _docker.File]] = field(default_factory=dict)

    def find(self, name: str) -> Any:
        try:
            return self.client.containers.get(name)
        except NotFound:
            return None

    def named(self) -> dict[str, Mapping[str, Any]]:
        """What the Engine lists of containers whose names begin with this registry's, by name."""
        listed = self.client.api.containers(all=True, filters={"name": f"^/?{re.escape(self.name)}"})
        return {name.lstrip("/"): container for container in listed for name in container.get("Names") or []}

    def create(self, making: Making, name: str, carried: dict[str, _docker.File] | None = None) -> Observed:
        """A container that is not started yet, with its files and networks; nothing is left when that fails."""
        created = self.client.api.create_container_from_config(making.body, name)["Id"]
        try:
            container = self.client.containers.get(created)
            if carried:
                _docker.put_files(container, "/", {path.lstrip("/"): file for path, file in carried.items()})
            if making.files:
                folder = registry_files.FOLDER.lstrip("/")
                _docker.put_files(container, "/", {f"{folder}/{path}": file for path, file in making.files.items()})
            for network, endpoint in making.networks.items():
                self.connect(created, network, endpoint)
            container.reload()
            return observe(self.client, container)
        except BaseException:
            with undisturbed(), contextlib.suppress(APIError, RequestException):
                self.client.api.remove_container(created, v=False, force=True)
            raise

    def connect(self, container_id: str, network: str, endpoint: dict[str, Any] | None = None) -> None:
        """Join a network; being there already is fine."""
        endpoint = endpoint or {}
        try:
            addresses = endpoint.get("IPAMConfig") or {}
            self.client.api.connect_container_to_network(
                container_id,
                network,
                aliases=endpoint.get("Aliases"),
                links=endpoint.get("Links"),
                ipv4_address=addresses.get("IPv4Address"),
                ipv6_address=addresses.get("IPv6Address"),
                link_local_ips=addresses.get("LinkLocalIPs"),
                driver_opt=endpoint.get("DriverOpts"),
            )
        except APIError as error:
            if "already exists" not in str(error) and "already attached" not in str(error):
                raise

    def start_new(self, making: Making, values: dict[str, Any]) -> Observed:
        """A first registry of this name, running and healthy; nothing of it is left when that fails."""
        made_volume = bool(making.volume) and _registry_data.ensure_volume(self.client, str(making.volume), self.name)
        made: Observed | None = None
        try:
            with told_to_end():
                made = self.create(making, self.name)
                self.client.api.start(made.id)
                _registry_health.wait(self.client, made, self.timeout, self.secrets)
        except BaseException as error:
            with undisturbed(), contextlib.suppress(APIError, RequestException):
                if made is not None:
                    self.client.api.remove_container(made.id, v=False, force=True)
                if made_volume and not _conflict(error):
                    _registry_data.remove_volume(self.client, str(making.volume))
            raise
        where = f" on {values['listen_address']}:{values['port']}" if values["port"] else ""
        self.actions.append(
            f"Created the registry '{self.name}'{where}, image {values['image']}, data in the volume '{making.volume}'."
        )
        return made

    def replace(self, old: Observed, making: Making, why: str) -> Observed:
        """The new container in place of the old one, which is put back if the new one does not become healthy."""
        made_volume = bool(making.volume) and _registry_data.ensure_volume(self.client, str(making.volume), self.name)
        carried = self._carried(old)
        running = old.up
        new: Observed | None = None
        moved = False
        try:
            with told_to_end():
                new = self.create(making, new_name(self.name), carried)
                self.stop(old)
                moved = making.move and _registry_data.copy(self.client, old, str(making.volume))
                if moved:
                    self.actions.append(f"Copied the images of '{self.name}' into the volume '{making.volume}'.")
                self.client.api.rename(old.id, old_name(self.name))
                self.client.api.rename(new.id, self.name)
                self.client.api.start(new.id)
                _registry_health.wait(self.client, new, self.timeout, self.secrets)
        except BaseException as error:
            with undisturbed():
                self._put_back(old, new, running)
                if made_volume:
                    with contextlib.suppress(APIError, RequestException):
                        _registry_data.remove_volume(self.client, str(making.volume))
            if isinstance(error, ExpectedError):
                raise ExpectedError(f"{str(error).rstrip('.')}; the old registry was put back.") from error
            raise
        self.remove(old.id)
        if moved and _registry_data.can_go(old):
            with contextlib.suppress(APIError):
                _registry_data.remove_volume(self.client, old.data.name)
        self.actions.append(f"Replaced the registry '{self.name}', its data and networks kept ({why}).")
        return new

    def stop(self, observed: Observed) -> None:
        if observed.status == "paused":
            self.client.api.unpause(observed.id)
        if observed.up:
            self.client.api.stop(observed.id, timeout=STOP_TIMEOUT)

    def remove(self, container_id: str, anonymous: bool = False) -> None:
        """Remove a container, its ``anonymous`` volumes too; one that the Engine is removing already (--rm) is waited for."""
        deadline = time.monotonic() + STOP_TIMEOUT
        while True:
            try:
                self.client.api.remove_container(container_id, v=anonymous, force=True)
            except NotFound:
                return
            except APIError as error:
                if "already in progress" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def _put_back(self, old: Observed, new: Observed | None, running: bool) -> None:
        """As it was before, as far as the Engine lets us."""
        if new is not None:
            with contextlib.suppress(APIError, RequestException):
                self.client.api.remove_container(new.id, v=False, force=True)
        with contextlib.suppress(APIError, RequestException):
            old.container.reload()
            if old.container.name != old.name:
                self.client.api.rename(old.id, old.name)
        with contextlib.suppress(APIError, RequestException):
            if running:
                self.client.api.start(old.id)

    def _carried(self, old: Observed) -> dict[str, _docker.File]:
        """Files that somebody put into the old container: a configuration, keys."""
        inside = [posixpath.normpath(str(mount["Destination"])) for mount in old.attrs.get("Mounts") or []]
        skipped = (*_NOT_CARRIED, *inside, *([old.data.folder] if old.data.folder else []))
        paths = [entry["Path"] for entry in self.client.api.diff(old.id) or [] if entry.get("Kind") in (0, 1)]
        found: dict[str, _docker.File] = {}
        for path in leaves(paths):
            if path in _ENGINES_OWN or any(
                path == folder or path.startswith(folder.rstrip("/") + "/") for folder in skipped
            ):
                continue
            file = _docker.read_file(old.container, path)
            if file:
                found[path] = file
        return found

    def settle(self) -> None:
        """Finish what a killed run left: forward if its new registry works, else back to the old one."""
        there = self.named()
        for helper, listed in there.items():
            probe = helper.startswith(f"{self.name}-kubelocal-probe-") and _left_behind(listed)
            if probe or helper == f"{self.name}-kubelocal-copy":
                self.remove(helper, anonymous=True)
        if not there.keys() & {new_name(self.name), old_name(self.name)}:
            return
        unfinished = self.find(new_name(self.name))
        backup = self.find(old_name(self.name))
        current = self.find(self.name)
        if unfinished is not None:
            if not _ours(unfinished):
                raise ExpectedError(f"the container '{unfinished.name}' is in the way; remove or rename it.")
            self.remove(unfinished.id)
            self.actions.append(f"Removed '{new_name(self.name)}', which a run that was cut off left.")
        if backup is None:
            return
        if current is not None and current.labels.get(LABEL_PREFIX + "replaces") == backup.id and self._works(current):
            # the run that was cut off may have told the Engine already
            self.remove(backup.id)
            self.actions.append(
                f"Removed '{old_name(self.name)}', which a run that was cut off left behind its replacement."
            )
            return
        if current is not None:
            if current.labels.get(LABEL_PREFIX + "replaces") != backup.id:
                raise ExpectedError(
                    f"the containers '{self.name}' and '{backup.name}' are both there; remove the one that is not wanted."
                )
            self.remove(current.id)
        backup.rename(self.name)
        self.actions.append(f"Put the registry '{self.name}' back, which a run that was cut off had set aside.")

    def _works(self, container: Any) -> bool:
        observed = observe(self.client, container)
        try:
            if observed.status == "paused":
                container.unpause()
            elif observed.status != "running":
                container.start()
            _registry_health.wait(self.client, observed, min(self.timeout, 20), self.secrets)
        except (_registry_health.NotHealthy, APIError):
            return False
        return True


def leaves(paths: Iterable[str]) -> list[str]:
    """Paths that are no folder of another one."""
    known = sorted(set(paths))
    folders = {posixpath.dirname(path) for path in known}
    return [path for path in known if path not in folders]


def _ours(container: Any) -> bool:
    return bool(container.labels.get(LABEL_PREFIX + "managed") == "true")


def _left_behind(probe: Mapping[str, Any]) -> bool:
    """Whether nobody needs it any more. A young one may be that of another user's run, whose lock we don't see."""
    mark = str((probe.get("Labels") or {}).get(RUN_LABEL) or "")
    return _run_mark.is_dead(mark) or time.time() - float(probe.get("Created") or 0) > _PROBE_LIFE


def _conflict(error: BaseException) -> bool:
    return isinstance(error, APIError) and error.status_code == 409
