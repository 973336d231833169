# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""htpasswd files: the same users give the same text, and nothing gets in that could forge a line."""

from __future__ import annotations

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils import _htpasswd
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError

CHEAP = 4


def test_render_keeps_what_fits() -> None:
    first = _htpasswd.render({"b": "two", "a": "one"}, cost=CHEAP)
    assert [line.partition(":")[0] for line in first.splitlines()] == ["a", "b"]
    assert _htpasswd.render({"a": "one", "b": "two"}, first, cost=CHEAP) == first
    second = _htpasswd.render({"a": "one", "b": "new"}, first, cost=CHEAP)
    assert second.splitlines()[0] == first.splitlines()[0]
    assert second.splitlines()[1] != first.splitlines()[1]


@pytest.mark.parametrize(
    ("users", "expected"),
    [
        ({"a": "one"}, []),
        ({"a": "other"}, ["a"]),
        ({"a": "one", "b": "x"}, ["b"]),
        ({"b": "x"}, ["a", "b"]),
        ({}, ["a"]),
    ],
)
def test_differing(users: dict[str, str], expected: list[str]) -> None:
    assert _htpasswd.differing("# comment\n" + _htpasswd.render({"a": "one"}, cost=CHEAP), users) == expected


def test_foreign_hashes_never_verify() -> None:
    assert _htpasswd.differing("a:{SHA}xyz\nb:plain\n", {"a": "xyz", "b": "plain"}) == ["a", "b"]


@pytest.mark.parametrize(
    ("name", "password", "word"),
    [
        ("", "x", "user name"),
        ("a:b", "x", "a:b"),
        ("a\nb", "x", "control"),
        (" a", "x", "user name"),
        ("#a", "x", "comment"),
        ("a", "", "empty"),
        ("a", "x" * 73, "72 bytes"),
        ("a", "x\0y", "NUL"),
    ],
)
def test_check_user_refuses(name: str, password: str, word: str) -> None:
    with pytest.raises(ExpectedError, match=word) as caught:
        _htpasswd.check_user(name, password)
    assert not password or password == "x" or password not in str(caught.value)


def test_check_user_takes() -> None:
    _htpasswd.check_user("jörg", "pässwörd; $(id) \"'")
