# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mark of a completed creation, where no Engine is needed."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils._cluster import Cluster, Node
from ansible_collections.kubelocal.registry.plugins.module_utils._cluster_mark import created_before, mark


def test_a_record_of_an_earlier_cluster_of_this_name_is_known() -> None:
    container = SimpleNamespace(attrs={"Created": 1000})
    cluster = Cluster("kind", "dev", nodes=[Node("dev-control-plane", "control-plane", "running", container=container)])
    assert created_before(cluster, 2000)
    assert not created_before(cluster, 990)
    assert not created_before(cluster, 1030), "clocks differ a little"


@pytest.mark.parametrize(
    ("content", "remembered"),
    [
        (b'{"complete": true, "configuration": {"nodes": []}}', {"nodes": []}),
        (b'{"complete": true}', None),
        (b'{"configuration": "text"}', None),
        (b"[]", None),
        (b"cut off {", None),
    ],
)
def test_what_a_marked_cluster_was_made_from(content: bytes, remembered: object) -> None:
    assert mark(SimpleNamespace(), Cluster("kind", "dev", mark=content)) == remembered  # type: ignore[arg-type]
