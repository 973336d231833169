# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role kind on a cluster that somebody else made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.cluster import Cluster
from tests.support.playbooks import run_playbook
from tests.support.testbed import Testbed

PLAYBOOK = "tests/integration/playbooks/kind.yml"


@pytest.fixture
def variables(cluster: Cluster, testbed: Testbed) -> dict[str, Any]:
    return {
        "kind_cluster_name": cluster.name,
        "kind_workers": "1",  # as -e hands it on
        "kind_node_image": testbed.node_image,
        "kind_config": testbed.variables.get("kind_config") or {},
        "kind_kubeconfig": str(cluster.kubeconfig),
        "kind_executable": testbed.kind,
        "kind_on_difference": "fail",
    }


@pytest.mark.cluster
@pytest.mark.parametrize("check", [False, True])
def test_a_cluster_that_works_is_left_alone(variables: dict[str, Any], check: bool) -> None:
    # 'start' finds the cluster, so that 'finish' has nothing to do
    result = run_playbook(PLAYBOOK, {**variables, "entry_points": ["start", "finish"]}, "--diff", check=check)
    assert result.changed == {"localhost": 0}
    assert result.recap["localhost"]["skipped"] == 1
    assert run_playbook(PLAYBOOK, variables, check=check).changed == {"localhost": 0}


@pytest.mark.cluster
def test_a_difference_fails_when_told_so(variables: dict[str, Any]) -> None:
    result = run_playbook(PLAYBOOK, {**variables, "kind_workers": 2}, fails=True)
    assert "it has 1 worker, 2 declared" in result.failed_message


def test_check_mode_needs_nothing(tmp_path: Path) -> None:
    variables = {
        "kind_cluster_name": "kltest-none",
        "kind_kubeconfig": str(tmp_path / "none"),
        "kind_executable": "/none",
    }
    points = {"entry_points": ["start", "finish"]}
    result = run_playbook(PLAYBOOK, {**variables, **points}, "--diff", check=True, home=tmp_path / "home")
    assert result.changed == {"localhost": 1}
    assert [path for path in tmp_path.rglob("*") if path.is_file() and ".ansible" not in path.parts] == []
    absent = run_playbook(PLAYBOOK, {**variables, "kind_state": "absent"})
    assert absent.changed == {"localhost": 0}


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("kind_state", "here", "kind_state"),
        ("kind_cluster_name", "A B", "'A B' is no name"),
        ("kind_workers", "many", "kind_workers"),
        ("kind_on_difference", "ignore", "kind_on_difference"),
        ("kind_wait_timeout", 0, "wait_timeout is 0"),
        ("kind_config", {"nodes": [{"role": "x"}]}, "config.nodes[0].role is 'x'"),
    ],
)
def test_bad_variables(variable: str, value: Any, told: str) -> None:
    result = run_playbook(PLAYBOOK, {variable: value}, fails=True)
    assert told in result.failed_message or told in result.stdout
