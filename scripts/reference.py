#!/usr/bin/env python3
# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes docs/reference and the tables of variables in the roles' READMEs from the documentation in the code.

``--check`` writes nothing and names what is out of date.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.checks.common import FQCN
from tests.checks.documentation import dump

HEAD = (
    "<!-- SPDX-FileCopyrightText: kubelocal contributors -->\n<!-- SPDX-License-Identifier: GPL-3.0-or-later -->\n"
    "<!-- Written by scripts/reference.py: change the documentation in the code, then run it. -->\n"
)
BEGIN = "<!-- variables: begin, written by scripts/reference.py -->"
END = "<!-- variables: end -->"
KINDS = ("module", "filter", "lookup", "test")


def text(value: Any) -> str:
    """Ansible's markup, or a list of paragraphs of it, as Markdown in one line."""
    line = " ".join(str(part) for part in value) if isinstance(value, list) else str(value or "")
    line = re.sub(r"\s+", " ", line).strip()
    line = re.sub(r"\b(?:O|RV)\(([^()#]*#\w+:)?([^()]*)\)", r"`\2`", line)
    line = re.sub(r"\bP\(([^()#]*)(?:#\w+)?\)", r"`\1`", line)
    line = re.sub(r"\b(?:C|V|E)\(([^()]*)\)", r"`\1`", line)
    line = re.sub(r"\bM\(([^()]*)\)", r"`\1`", line)
    line = re.sub(r"\bI\(([^()]*)\)", r"*\1*", line)
    line = re.sub(r"\bB\(([^()]*)\)", r"**\1**", line)
    line = re.sub(r"\bU\(([^()]*)\)", r"<\1>", line)
    return re.sub(r"\b(?:L|R)\(([^(),]*),\s*([^()]*)\)", r"[\1](\2)", line)


def cell(value: Any) -> str:
    """Text that may stand in a table."""
    return text(value).replace("|", "\\|")


def shown(value: Any) -> str:
    """A default as one would write it in YAML."""
    if value is None:
        return ""
    written = json.dumps(value, ensure_ascii=False) if not isinstance(value, str) or not value else value
    return "`{}`".format(re.sub(r"\s+", " ", written).replace("|", "\\|"))


def kind_of(option: Mapping[str, Any]) -> str:
    """The type, and that of its elements."""
    kind = str(option.get("type", "str"))
    return f"{kind} of {option['elements']}" if option.get("elements") else kind


def options_table(options: Mapping[str, Any], first: str = "option") -> Iterator[str]:
    """A table of options, nested ones below theirs."""
    if not options:
        yield "None."
        return
    yield f"| {first} | type | default | |"
    yield "|---|---|---|---|"
    yield from _option_rows(options, "")


