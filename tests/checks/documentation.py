# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``ansible-doc`` shows complete documentation for every module, filter, lookup and role."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from tests.checks.common import FQCN, ROOT, collection_copy, run

# an action plugin is documented by the module of its name
KINDS = {"module": "modules", "filter": "filter", "lookup": "lookup", "test": "test"}

# texts of kubernetes.core's fragment, which end with an example
_NOT_OURS = {"impersonate_groups", "no_proxy", "persist_config"}


def dump() -> dict[str, dict[str, Any]]:
    """All documentation by kind and name, as ansible-doc reads it; roles are among the kinds."""
    with collection_copy() as folder:
        code, output = run(
            ["ansible-doc", "--metadata-dump", "--no-fail-on-errors", FQCN],
            environment={"ANSIBLE_COLLECTIONS_PATH": str(folder), "ANSIBLE_DEPRECATION_WARNINGS": "0"},
        )
    start = output.find("{")
    if code != 0 or start < 0:
        raise AssertionError(f"ansible-doc ended with {code}: {output[:2000]}")
    documented, _end = json.JSONDecoder().raw_decode(output[start:])
    everything: dict[str, dict[str, Any]] = documented["all"]
    return {
        kind: {name: entry for name, entry in plugins.items() if name.startswith(f"{FQCN}.")}
        for kind, plugins in everything.items()
        if plugins and kind != "keyword"
    }


def check() -> list[str]:
    documented = dump()
    problems: list[str] = []
    for kind, folder in KINDS.items():
        shown = documented.get(kind, {})
        for name in _plugin_names(folder):
            entry = shown.get(f"{FQCN}.{name}")
            if entry is None:
                problems.append(f"{kind} {name}: ansible-doc does not show it")
            elif "error" in entry:
                problems.append(f"{kind} {name}: {entry['error']}")
            else:
                problems += [f"{kind} {name}: {problem}" for problem in _plugin(kind, name, entry)]
    modules = set(_plugin_names("modules"))
    problems += [
        f"action {name}: no module of that name documents it" for name in _plugin_names("action") if name not in modules
    ]
    for folder in sorted(path for path in (ROOT / "roles").glob("*") if (path / "tasks").is_dir()):
        entry = documented.get("role", {}).get(f"{FQCN}.{folder.name}")
        if not (folder / "README.md").is_file():
            problems.append(f"role {folder.name}: no README.md")
        if not entry or "error" in entry:
            problems.append(f"role {folder.name}: {(entry or {}).get('error', 'ansible-doc does not show it')}")
        else:
            problems += [f"role {folder.name}: {problem}" for problem in _role(entry)]
    return problems


def _plugin_names(folder: str) -> list[str]:
    found = {path.stem for path in (ROOT / "plugins" / folder).glob("*") if path.suffix in (".py", ".yml", ".yaml")}
    return sorted(name for name in found if not name.startswith("_"))


def _plugin(kind: str, name: str, entry: Mapping[str, Any]) -> Iterator[str]:
    doc = entry.get("doc") or {}
    for key in ("short_description", "description", "author", "version_added"):
        if not doc.get(key):
            yield f"no {key}"
    if str(doc.get("short_description", "")).endswith("."):
        yield "short_description is no sentence: it ends without a full stop"
    yield from _options(doc.get("options") or {}, "option ")
    if kind == "module":
        missing = {"check_mode", "diff_mode", "idempotent"} - set(doc.get("attributes") or {})
        if missing:
            yield f"attributes lack {', '.join(sorted(missing))}"
        for attribute, value in (doc.get("attributes") or {}).items():
            if not value.get("description") or not value.get("support"):
                yield f"attribute {attribute} lacks its description or support"
    examples = entry.get("examples") or ""
    if f"{FQCN}.{name}" not in examples:
        yield f"no example with {FQCN}.{name}"
    returned = entry.get("return") or {}
    if not returned:
        yield "no RETURN"
    for key, value in returned.items():
        if not value.get("description") or not value.get("type"):
            yield f"return value {key} lacks its description or type"
        if kind == "module" and not value.get("returned"):
            yield f"return value {key} does not say when it is returned"
        if kind == "module" and "sample" not in value and not value.get("contains"):
            yield f"return value {key} has neither sample nor contains"


def _options(options: Mapping[str, Any], where: str) -> Iterator[str]:
    for name, option in options.items():
        text = option.get("description")
        if not text or not "".join(text).strip():
            yield f"{where}{name} has no description"
        elif name not in _NOT_OURS and not re.search(r"[.)]\s*$", text if isinstance(text, str) else str(text[-1])):
            yield f"{where}{name}: the description does not end as a sentence does"
        if not option.get("type"):
            yield f"{where}{name} has no type"
        if option.get("type") == "list" and not option.get("elements"):
            yield f"{where}{name} is a list of what? it has no elements"
        nested = option.get("suboptions") or option.get("options") or {}
        yield from _options(nested, f"{where}{name}.")


def _role(entry: Mapping[str, Any]) -> Iterator[str]:
    points = entry.get("entry_points") or {}
    if "main" not in points:
        yield "argument_specs has no entry point main"
    for point, doc in points.items():
        for key in ("short_description", "description"):
            if not doc.get(key):
                yield f"entry point {point} has no {key}"
        yield from _options(doc.get("options") or {}, f"{point} option ")
