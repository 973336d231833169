# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""meta/runtime.yml's action groups hold exactly the modules whose documentation says so."""

from __future__ import annotations

from typing import Any

import yaml

from tests.checks.common import FQCN, ROOT
from tests.checks.documentation import dump

# an option by which a module is seen to reach what the group is about
_TELLTALE = {"docker": "docker_host", "kubernetes": "api_key"}


def check() -> list[str]:
    runtime = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))
    groups: dict[str, list[Any]] = runtime.get("action_groups") or {}
    modules = {name.removeprefix(f"{FQCN}."): entry.get("doc") or {} for name, entry in dump()["module"].items()}
    problems = []
    for group, listed in groups.items():
        members = [str(name) for name in listed if not isinstance(name, dict)]
        if members != sorted(set(members)):
            problems.append(f"{group}: the list is not sorted, or names something twice")
        for name in members:
            if name not in modules:
                problems.append(f"{group}: there is no module {name}")
            elif f"{FQCN}.{group}" not in _membership(modules[name]):
                problems.append(f"{group}: the documentation of {name} does not tell of its membership")
        for name, doc in sorted(modules.items()):
            if name in members:
                continue
            if f"{FQCN}.{group}" in _membership(doc):
                problems.append(f"{group}: {name} claims to be a member, but meta/runtime.yml does not list it")
            elif _TELLTALE.get(group) in (doc.get("options") or {}):
                problems.append(f"{group}: {name} has the option {_TELLTALE[group]}, but is not listed")
    return problems


def _membership(doc: dict[str, Any]) -> list[str]:
    attribute = (doc.get("attributes") or {}).get("action_group") or {}
    membership = attribute.get("membership") or []
    return [membership] if isinstance(membership, str) else list(membership)
