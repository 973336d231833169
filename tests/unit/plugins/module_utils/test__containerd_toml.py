# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The TOML reader agrees with Python's own and knows where values stand."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils import _containerd_toml as toml

tomllib = pytest.importorskip("tomllib")

TEXTS = [
    "",
    "# only a comment",
    "a = 1\nb = true # c\n[t]\nc = 'x'\n",
    '[a."b.c".d]\n  k = "q\\"\\u00e9" # e\n  [a.\'b.c\'.d.e]\n  l = [\n 1, # one\n "two",\n ]\n',
    "x = \"\"\"\nlong \"text\" \\\n   on\"\"\"\ny = '''raw \\ 'text''''\n",
    "t = { a = 1, 'b' = { c = [ {d = 2}, {} ] } }\nu.v.w = 3\n",
    "[[many]]\nname = 1\n[[many]]\nname = 2\n",
    "n = 0x10\nbig = 1_000\r\nneg = -5",
]


def flat(value: Any, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    if not isinstance(value, dict) or (path and not value):
        return {path: value}
    return {key: inner for name, each in value.items() for key, inner in flat(each, (*path, name)).items()}


@pytest.mark.parametrize("text", TEXTS)
def test_it_reads_what_pythons_own_reads(text: str) -> None:
    expected = flat(tomllib.loads(text))
    expected.pop(("many",), None)
    expected.pop((), None)
    found = {key: value for key, value in toml.leaves(text).items() if value != {} and key[0] != "many"}
    assert found == expected


def test_it_knows_where_values_stand() -> None:
    text = "[t]\na = 'x' # why\nb = [1,\n2]\n"
    spans = [text[item.start : item.end] for item in toml.statements(text)]
    assert spans == ["[t]", "'x'", "[1,\n2]"]


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "a =",
        "a = 'x",
        '"',
        "[t",
        "a = [1",
        "a = {b = 1",
        "a = 1 2",
        'a = "\\q"',
        'a = "\\uZZZZ"',
        "= 1",
        "a = 'x\ny'",
    ],
)
def test_it_refuses_what_is_not_toml(text: str) -> None:
    with pytest.raises(toml.TomlError, match="line "):
        toml.statements(text)


@pytest.mark.parametrize("value", ["plain", 'q"uo\\te', "line\nbreak", "é\x7f"])
def test_what_it_quotes_reads_back(value: str) -> None:
    assert tomllib.loads(f"a = {toml.quote(value)}") == {"a": value}
