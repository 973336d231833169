# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which containers are a cluster's nodes: what Docker lists is given, what is concluded is checked."""

from __future__ import annotations

import io
import tarfile
from typing import Any

import pytest
from docker.errors import NotFound

from ansible_collections.kubelocal.registry.plugins.module_utils import _cluster, _kubernetes, _kubernetes_connect
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError


class Container:
    """One entry of Docker's list of containers, and files in it."""

    def __init__(
        self,
        name: str,
        labels: dict[str, str] | None = None,
        state: str = "running",
        networks: dict[str, str] | None = None,
        made_on: str = "kind",
        files: dict[str, bytes] | None = None,
    ) -> None:
        self.id = f"id-{name}"
        self.files = files or {}
        self.attrs: dict[str, Any] = {
            "Names": [f"/other/{name}-alias", f"/{name}"],
            "Labels": labels or {},
            "State": state,
            "HostConfig": {"NetworkMode": made_on},
            "NetworkSettings": {
                "Networks": {network: {"IPAddress": ip} for network, ip in (networks or {"kind": "10.0.0.2"}).items()}
            },
        }

    def get_archive(self, path: str) -> tuple[list[bytes], dict[str, Any]]:
        if path not in self.files:
            raise NotFound("no such file")
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            info = tarfile.TarInfo(path.rsplit("/", 1)[1])
            info.size = len(self.files[path])
            tar.addfile(info, io.BytesIO(self.files[path]))
        return [buffer.getvalue()], {}


class Engine:
    """Lists containers by one label."""

    def __init__(self, *containers: Container) -> None:
        self._containers = containers
        self.containers = self
        self.api = self

    def list(self, all: bool, sparse: bool, filters: dict[str, str]) -> list[Container]:
        assert all
        assert sparse, "one call for all of them"
        if not filters:
            return list(self._containers)
        label, _equals, value = filters["label"].partition("=")
        return [container for container in self._containers if container.attrs["Labels"].get(label) == value]

    def inspect_container(self, identity: str) -> dict[str, Any]:
        return {"Config": {"Hostname": identity.replace("id-", "host-")}}


def kind_node(name: str, role: str, cluster: str = "dev", **more: Any) -> Container:
    return Container(name, {"io.x-k8s.kind.cluster": cluster, "io.x-k8s.kind.role": role}, **more)


CAME_UP = {"/etc/kubernetes/kubelet.conf": b"client-certificate: /var/lib/kubelet/pki/kubelet-client-current.pem"}


def test_nothing_there() -> None:
    cluster = _cluster.find(Engine(), "kind", "dev", "/k")
    assert cluster.as_result() == {
        "provider": "kind",
        "name": "dev",
        "exists": False,
        "complete": False,
        "nodes": [],
        "network": "",
        "context": "kind-dev",
        "kubeconfig": "/k",
        "reason": "",
    }


def test_nodes_in_order_and_load_balancers_left_out() -> None:
    engine = Engine(
        kind_node("dev-worker10", "worker"),
        kind_node("dev-worker2", "worker"),
        kind_node("dev-worker", "worker", state="exited"),
        kind_node("dev-control-plane2", "control-plane", files=CAME_UP),
        kind_node("dev-control-plane", "control-plane"),
        kind_node("dev-external-load-balancer", "external-load-balancer"),
        kind_node("dev-2-control-plane", "control-plane", cluster="dev-2"),
    )
    cluster = _cluster.find(engine, "kind", "dev")
    assert [node.name for node in cluster.nodes] == [
        "dev-control-plane",
        "dev-control-plane2",
        "dev-worker",
        "dev-worker2",
        "dev-worker10",
    ]
    assert [node.name for node in cluster.helpers] == ["dev-external-load-balancer"]
    assert [node.running for node in cluster.nodes] == [True, True, False, True, True]
    assert cluster.complete, "one control plane came up"


def test_a_half_made_cluster_exists_and_is_not_complete() -> None:
    cluster = _cluster.find(Engine(kind_node("dev-control-plane", "control-plane")), "kind", "dev")
    assert (cluster.exists, cluster.complete) == (True, False)
    cluster = _cluster.find(Engine(kind_node("dev-external-load-balancer", "external-load-balancer")), "kind", "dev")
    assert (cluster.exists, cluster.complete) == (True, False)


def test_our_mark_makes_it_complete() -> None:
    node = kind_node("dev-control-plane", "control-plane", files={"/kind/kubelocal.registry": b"{}"})
    cluster = _cluster.find(Engine(node), "kind", "dev")
    assert cluster.complete
    assert cluster.mark == b"{}"


