# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster's life where neither an Engine nor a tool is needed; the rest is tested against the real kind."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils import _managed_cluster
from ansible_collections.kubelocal.registry.plugins.module_utils._cluster import Cluster, Node
from ansible_collections.kubelocal.registry.plugins.module_utils._creation import Creation
from ansible_collections.kubelocal.registry.plugins.module_utils._docker import EngineError
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._kind_tool import Kind
from ansible_collections.kubelocal.registry.plugins.module_utils._managed_cluster import Declared, ManagedCluster


def managed(tmp_path: Path, check: bool = True) -> ManagedCluster:
    declared = Declared("dev", kubeconfig=str(tmp_path / "kubeconfig"), executable="/none/kind")
    return ManagedCluster(None, Kind(declared, 1), declared, check, Creation("kind", "dev", str(tmp_path / "state")))


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
        self._act("Start the node a.")
        raise EngineError("gone.")

    monkeypatch.setattr(ManagedCluster, "present", fail)
    with pytest.raises(EngineError) as raised:
        cluster.run("present")
    assert raised.value.actions == ["Start the node a."]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"wait_timeout": 0}, "wait_timeout is 0"),
        ({"progress_interval": -1}, "progress_interval is -1"),
        ({"no_proxy": ["a,b"]}, "no_proxy has 'a,b'"),
        ({"no_proxy": [" "]}, "no_proxy has ' '"),
    ],
)
def test_bad_input(options: dict[str, object], told: str) -> None:
    with pytest.raises(ExpectedError, match=told):
        Declared("dev", **options).check()  # type: ignore[arg-type]


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
    assert _managed_cluster._could_be(argv, "dev") is could


def test_a_record_of_an_earlier_cluster_of_this_name_is_known() -> None:
    container = SimpleNamespace(attrs={"Created": 1000})
    cluster = Cluster("kind", "dev", nodes=[Node("dev-control-plane", "control-plane", "running", container=container)])
    assert _managed_cluster._created_before(cluster, 2000)
    assert not _managed_cluster._created_before(cluster, 990)
    assert not _managed_cluster._created_before(cluster, 1030), "clocks differ a little"
