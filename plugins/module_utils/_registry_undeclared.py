# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: options that are not declared stand for what an earlier run wrote, so that leaving one out changes nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils import _registry_files as registry_files
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_spec import Https, Spec, Upstream

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.kubelocal.registry.plugins.module_utils._docker import File
    from ansible_collections.kubelocal.registry.plugins.module_utils._registry_observed import Observed


def complete(spec: Spec, observed: Observed) -> Spec:
    """The declaration with what it leaves out as the container has it from an earlier one; an empty value is declared, and removes."""
    kept: dict[str, Any] = {}
    for option, current in (("environment", observed.environment), ("labels", observed.labels)):
        if getattr(spec, option) is None:
            kept[option] = {key: current[key] for key in observed.notes.get(option) or [] if key in current}
    if not observed.has_own_files or registry_files.CONFIG not in observed.own:
        return replace(spec, **kept)
    config = registry_files.load(observed.own[registry_files.CONFIG].content)
    if spec.users is None and registry_files.HTPASSWD in observed.own:
        kept["htpasswd"] = _text(observed.own, registry_files.HTPASSWD)
    if not spec.https_declared and registry_files.KEY in observed.own:
        kept["https"] = Https(
            _text(observed.own, registry_files.CERTIFICATE) or "", _text(observed.own, registry_files.KEY) or ""
        )
    if spec.upstream is None:
        kept["upstream"] = _upstream(observed.own, config)
    if spec.config is None:
        kept["config"] = difference(observed.base, _without_options(observed.own, config))
    return replace(spec, **kept)


def difference(base: Mapping[str, Any], changed: Mapping[str, Any]) -> dict[str, Any]:
    """What has to be merged into ``base`` to get ``changed``; a null removes (RFC 7386)."""
    found: dict[str, Any] = {key: None for key in base if key not in changed}
    for key, value in changed.items():
        before = base.get(key)
        if isinstance(value, dict) and isinstance(before, dict):
            below = difference(before, value)
            if below:
                found[key] = below
        elif key not in base or before != value:
            found[key] = value
    return found


def _without_options(own: Mapping[str, File], config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration without what the options users, https and upstream put there."""
    found = dict(config)
    if registry_files.HTPASSWD in own:
        found.pop("auth", None)
    if registry_files.KEY in own and isinstance(found.get("http"), dict):
        found["http"] = {key: value for key, value in found["http"].items() if key != "tls"}
    if _upstream(own, config) is not None:
        found.pop("proxy", None)
    return found


def _upstream(own: Mapping[str, File], config: Mapping[str, Any]) -> Upstream | None:
    proxy = config.get("proxy")
    # version 2 has the credentials in its configuration, later ones in a file of ours
    ours = isinstance(proxy, dict) and (
        registry_files.HELPER in own or proxy.keys() <= {"remoteurl", "ttl", "username", "password"}
    )
    if not ours or not isinstance(proxy, dict) or not proxy.get("remoteurl"):
        return None
    username, password = proxy.get("username"), proxy.get("password")
    if registry_files.CREDENTIALS in own:
        pair = json.loads(own[registry_files.CREDENTIALS].content)
        username, password = pair.get("Username") or None, pair.get("Secret") or None
    ttl = proxy.get("ttl")
    return Upstream(
        str(proxy["remoteurl"]),
        username,
        password,
        None if ttl is None else str(ttl),
        _text(own, registry_files.UPSTREAM_CA),
    )


def _text(own: Mapping[str, File], name: str) -> str | None:
    return own[name].content.decode() if name in own else None
