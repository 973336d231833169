# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the collection says it works with is what is tested: tests/dependencies holds both ends of every range."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from tests.checks.common import ROOT
from tests.runner import dependencies

_REQUIREMENT = re.compile(r"^([A-Za-z][\w.-]*) ?([<>=!~][^#;(\n]*)", re.MULTILINE)
_DOCUMENTED = re.compile(r"^ *- \"?([A-Za-z][\w.-]*) (>= [\d.]+)", re.MULTILINE)
_PAGE = "docs/testing.md"


def check() -> list[str]:
    galaxy, runtime = _yaml("galaxy.yml"), _yaml("meta/runtime.yml")
    lowest, newest = (_versions(name) for name in ("lowest", "newest"))
    declared = {
        "ansible-core": runtime["requires_ansible"],
        **galaxy["dependencies"],
        **dict(_REQUIREMENT.findall(_text("requirements.txt"))),
    }
    problems = list(problems_of(declared, lowest, newest))
    problems += behind(dict(re.findall(r"^([\w-]+)==(\S+)", _text("scripts/constraints.txt"), re.MULTILINE)), newest)
    for file in sorted((ROOT / "plugins").rglob("*.py")):
        name = str(file.relative_to(ROOT))
        problems += [f"{name}: {problem}" for problem in documented(file.read_text(encoding="utf-8"), lowest)]
    for file in sorted((ROOT / "roles").glob("*/meta/main.yml")):
        name = str(file.relative_to(ROOT))
        said, tested = str(_yaml(name)["galaxy_info"]["min_ansible_version"]), minor(lowest["ansible-core"])
        if said != tested:
            problems.append(f"{name}: min_ansible_version is {said}, the lowest that is tested is {tested}")
    page = _text(_PAGE)
    rows = (f"| {name} | {lowest[name]} | {newest.get(name)} |" for name in lowest)
    return problems + [f"{_PAGE}: this row is not there: {row}" for row in rows if row not in page]


def problems_of(declared: Mapping[str, str], lowest: Mapping[str, str], newest: Mapping[str, str]) -> Iterator[str]:
    """Where the ranges that are declared and the two sets differ."""
    for name in sorted(declared.keys() | lowest.keys() | newest.keys()):
        missing = [place for place, known in _places(declared, lowest, newest) if name not in known]
        if missing:
            yield f"{name}: not in {' and '.join(missing)}"
            continue
        allowed = SpecifierSet(declared[name])
        bounds = [Version(one.version) for one in allowed if one.operator == ">="]
        if bounds != [Version(lowest[name])]:
            yield f"{name}: '{declared[name]}' is declared, but the lowest that is tested is {lowest[name]}"
        if newest[name] not in allowed:
            yield f"{name}: '{declared[name]}' is declared, and does not hold {newest[name]} of newest.yml"


def behind(pins: Mapping[str, str], newest: Mapping[str, str]) -> list[str]:
    """Packages of which the everyday environment has a newer version than the set of the newest."""
    return [
        f"{name}: newest.yml has {version}, and scripts/constraints.txt the newer {pins[name]}"
        for name, version in newest.items()
        if name in pins and Version(pins[name]) > Version(version)
    ]


def documented(text: str, lowest: Mapping[str, str]) -> Iterator[str]:
    """Requirements in a plugin's documentation that name another version than the lowest that is tested."""
    for name, wanted in _DOCUMENTED.findall(text):
        if name in lowest and wanted != f">= {lowest[name]}":
            yield f"its documentation says '{name} {wanted}', the lowest that is tested is {lowest[name]}"


def minor(version: str) -> str:
    """``2.19`` of ``2.19.0``."""
    return ".".join(version.split(".")[:2])


def _places(
    declared: Mapping[str, str], lowest: Mapping[str, str], newest: Mapping[str, str]
) -> tuple[tuple[str, Mapping[str, str]], ...]:
    said = "galaxy.yml, meta/runtime.yml or requirements.txt"
    return (said, declared), ("lowest.yml", lowest), ("newest.yml", newest)


def _versions(name: str) -> dict[str, str]:
    told = dependencies.load(name)
    return {**told.packages, **{collection: bundled.version for collection, bundled in told.collections.items()}}


def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def _yaml(name: str) -> Any:
    return yaml.safe_load(_text(name))
