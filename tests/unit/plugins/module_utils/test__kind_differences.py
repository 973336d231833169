# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""In what an existing kind cluster differs from what is declared."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils import _kind_config
from ansible_collections.kubelocal.registry.plugins.module_utils._cluster import Cluster, Node
from ansible_collections.kubelocal.registry.plugins.module_utils._kind_differences import differences, node_names


def container_of(name: str, role: str = "control-plane", **attributes: Any) -> Node:
    attrs = {
        "Image": "node:1",
        "ImageID": "sha256:1",
        "Ports": [{"IP": "127.0.0.1", "PublicPort": 40000, "PrivatePort": 6443, "Type": "tcp"}],
        "Mounts": [{"Type": "bind", "Destination": "/lib/modules", "Source": "/lib/modules", "RW": False}],
        **attributes,
    }
    return Node(name, role, "running", container=SimpleNamespace(attrs=attrs))


class Engine:
    """Knows two images by two names each."""

    api = SimpleNamespace(
        inspect_image=lambda name: {"Id": {"same:1": "sha256:1"}.get(name, "sha256:2")},
    )


def found(
    *nodes: Node,
    workers: int = 0,
    image: str | None = None,
    config: dict[str, Any] | None = None,
    remembered: dict[str, Any] | None = None,
) -> list[str]:
    wanted = _kind_config.configuration("dev", workers, image, config or {})
    cluster = Cluster("kind", "dev", nodes=list(nodes) or [container_of("dev-control-plane")], exists=True)
    return differences(Engine(), cluster, wanted, remembered, bool((config or {}).get("nodes")))


def remembered(workers: int = 0, config: dict[str, Any] | None = None) -> dict[str, Any]:
    return _kind_config.configuration("dev", workers, None, config or {}, versioned=False)


def test_nothing_differs() -> None:
    assert found(image="node:1", remembered=remembered()) == []
    assert found(image="same:1") == []


def test_names_as_kind_gives_them() -> None:
    nodes = [{"role": "control-plane"}, {"role": "control-plane"}, {"role": "worker"}, {"role": "worker"}]
    assert list(node_names("dev", nodes)) == ["dev-control-plane", "dev-control-plane2", "dev-worker", "dev-worker2"]


def test_the_number_of_nodes() -> None:
    assert found(workers=2) == ["it has 0 workers, 2 declared"]
    assert found(container_of("dev-control-plane"), container_of("dev-worker", "worker")) == [
        "it has 1 worker, 0 declared"
    ]


def test_the_image() -> None:
    assert found(image="other:1") == ["dev-control-plane has the image node:1, declared is other:1"]


PORT = {"IP": "0.0.0.0", "PublicPort": 8080, "PrivatePort": 80, "Type": "tcp"}


@pytest.mark.parametrize(
    ("ports", "mapping", "differs"),
    [
        ([PORT, {**PORT, "IP": "::"}], {"containerPort": 80, "hostPort": 8080}, False),
        ([PORT], {"containerPort": 80}, False),
        ([PORT], {"containerPort": 80, "hostPort": 8081}, True),
        ([PORT], {"containerPort": 80, "hostPort": 8080, "listenAddress": "127.0.0.1"}, True),
        ([PORT], {"containerPort": 80, "hostPort": 8080, "protocol": "UDP"}, True),
        ([], {"containerPort": 80, "hostPort": 8080}, True),
        ([PORT], None, True),
    ],
)
def test_ports(ports: list[dict[str, Any]], mapping: dict[str, Any] | None, differs: bool) -> None:
    node: dict[str, Any] = {"role": "control-plane"}
    if mapping:
        node["extraPortMappings"] = [mapping]
    assert bool(found(container_of("dev-control-plane", Ports=ports), config={"nodes": [node]})) is differs


BIND = {"Type": "bind", "Destination": "/data", "Source": "/srv", "RW": True}


@pytest.mark.parametrize(
    ("mounts", "mount", "differs"),
    [
        ([BIND], {"hostPath": "/srv", "containerPath": "/data"}, False),
        ([{**BIND, "Source": "/host_mnt/srv"}], {"hostPath": "/srv", "containerPath": "/data"}, False),
        ([BIND], {"hostPath": "/srv", "containerPath": "/data", "readOnly": True}, True),
        ([BIND], {"hostPath": "/other", "containerPath": "/data"}, True),
        ([], {"hostPath": "/srv", "containerPath": "/data"}, True),
        ([BIND], None, True),
        ([{"Type": "volume", "Destination": "/var", "Source": "x"}], None, False),
    ],
)
def test_mounts(mounts: list[dict[str, Any]], mount: dict[str, Any] | None, differs: bool) -> None:
    node: dict[str, Any] = {"role": "control-plane"}
    if mount:
        node["extraMounts"] = [mount]
    assert bool(found(container_of("dev-control-plane", Mounts=mounts), config={"nodes": [node]})) is differs


def test_what_somebody_else_made_is_compared_only_as_declared() -> None:
    node = container_of("dev-control-plane", Ports=[PORT], Mounts=[BIND])
    assert found(node) == []
    assert len(found(node, remembered=remembered())) == 2


def test_the_rest_is_told_by_its_key_and_not_its_value() -> None:
    secret = {"kubeadmConfigPatches": ["password: hunter2"]}
    assert found(config=secret, remembered=remembered()) == ["kubeadmConfigPatches is another than it was created with"]
    assert found(config=secret) == [], "nothing is known of it"
    config = {"nodes": [{"role": "control-plane", "labels": {"a": "b"}}]}
    assert found(config=config, remembered=remembered()) == [
        "dev-control-plane's labels is another than it was created with"
    ]
