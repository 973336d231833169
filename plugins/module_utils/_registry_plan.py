# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: how a registry container differs from what is declared."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils import _docker, _htpasswd, _image_ref
from ansible_collections.kubelocal.registry.plugins.module_utils import _registry_files as registry_files

if TYPE_CHECKING:
    from ansible_collections.kubelocal.registry.plugins.module_utils._registry_observed import Observed
    from ansible_collections.kubelocal.registry.plugins.module_utils._registry_spec import Spec

SCALARS = ("image", "port", "listen_address", "restart_policy", "volume")
# What the Engine changes on a container that stays.
IN_PLACE = frozenset({"restart_policy", "networks"})


@dataclass(frozen=True)
class Change:
    """One option that differs, as it may be shown."""

    option: str
    before: Any
    after: Any

    @property
    def in_place(self) -> bool:
        return self.option in IN_PLACE

    def __str__(self) -> str:
        return f"{self.option}: {_shown(self.before)} -> {_shown(self.after)}"


def wanted(spec: Spec, observed: Observed | None) -> dict[str, Any]:
    """Each scalar option's value: declared, or the default for a new container or one that has our old default, else as it is."""
    values: dict[str, Any] = {}
    for option in SCALARS:
        declared = getattr(spec, option)
        if declared is not None:
            values[option] = declared
        elif observed is None:
            values[option] = spec.defaults[option]
        else:
            current = observed.value(option)
            ours = option in observed.defaults and observed.defaults[option] == current
            values[option] = spec.defaults[option] if ours else current
    # one that publishes no port listens on no address yet
    values["listen_address"] = values["listen_address"] or spec.defaults["listen_address"]
    if observed is not None and spec.volume is None and values["volume"] is None:
        values["volume"] = spec.data_volume
    return values


def changes(spec: Spec, observed: Observed, values: dict[str, Any], image: dict[str, Any]) -> list[Change]:
    """What differs between the container and ``values`` and the other declared options; ``image`` is the wanted one, if the Engine has it."""
    found: list[Change] = []
    if _image_differs(observed, values["image"], image):
        before = observed.image_reference
        if before == values["image"]:
            found.append(
                Change("image", f"{before} ({_short(observed.image_id)})", f"{before} ({_short(image.get('Id'))})")
            )
        else:
            found.append(Change("image", before, values["image"]))
    bound = observed.bindings
    ports, addresses = {port for _address, port in bound}, {address for address, _port in bound}
    if not values["port"]:
        if bound:
            found.append(Change("port", observed.port, 0))
    else:
        if values["port"] not in ports:
            found.append(Change("port", observed.port, values["port"]))
        if values["listen_address"] not in addresses and (spec.listen_address is not None or bound):
            found.append(Change("listen_address", observed.listen_address, values["listen_address"]))
    data = observed.data
    if (
        spec.volume is not None
        and data.kind not in ("elsewhere", "memory")
        and (data.kind, data.name) != ("volume", spec.volume)
    ):
        found.append(Change("volume", data.name if data.kind in ("volume", "bind") else f"({data.kind})", spec.volume))
    if observed.restart_policy != values["restart_policy"]:
        found.append(Change("restart_policy", observed.restart_policy, values["restart_policy"]))
    missing = [network for network in spec.networks or () if network not in observed.networks]
    if missing:
        found.append(Change("networks", sorted(observed.networks), sorted({*observed.networks, *missing})))
    found += _pairs("environment", spec.environment, observed.environment, observed)
    found += _pairs("labels", spec.labels, observed.labels, observed)
    found += [Change(option, *_described(option, spec, observed)) for option in _file_changes(spec, observed)]
    return found


def _image_differs(observed: Observed, reference: str, image: dict[str, Any]) -> bool:
    if image:
        return bool(image["Id"] != observed.image_id)
    return not _image_ref.same_image(observed.image_reference, reference)


def _pairs(option: str, declared: Any, current: dict[str, str], observed: Observed) -> list[Change]:
    """Keys that were declared, and keys that we wrote earlier and that are declared no more."""
    declared = dict(declared or {})
    dropped = [key for key in observed.notes.get(option) or [] if key not in declared and key in current]
    if all(current.get(key) == value for key, value in declared.items()) and not dropped:
        return []
    keys = sorted({*declared, *dropped})
    before = {key: current[key] for key in keys if key in current}
    return [Change(option, before, {key: declared[key] for key in keys if key in declared})]


def _file_changes(spec: Spec, observed: Observed) -> list[str]:
    if observed.has_own_files:
        return registry_files.differing(observed.own, observed.base, spec, observed.version)
    if not spec.needs_configuration:
        return []
    return _foreign_changes(spec, observed)


