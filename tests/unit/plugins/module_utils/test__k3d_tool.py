# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""k3d's command lines, and how a cluster differs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from ansible_collections.kubelocal.registry.plugins.module_utils._cluster import Cluster, Node
from ansible_collections.kubelocal.registry.plugins.module_utils._cluster_declared import Declared
from ansible_collections.kubelocal.registry.plugins.module_utils._k3d_tool import K3d


def tool(**options: Any) -> K3d:
    return K3d(Declared("dev", executable="k3d"), **options)


def cluster(servers: int = 1, agents: int = 0, image: str = "k3s:1") -> Cluster:
    container = SimpleNamespace(attrs={"Image": image, "ImageID": "sha256:1"})
    nodes = [Node(f"k3d-dev-server-{i}", "control-plane", "running", container=container) for i in range(servers)]
    nodes += [Node(f"k3d-dev-agent-{i}", "worker", "running", container=container) for i in range(agents)]
    return Cluster("k3d", "dev", nodes=nodes, exists=True)


def test_command_lines() -> None:
    k3d = tool()
    assert k3d.create("/k3d", "/c.yaml") == ["/k3d", "cluster", "create", "dev", "--config", "/c.yaml"]
    assert k3d.delete("/k3d", "/kc") == ["/k3d", "cluster", "delete", "dev"]
    assert k3d.start("/k3d") == ["/k3d", "cluster", "start", "dev"]
    assert k3d.export("/k3d", "/kc") == ["/k3d", "kubeconfig", "merge", "dev", "--kubeconfig-merge-default"]
    assert k3d.environment("/kc")["KUBECONFIG"] == "/kc"


def test_names_as_k3d_gives_them() -> None:
    k3d = tool(servers=1, agents=2)
    assert k3d.nodes(k3d.wanted()) == ["k3d-dev-server-0", "k3d-dev-agent-0", "k3d-dev-agent-1"]


def test_missing_agents_are_added_under_names_never_used() -> None:
    k3d = tool(agents=3)
    argv, sentence = k3d.to_add(cluster(agents=1), k3d.wanted(), "/k3d") or ([], "")
    assert argv[1:4] == ["node", "create", "dev-more0"]
    assert argv[4:] == ["--cluster", "dev", "--role", "agent", "--replicas", "2"]
    assert sentence == "Add 2 agents to the k3d cluster 'dev'."
    assert k3d.to_add(cluster(agents=3), k3d.wanted(), "/k3d") is None
    assert k3d.to_add(cluster(agents=4), k3d.wanted(), "/k3d") is None


def test_differences() -> None:
    engine = SimpleNamespace(api=SimpleNamespace(inspect_image=lambda _name: {"Id": "sha256:2"}))

    def found(remembered: dict[str, Any] | None = None, **options: Any) -> list[str]:
        k3d = tool(**options)
        return k3d.differences(engine, cluster(agents=1), k3d.wanted(), remembered)

    assert found(agents=1) == []
    assert found(agents=1, image="k3s:1") == []
    assert found(agents=1, image="latest") == [], "only the network knows which that is"
    assert found(servers=3) == ["it has 1 server, 3 declared", "it has 1 agent, 0 declared"]
    assert found(agents=1, image="k3s:2")[0] == "k3d-dev-server-0 has the image k3s:1, declared is k3s:2"
    before = tool(agents=1).to_remember(tool(agents=1).wanted())
    assert found(before, agents=1) == []
    assert found(before, agents=1, ports=["80:80"]) == ["ports is another than it was created with"]