def test_a_registry_of_k3d_is_no_cluster() -> None:
    labels = {"k3d.cluster": "dev", "k3d.role": "registry"}
    assert not _cluster.find(Engine(Container("k3d-registry", labels)), "k3d", "dev").exists


def test_k3ds_roles_in_our_words() -> None:
    engine = Engine(
        Container("k3d-dev-agent-0", {"k3d.cluster": "dev", "k3d.role": "agent"}),
        Container("k3d-dev-serverlb", {"k3d.cluster": "dev", "k3d.role": "loadbalancer"}),
        Container(
            "k3d-dev-server-0",
            {"k3d.cluster": "dev", "k3d.role": "server"},
            files={"/output/kubeconfig.yaml": b"server: https://0.0.0.0:6443"},
        ),
    )
    cluster = _cluster.find(engine, "k3d", "dev")
    assert [(node.name, node.role) for node in cluster.nodes] == [
        ("k3d-dev-server-0", "control-plane"),
        ("k3d-dev-agent-0", "worker"),
    ]
    assert cluster.complete
    assert cluster.context == "k3d-dev"


@pytest.mark.parametrize(
    ("made_on", "networks", "found"),
    [
        ("kind", [{"kind": "10.0.0.2"}], "kind"),
        ("lab", [{"kind": "10.0.0.2", "lab": "10.1.0.2"}], "lab"),
        ("gone", [{"other": "10.0.0.2"}], "other"),
        ("default", [{"bridge": "10.0.0.2"}], "bridge"),
        ("lab", [{"a": "1", "lab": "2"}, {"a": "1"}], "a"),
        ("kind", [{}], "kind"),
    ],
)
def test_the_network_that_nodes_are_really_on(made_on: str, networks: list[dict[str, str]], found: str) -> None:
    nodes = [
        kind_node(f"dev-worker{number}", "worker", made_on=made_on, networks=each)
        for number, each in enumerate(networks)
    ]
    cluster = _cluster.find(Engine(*nodes), "kind", "dev")
    assert cluster.network == found


def test_names_are_needed_where_labels_tell() -> None:
    with pytest.raises(ExpectedError, match="set name"):
        _cluster.find(Engine(), "kind", "")
    with pytest.raises(ExpectedError, match="no provider 'minikube'"):
        _cluster.find(Engine(), "minikube", "dev")


class Api:
    def __init__(self, *nodes: dict[str, Any]) -> None:
        self._nodes = nodes

    def get(self, path: str) -> dict[str, Any]:
        assert path == "/api/v1/nodes"
        return {"items": list(self._nodes)}


def kubernetes_node(name: str, address: str, *labels: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "labels": dict.fromkeys(labels, "")},
        "status": {"addresses": [{"type": "InternalIP", "address": address}]},
    }


def test_matches_the_nodes_of_an_existing_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    api = Api(
        kubernetes_node("byname", "10.9.9.9"),
        kubernetes_node("host-byhost", "10.9.9.8", "node-role.kubernetes.io/control-plane"),
        kubernetes_node("byaddress", "10.0.0.4"),
        kubernetes_node("elsewhere", "192.0.2.1"),
    )
    monkeypatch.setattr(_kubernetes_connect, "connect", lambda _options: api)
    engine = Engine(
        Container("byname", networks={"lab": "10.0.0.2"}, made_on="lab"),
        Container("byhost", networks={"lab": "10.0.0.3"}, made_on="lab"),
        Container("third", networks={"lab": "10.0.0.4"}, made_on="lab"),
        Container("stranger", networks={"lab": "10.0.0.5"}, made_on="lab"),
    )
    cluster = _cluster.find(engine, "existing", "x", "/none", "ctx")
    assert {(node.name, node.role, node.status) for node in cluster.nodes} == {
        ("byhost", "control-plane", "running"),
        ("byname", "worker", "running"),
        ("third", "worker", "running"),
        ("elsewhere", "worker", "missing"),
    }
    assert cluster.nodes[0].role == "control-plane"
    assert (cluster.network, cluster.exists, cluster.complete) == ("lab", True, True)


def test_an_existing_cluster_that_does_not_answer_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_options: dict[str, Any]) -> None:
        raise _kubernetes.Unreachable("it refuses connections; start it.")

    monkeypatch.setattr(_kubernetes_connect, "connect", refuse)
    cluster = _cluster.find(Engine(), "existing", "x", "/none", "ctx")
    assert (cluster.exists, cluster.reason) == (False, "it refuses connections; start it.")
