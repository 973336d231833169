# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who else is creating a cluster."""

from __future__ import annotations

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils._creators import could_be, others


def test_finds_who_else_is_creating() -> None:
    kind = ["/usr/bin/kind", "create", "cluster", "--name", "dev"]
    found = others("kind", lambda: [kind, ["kind", "get", "clusters"], ["vi", "create", "cluster"], ["kind"]])
    assert found == [kind]


@pytest.mark.parametrize(
    ("argv", "could"),
    [
        (["kind", "create", "cluster", "--name", "dev"], True),
        (["kind", "create", "cluster", "--name=dev"], True),
        (["kind", "create", "cluster", "--name", "other"], False),
        (["kind", "create", "cluster"], False),
        (["kind", "create", "cluster", "--config", "x"], True),
        (["k3d", "cluster", "create", "dev", "--config", "x"], True),
        (["k3d", "cluster", "create", "other", "--config", "x"], False),
        (["k3d", "cluster", "create", "--agents", "2", "dev"], True),
        (["k3d", "cluster", "create", "--agents", "2", "other"], False),
        (["k3d", "cluster", "create", "--config", "x"], True),
    ],
)
def test_who_may_be_creating_this_cluster(argv: list[str], could: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KIND_CLUSTER_NAME", raising=False)
    assert could_be(argv, "dev") is could