def _foreign_changes(spec: Spec, observed: Observed) -> list[str]:
    """What a configuration that we didn't write does not satisfy."""
    have = observed.effective
    found = []
    if spec.config and registry_files.merge(have, spec.config) != have:
        found.append("config")
    if spec.users:
        text = _read(observed, registry_files.dig(have, "auth", "htpasswd", "path"))
        if text is None or _htpasswd.differing(text.decode(errors="replace"), spec.users):
            found.append("users")
    if spec.https:
        tls = registry_files.dig(have, "http", "tls") or {}
        pair = [_read(observed, tls.get(key)) for key in ("certificate", "key")]
        if [(text or b"").strip() for text in pair] != [
            spec.https.certificate.strip().encode(),
            spec.https.key.strip().encode(),
        ]:
            found.append("https")
    if spec.upstream:
        proxy = registry_files.dig(have, "proxy") or {}
        same = str(proxy.get("remoteurl") or "").rstrip("/") == spec.upstream.url.rstrip("/")
        plain = spec.upstream.username is None and spec.upstream.ca is None and spec.upstream.ttl is None
        if not (same and plain):
            found.append("upstream")
    return found


def _read(observed: Observed, path: Any) -> bytes | None:
    if not path or not isinstance(path, str):
        return None
    found = _docker.read_file(observed.container, path)
    return found.content if found else None


def _described(option: str, spec: Spec, observed: Observed) -> tuple[Any, Any]:
    """Before and after, without secrets."""
    have = observed.effective
    if option == "config":
        return mask(
            registry_files.load(observed.own[registry_files.CONFIG].content)
            if registry_files.CONFIG in observed.own
            else have
        ), mask(registry_files.declared(observed.base, spec, observed.version))
    if option == "users":
        old = observed.own.get(registry_files.HTPASSWD)
        before = (
            sorted(_htpasswd.parse(old.content.decode(errors="replace")))
            if old
            else ["(others)"]
            if have.get("auth")
            else []
        )
        after: Any = sorted(spec.users or {})
        return before, after if before != after else "the same with another password"
    if option == "https":
        return "on" if observed.https else "off", (
            "on, with the declared certificate" if observed.https else "on"
        ) if spec.https else "off"
    before = registry_files.dig(have, "proxy", "remoteurl")
    after = spec.upstream.url if spec.upstream else None
    return before, after if before != after else f"{after} with other credentials, ttl or CA"


_SECRET_KEYS = ("secret", "password", "key", "token", "credential", "sas", "authorization", "dsn", "cookie")
# Named like secrets, and as the registry has it the paths of files.
_FILES = frozenset({"key", "keyfile", "privatekey"})
_USER_IN_URL = re.compile(r"(?<=://)[^/@\s]+@")
COVER = "********"


def mask(value: Any, key: str = "") -> Any:
    """A configuration as it may be shown: what is named like a secret is covered, and credentials in addresses."""
    if isinstance(value, dict):
        return {name: mask(below, str(name)) for name, below in value.items()}
    if isinstance(value, list):
        # headers hold Authorization values
        return [mask(below, key) for below in value]
    if _is_secret(value, key):
        return COVER
    return _USER_IN_URL.sub(f"{COVER}@", value) if isinstance(value, str) else value


def secrets(spec: Spec) -> tuple[str, ...]:
    """What must not be shown, though the registry may say it in its log; longer ones first, since one may hold another."""
    found = [spec.upstream.password or "" if spec.upstream else "", *(spec.users or {}).values()]
    found += covered(spec.config)
    return tuple(sorted({value for value in found if value}, key=len, reverse=True))


def covered(value: Any, key: str = "") -> list[str]:
    """What ``mask`` would cover wholly, as text."""
    if isinstance(value, dict):
        return [text for name, below in value.items() for text in covered(below, str(name))]
    if isinstance(value, list):
        return [text for below in value for text in covered(below, key)]
    return [str(value)] if _is_secret(value, key) else []


def _is_secret(value: Any, key: str) -> bool:
    if value in (None, "") or isinstance(value, bool) or not any(word in key.lower() for word in _SECRET_KEYS):
        return False
    return not (key.lower() in _FILES and str(value).startswith("/"))


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return (
            ", ".join(
                f"{key}={below}"
                for key, below in sorted(value.items(), key=lambda item: str(item[0]))
                if not isinstance(below, (dict, list))
            )
            or "-"
        )
    if isinstance(value, list):
        return ", ".join(str(below) for below in value) or "-"
    return "-" if value in (None, "") else str(value)


def _short(image_id: Any) -> str:
    return str(image_id or "").rpartition(":")[2][:12]
