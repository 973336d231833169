# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.kubelocal.registry.plugins.filter.up_steps import up_steps


def steps(provider: str, exists: bool = False, mirrors: bool = False, proof: bool = False) -> list[str]:
    values = {"cluster_provider": provider, "minds_caches": mirrors}
    return [" ".join(step) for step in up_steps(values, exists=exists, proof=proof)]


def test_the_registry_starts_while_a_kind_cluster_is_being_created() -> None:
    assert steps("kind") == ["kind start", "registry main", "kind finish", "connect main"]
    assert steps("kind", exists=True) == ["kind main", "registry main", "connect main"]
    assert steps("kind", mirrors=True) == ["kind start", "registry main", "mirrors main", "kind finish", "connect main"]


def test_the_proof_is_pushed_meanwhile() -> None:
    assert steps("kind", proof=True) == ["kind start", "registry main", "connect push", "kind finish", "connect main"]
    assert steps("kind", exists=True, proof=True) == ["kind main", "registry main", "connect main"]


def test_nodes_of_k3d_know_the_registry_from_birth() -> None:
    assert steps("k3d", mirrors=True) == ["registry main", "mirrors main", "k3d main", "connect main"]


def test_what_exists_is_connected_only() -> None:
    assert steps("existing") == ["registry main", "connect main"]
    assert steps("remote", mirrors=True) == []
