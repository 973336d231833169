# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks find what they are for."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from tests.checks import dependencies, documentation, machine_traces, pages, role_defaults
from tests.checks.__main__ import CHECKS
from tests.checks.common import ROOT


def test_every_check_is_listed() -> None:
    there = {path.stem for path in (ROOT / "tests/checks").glob("*.py")} - {"__init__", "__main__", "common"}
    assert there == set(CHECKS)


ROLE_CASES: list[tuple[dict[str, Any], dict[str, Any], str | None]] = [
    ({"r_a": 1}, {"r_a": {"type": "int", "default": 1}}, None),
    ({"r_a": None}, {"r_a": {"type": "str"}}, None),
    ({}, {"r_a": {"type": "str"}}, None),
    ({}, {"r_a": {"type": "str", "required": True}}, None),
    ({"r_a": 1}, {}, "no argument_specs"),
    ({"r_a": 1, "r_b": 1}, {"r_a": {"default": 1}}, "r_b is in defaults/main.yml, but not"),
    ({}, {"r_a": {"default": 1}}, "but none in defaults"),
    ({"r_a": 2}, {"r_a": {"default": 1}}, "r_a is 2 in defaults/main.yml, but 1 in"),
    ({"r_a": 1}, {"r_a": {"required": True}}, "required, and yet has a default"),
    ({"x_a": 1}, {"x_a": {"default": 1}}, "does not begin with the role's name"),
    ({"r_unused": 1}, {"r_unused": {"default": 1}}, "used nowhere"),
]


@pytest.mark.parametrize(("defaults", "options", "said"), ROLE_CASES)
def test_role_defaults(tmp_path: Path, defaults: dict[str, Any], options: dict[str, Any], said: str | None) -> None:
    role = tmp_path / "r"
    points = {"main": {"options": options}} if options else {}
    for name, content in (
        ("defaults/main.yml", defaults),
        ("meta/argument_specs.yml", {"argument_specs": points}),
        ("tasks/main.yml", [{"name": "{{ r_a }} {{ x_a }} {{ r_b }}"}]),
    ):
        (role / name).parent.mkdir(parents=True)
        (role / name).write_text(yaml.safe_dump(content))
    problems = list(role_defaults.problems_of(role))
    assert len(problems) == (0 if said is None else 1), problems
    assert said is None or said in problems[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[a](page.md) [b](https://example.org/x.md) `kind_workers` and <kind_nonsense>", None),
        ("[a](gone.md)", "the link to gone.md leads nowhere"),
        ("```yaml\na: [\n```\n", "YAML that is none"),
        ("`kind_wrokers: 2`", "there is no variable kind_wrokers"),
        ("```bash\nup -e kind_wrokers=2\n```", "there is no variable kind_wrokers"),
    ],
)
def test_pages(tmp_path: Path, text: str, said: str | None) -> None:
    page = tmp_path / "page.md"
    page.write_text(text)
    problems = list(pages.problems_of(page, {"kind_workers"}))
    assert len(problems) == (0 if said is None else 1), problems
    assert said is None or said in problems[0]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/build/" + "main/x", True),
        ("/tmp/" + "q/bin", True),
        ("/build/at/" + "shared/x", True),
        ("/home/ada/" + "src/x", True),
        ("/tmp/x", False),
        ("/home/ada/", False),
        ("https://forge.example/team/tree/main", False),
    ],
)
def test_machine_paths(path: str, found: bool) -> None:
    assert bool(machine_traces.PATHS.search(path)) == found


def test_incomplete_documentation_is_told() -> None:
    complete = {
        "doc": {
            "short_description": "Do it",
            "description": ["Does it."],
            "author": ["x"],
            "version_added": "0.1.0",
            "options": {"a": {"type": "list", "elements": "str", "description": ["What."]}},
            "attributes": {
                name: {"description": "x", "support": "full"} for name in ("check_mode", "diff_mode", "idempotent")
            },
        },
        "examples": "- kubelocal.registry.x:\n",
        "return": {"r": {"description": "What.", "type": "str", "returned": "always", "sample": "x"}},
    }
    assert list(documentation._plugin("module", "x", complete)) == []
    doc: dict[str, Any] = {**complete["doc"], "options": {"a": {"type": "list", "description": ["no stop"]}}}  # type: ignore[dict-item]
    assert len(list(documentation._plugin("module", "x", {**complete, "doc": doc}))) == 2
    assert len(list(documentation._plugin("module", "x", {**complete, "return": {"r": {"type": "str"}}}))) == 3
    assert len(list(documentation._plugin("module", "x", {**complete, "examples": ""}))) == 1


