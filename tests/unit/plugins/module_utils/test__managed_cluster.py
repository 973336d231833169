# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster's life where neither an Engine nor a tool is needed; the rest is tested against the real kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils import _managed_cluster
from ansible_collections.kubelocal.registry.plugins.module_utils._cluster_declared import Declared
from ansible_collections.kubelocal.registry.plugins.module_utils._cluster_work import Work
from ansible_collections.kubelocal.registry.plugins.module_utils._creation import Creation
from ansible_collections.kubelocal.registry.plugins.module_utils._docker import EngineError
from ansible_collections.kubelocal.registry.plugins.module_utils._kind_tool import Kind
from ansible_collections.kubelocal.registry.plugins.module_utils._managed_cluster import ManagedCluster


def managed(tmp_path: Path, check: bool = True) -> ManagedCluster:
    declared = Declared("dev", kubeconfig=str(tmp_path / "kubeconfig"), executable="/none/kind")
    creation = Creation("kind", "dev", str(tmp_path / "state"))
    return ManagedCluster(Work(None, Kind(declared, 1), declared, check, creation))


def test_check_mode_on_an_empty_machine(tmp_path: Path) -> None:
    result = managed(tmp_path).run("present")
    assert result.actions == ["Create the kind cluster 'dev' with 2 nodes."]
    assert result.changed
    assert result.after["nodes"] == {"dev-control-plane": "running", "dev-worker": "running"}
    assert managed(tmp_path).run("absent").changed is False
    assert list(tmp_path.iterdir()) == []


def test_only_check_mode_does_without_an_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("DOCKER_HOST", raising=False)

    def refuse(_host: str | None, _timeout: int) -> None:
        raise EngineError("no Docker Engine answers.")

    monkeypatch.setattr(_managed_cluster._docker, "connect", refuse)
    assert _managed_cluster.connect(Declared("dev"), 1, check=True) is None
    with pytest.raises(EngineError):
        _managed_cluster.connect(Declared("dev"), 1, check=False)
    with pytest.raises(EngineError):
        _managed_cluster.connect(Declared("dev", docker_host="tcp://192.0.2.7:2375"), 1, check=True)


def test_what_was_done_is_told_when_something_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = managed(tmp_path)

    def fail(self: ManagedCluster) -> None:
        self.work.act("Start the node a.")
        raise EngineError("gone.")

    monkeypatch.setattr(ManagedCluster, "present", fail)
    with pytest.raises(EngineError) as raised:
        cluster.run("present")
    assert raised.value.actions == ["Start the node a."]
