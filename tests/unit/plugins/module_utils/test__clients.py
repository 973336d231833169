# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which containers count as users of a registry."""

from __future__ import annotations

import io
import tarfile
from typing import Any

from ansible_collections.kubelocal.registry.plugins.module_utils import _clients


class Container:
    """As the Docker SDK's sparse ones."""

    def __init__(self, name: str, text: str = "", labels: dict[str, str] | None = None, network: str = "kind") -> None:
        self.id = name
        self._text = text
        networks = {"Networks": {network: {}}}
        self.attrs = {"Names": [f"/{name}"], "Labels": labels or {}, "NetworkSettings": networks}

    def get_archive(self, path: str) -> tuple[list[bytes], dict[str, Any]]:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            if "certs.d" in path and self._text:
                info = tarfile.TarInfo("certs.d/localhost:5001/hosts.toml")
                info.size = len(self._text)
                archive.addfile(info, io.BytesIO(self._text.encode()))
        return [buffer.getvalue()], {}


class Engine:
    """Lists containers."""

    def __init__(self, *containers: Container) -> None:
        self._containers = list(containers)

    @property
    def containers(self) -> Engine:
        return self

    def list(self, **_arguments: Any) -> list[Container]:
        return self._containers


def labels(cluster: str, role: str = "worker") -> dict[str, str]:
    return {"io.x-k8s.kind.cluster": cluster, "io.x-k8s.kind.role": role}


def test_nodes_whose_files_name_the_registry() -> None:
    uses = '[host."http://reg:5000"]\n'
    found = _clients.find(
        Engine(
            Container("reg"),
            Container("b-worker", uses, labels("b")),
            Container("b-control-plane", uses, labels("b", "control-plane")),
            Container("a-worker", uses.replace("reg", "reg-2"), labels("a")),
            Container("lb", uses, labels("c", "external-load-balancer"), network="other"),
            Container("stranger", uses),
            Container("elsewhere", uses, network="other"),
        ),
        "reg",
    )
    assert [(client.provider, client.name, client.nodes) for client in found] == [
        ("container", "stranger", ["stranger"]),
        ("kind", "b", ["b-control-plane", "b-worker"]),
    ]


def test_a_registry_that_is_gone_still_has_users_among_clusters() -> None:
    found = _clients.find(Engine(Container("n", '[host."http://reg:5000"]', labels("b"), network="x")), "reg")
    assert [client.name for client in found] == ["b"]
