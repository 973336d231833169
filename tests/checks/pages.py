# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages for people: links lead somewhere, YAML in them is YAML, and variables that they name exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from ansible_collections.kubelocal.registry.plugins.plugin_utils import _variables
from tests.checks.common import ROOT, files

_LINK = re.compile(r"\]\(([^)\s#]+)(?:#[^)\s]*)?\)")
_BLOCK = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
# words with one of our prefixes that are no variables: groups of the inventory, and ends of names
_OTHER = {"cluster_nodes", "registry_clients", "registry_host", "workstation_"}


def check() -> list[str]:
    pages = [ROOT / name for name in files() if name.endswith(".md") and not name.startswith("changelogs/")]
    known = set(_variables.known_options(ROOT)) | _OTHER | _names()
    return [f"{page.relative_to(ROOT)}: {problem}" for page in pages for problem in problems_of(page, known)]


def problems_of(page: Path, known: set[str]) -> Iterator[str]:
    """What is wrong with one page."""
    text = page.read_text(encoding="utf-8")
    for link in _LINK.findall(text):
        if "://" not in link and not (page.parent / link).exists():
            yield f"the link to {link} leads nowhere"
    # the references' examples are looked at by ansible-test
    if "reference" in page.parts:
        return
    for block in _BLOCK.findall(text):
        try:
            list(yaml.safe_load_all(block))
        except yaml.YAMLError as error:
            yield f"YAML that is none: {' '.join(str(error).split())}"
    prefixes = "|".join(prefix for prefix in _variables.prefixes(ROOT))
    words = {word for code in _CODE.findall(text) for word in re.findall(rf"(?<![\w./<-])(?:{prefixes})\w*", code)}
    for word in sorted(words - known):
        yield f"there is no variable {word}"


def _names() -> set[str]:
    """Modules and roles, which are named as variables are."""
    plugins = {path.stem for kind in ("modules", "filter", "lookup") for path in (ROOT / "plugins" / kind).glob("*.py")}
    return plugins | {path.name for path in (ROOT / "roles").glob("*")}