def _reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference", ROOT / "scripts/reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("markup", "markdown"),
    [
        ("Use O(a.b=c) or V(x) in C(d).", "Use `a.b=c` or `x` in `d`."),
        ("See O(kubelocal.registry.validate#module:variables).", "See `variables`."),
        ("By P(kubelocal.registry.connect#role)", "By `kubelocal.registry.connect`"),
        ("M(a.b.c), E(PATH)", "`a.b.c`, `PATH`"),
        ("B(not) I(this): U(https://x) L(it,https://y)", "**not** *this*: <https://x> [it](https://y)"),
        (["One.", "Two."], "One. Two."),
        ("RBAC (roles)", "RBAC (roles)"),
    ],
)
def test_reference_text(markup: Any, markdown: str) -> None:
    assert _reference().text(markup) == markdown


def test_reference_keeps_what_people_wrote(tmp_path: Path) -> None:
    reference = _reference()
    options = {"r_a": {"type": "str", "description": "A."}}
    entry = {"entry_points": {"main": {"description": ["x."], "options": options}}}
    (tmp_path / "README.md").write_text("# By hand\n")
    once = reference.role_readme(tmp_path, entry)
    assert once.startswith("# By hand\n\n## Variables\n")
    assert "| `r_a` | str |  | A. |" in once
    (tmp_path / "README.md").write_text(once + "More by hand.\n")
    assert reference.role_readme(tmp_path, entry) == once + "More by hand.\n"


DEPENDENCY_CASES: list[tuple[dict[str, str], dict[str, str], dict[str, str], str | None]] = [
    ({"a": ">=1.0,<3"}, {"a": "1.0"}, {"a": "2.9"}, None),
    ({"a": ">=1.0"}, {"a": "1.0.1"}, {"a": "2.9"}, "'>=1.0' is declared, but the lowest that is tested is 1.0.1"),
    ({"a": "<3"}, {"a": "1.0"}, {"a": "2.9"}, "the lowest that is tested is 1.0"),
    ({"a": ">=1.0,<3"}, {"a": "1.0"}, {"a": "3.0"}, "does not hold 3.0 of newest.yml"),
    ({"a": ">=1.0"}, {"a": "1.0"}, {}, "not in newest.yml"),
    ({"a": ">=1.0"}, {}, {}, "not in lowest.yml and newest.yml"),
    ({}, {"a": "1.0"}, {"a": "1.0"}, "not in galaxy.yml, meta/runtime.yml or requirements.txt"),
]


@pytest.mark.parametrize(("declared", "lowest", "newest", "said"), DEPENDENCY_CASES)
def test_dependencies(
    declared: dict[str, str], lowest: dict[str, str], newest: dict[str, str], said: str | None
) -> None:
    problems = list(dependencies.problems_of(declared, lowest, newest))
    assert len(problems) == (0 if said is None else 1), problems
    assert said is None or said in problems[0]


def test_dependencies_that_fell_behind() -> None:
    assert dependencies.behind({"a": "2.0", "b": "1"}, {"a": "2.0", "c": "1"}) == []
    assert len(dependencies.behind({"a": "2.0.1"}, {"a": "2.0"})) == 1


def test_dependencies_in_documentation() -> None:
    text = 'requirements:\n  - "docker >= 7.1.0 (the SDK)"\n  - other >= 3\n  - PyYAML\n'
    assert list(dependencies.documented(text, {"docker": "7.1.0"})) == []
    assert len(list(dependencies.documented(text, {"docker": "7.2.0"}))) == 1
