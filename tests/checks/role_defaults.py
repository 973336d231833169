# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every role variable stands in defaults and in the argument specification, with the same default, and is used."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.checks.common import ROOT


def check() -> list[str]:
    folders = sorted(path for path in (ROOT / "roles").glob("*") if (path / "tasks").is_dir())
    return [f"{folder.name}: {problem}" for folder in folders for problem in problems_of(folder)]


def problems_of(folder: Path) -> Iterator[str]:
    """What is wrong with one role."""
    defaults = _load(folder / "defaults" / "main.yml")
    points = _load(folder / "meta" / "argument_specs.yml").get("argument_specs") or {}
    if not points:
        yield "meta/argument_specs.yml has no argument_specs"
        return
    options: dict[str, Any] = {}
    for point in points.values():
        options.update(point.get("options") or {})
    for name in sorted(set(defaults) - set(options)):
        yield f"{name} is in defaults/main.yml, but not in meta/argument_specs.yml"
    for name, option in sorted(options.items()):
        if not name.startswith(f"{folder.name}_"):
            yield f"{name} does not begin with the role's name"
        expected = option.get("default")
        if name not in defaults:
            if expected is not None:
                yield f"{name} has the default {expected!r} in meta/argument_specs.yml, but none in defaults/main.yml"
        elif option.get("required"):
            yield f"{name} is required, and yet has a default"
        elif expected is None and "{{" in str(defaults[name]):
            # made of other things, which a specification can't tell but in words
            continue
        elif defaults[name] != expected:
            yield f"{name} is {defaults[name]!r} in defaults/main.yml, but {expected!r} in meta/argument_specs.yml"
    used = "\n".join(
        path.read_text(encoding="utf-8")
        for part in ("tasks", "templates", "vars", "handlers", "defaults")
        for path in sorted((folder / part).rglob("*"))
        if path.is_file() and path != folder / "defaults" / "main.yml"
    )
    # a default may be made of other variables
    used += "\n".join(str(value) for value in defaults.values())
    for name in sorted(options):
        pieces = name.split("_")
        # lookup('vars', 'workstation_' ~ tool ~ '_version') uses a variable without its whole name
        if not re.search(rf"\b{name}\b", used) and not (
            len(pieces) > 2 and re.search(rf"'{pieces[0]}_'\s*~\s*\S+\s*~\s*'_{pieces[-1]}'", used)
        ):
            yield f"{name} is used nowhere in the role"


def _load(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    return loaded if isinstance(loaded, dict) else {}