def _option_rows(options: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for name, option in sorted(options.items()):
        default = "required" if option.get("required") else shown(option.get("default"))
        said = cell(option.get("description"))
        if option.get("choices"):
            said += " One of " + ", ".join(f"`{choice}`" for choice in option["choices"]) + "."
        if option.get("aliases"):
            said += " Also called " + ", ".join(f"`{alias}`" for alias in option["aliases"]) + "."
        yield f"| `{prefix}{name}` | {kind_of(option)} | {default} | {said} |"
        nested = option.get("suboptions") or option.get("options") or {}
        yield from _option_rows(nested, f"{prefix}{name}{'[]' if option.get('type') == 'list' else ''}.")


def _return_rows(values: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for name, value in values.items():
        sample = shown(value.get("sample")) if "sample" in value else ""
        said, when = cell(value.get("description")), cell(value.get("returned"))
        yield f"| `{prefix}{name}` | {kind_of(value)} | {when} | {said} | {sample} |"
        below = f"{prefix}{name}{'[]' if value.get('type') == 'list' else ''}."
        yield from _return_rows(value.get("contains") or {}, below)


def paragraphs(value: Any) -> Iterator[str]:
    for paragraph in value if isinstance(value, list) else [value]:
        yield text(paragraph)
        yield ""


def plugin_page(kind: str, name: str, entry: Mapping[str, Any]) -> str:
    """The page of a module, filter or lookup."""
    doc = entry["doc"]
    lines = [HEAD, f"# {name} ({kind})", "", f"{text(doc['short_description'])}. Since {doc.get('version_added')}.", ""]
    lines += paragraphs(doc["description"])
    lines += ["## Options", "", *options_table(doc.get("options") or {}), ""]
    if doc.get("attributes"):
        lines += ["## Attributes", "", "| attribute | support | |", "|---|---|---|"]
        for attribute, value in sorted(doc["attributes"].items()):
            said = cell(value.get("details") or value.get("description"))
            lines.append(f"| {attribute} | {value.get('support')} | {said} |")
        lines.append("")
    for title, key in (("Needs", "requirements"), ("Notes", "notes")):
        if doc.get(key):
            lines += [f"## {title}", "", *(f"- {text(line)}" for line in doc[key]), ""]
    lines += ["## Examples", "", "```yaml", str(entry.get("examples") or "").strip(), "```", ""]
    lines += ["## Returns", "", "| key | type | returned | | sample |", "|---|---|---|---|---|"]
    lines += [*_return_rows(entry.get("return") or {}, ""), ""]
    return "\n".join(lines)


def role_page(name: str, entry: Mapping[str, Any]) -> str:
    """The page of a role."""
    lines = [HEAD, f"# {name} (role)", ""]
    for point, doc in entry["entry_points"].items():
        if point != "main":
            lines += [f"## Entry point {point}", ""]
        lines += [f"{text(doc.get('short_description'))}.", "", *paragraphs(doc.get("description") or [])]
        if point == "main" or doc.get("options"):
            lines += [*options_table(doc.get("options") or {}, "variable"), ""]
    return "\n".join(lines)


def variables_page(roles: Mapping[str, Any]) -> str:
    """What can be set for the playbooks: their own variables first, then the roles'."""
    sys.path.insert(0, str(ROOT))
    from ansible_collections.kubelocal.registry.plugins.plugin_utils import _variables

    lines = [
        HEAD,
        "# Variables",
        "",
        "All that the playbooks `up`, `down` and `status` take: in an inventory, in a file (`-e @cluster.yml`) or one",
        "by one (`-e name=value`). A variable with one of these prefixes that is not listed here is an error. A role",
        "that is used alone takes those of its own section.",
        "",
        "## Of the playbooks",
        "",
        *options_table(_variables.PLAYBOOK_OPTIONS, "variable"),
        "",
    ]
    for name, entry in sorted(roles.items()):
        short = name.rsplit(".", 1)[-1]
        options: dict[str, Any] = {}
        for doc in entry["entry_points"].values():
            options.update(doc.get("options") or {})
        lines += [f"## Of the role {short}", "", *options_table(options, "variable"), ""]
    return "\n".join(lines)


def role_readme(folder: Path, entry: Mapping[str, Any]) -> str:
    """The role's README with its table of variables as they are now."""
    readme = folder / "README.md"
    options: dict[str, Any] = {}
    for doc in entry["entry_points"].values():
        options.update(doc.get("options") or {})
    block = "\n".join([BEGIN, "", *options_table(options, "variable"), "", END])
    if readme.is_file():
        written = readme.read_text(encoding="utf-8")
    else:
        main = entry["entry_points"]["main"]
        lines = [*HEAD.splitlines()[:2], "", f"# {FQCN}.{folder.name}", "", *paragraphs(main["description"])]
        play = ["- hosts: localhost", "  gather_facts: false", "  roles:", f"    - {FQCN}.{folder.name}"]
        lines += ["```yaml", *play, "```", ""]
        written = "\n".join(lines)
    if BEGIN not in written:
        return f"{written.rstrip()}\n\n## Variables\n\n{block}\n"
    before, _, rest = written.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + block + after


def pages() -> dict[Path, str]:
    """Every file that is generated, with what it should hold."""
    documented = dump()
    reference = ROOT / "docs" / "reference"
    wanted: dict[Path, str] = {}
    index = [HEAD, "# Reference", "", "Written from the code; `ansible-doc` shows the same.", ""]
    index.append("- [Variables](variables.md)")
    roles = {name: entry for name, entry in documented.get("role", {}).items() if "entry_points" in entry}
    for name, entry in sorted(roles.items()):
        short = name.rsplit(".", 1)[-1]
        page = reference / f"{short}_role.md"
        wanted[page] = role_page(name, entry)
        index.append(f"- role [{short}]({page.name}): {text(entry['entry_points']['main'].get('short_description'))}")
        folder = ROOT / "roles" / short
        wanted[folder / "README.md"] = role_readme(folder, entry)
    for kind in KINDS:
        for name, entry in sorted(documented.get(kind, {}).items()):
            if "doc" not in entry:
                continue
            short = name.rsplit(".", 1)[-1]
            page = reference / f"{short}_{kind}.md"
            wanted[page] = plugin_page(kind, name, entry)
            index.append(f"- {kind} [{short}]({page.name}): {text(entry['doc']['short_description'])}")
    wanted[reference / "variables.md"] = variables_page(roles)
    wanted[reference / "README.md"] = "\n".join([*index, ""])
    return {path: re.sub(r"\n{3,}", "\n\n", content).rstrip() + "\n" for path, content in wanted.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, name what is out of date")
    check = parser.parse_args().check
    wanted = pages()
    stale = [path for path in (ROOT / "docs" / "reference").glob("*.md") if path not in wanted]
    there = {path: path.read_text(encoding="utf-8") for path in wanted if path.is_file()}
    changed = [path for path, content in wanted.items() if there.get(path) != content]
    if check:
        for path in sorted([*stale, *changed]):
            print(f"{path.relative_to(ROOT)} is out of date; run scripts/reference.py")
        return 1 if stale or changed else 0
    for path in stale:
        path.unlink()
    for path in changed:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[path], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
