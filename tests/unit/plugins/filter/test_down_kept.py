# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.kubelocal.registry.plugins.filter.down_kept import down_kept


@pytest.mark.parametrize(
    ("variables", "given", "words"),
    [
        ({}, {}, ["Its images stay"]),
        ({"registry_purge": True}, {}, []),
        ({"registry_persistent": True}, {}, ["registry_persistent is set", "Its images stay"]),
        ({"registry_purge": True}, {"others": ["kind cluster a"]}, ["stays: kind cluster a uses it.", "Its images"]),
        ({}, {"others": ["kind cluster a", "k3d cluster b"]}, ["a, k3d cluster b use it.", "Its images"]),
        ({"registry_purge": True, "has_mirrors": True}, {}, ["mirrors_purge=true would delete them."]),
        ({"registry_purge": True, "has_mirrors": True, "removes_caches": True}, {}, []),
    ],
)
def test_down_kept(variables: dict[str, bool], given: dict[str, object], words: list[str]) -> None:
    unset = ("registry_persistent", "registry_purge", "has_mirrors", "removes_caches")
    values = {"registry_name": "reg", **dict.fromkeys(unset, False)}
    kept = down_kept({**values, **variables}, **given)  # type: ignore[arg-type]
    assert len(kept) == len(words)
    assert all(word in sentence for word, sentence in zip(words, kept))
