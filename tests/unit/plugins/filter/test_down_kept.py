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
        ({"registry_purge": True}, {"caches": True}, ["mirrors_purge=true would delete them."]),
    ],
)
def test_down_kept(variables: dict[str, bool], given: dict[str, object], words: list[str]) -> None:
    values = {"registry_name": "reg", "registry_persistent": False, "registry_purge": False, **variables}
    kept = down_kept(values, **given)  # type: ignore[arg-type]
    assert len(kept) == len(words)
    assert all(word in sentence for word, sentence in zip(words, kept))
