# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: k3d, as the program that makes clusters."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils import (
    _cluster,
    _docker,
    _k3d_config,
    _k3d_leftovers,
    _k3d_log,
    _k3d_network,
)
from ansible_collections.kubelocal.registry.plugins.module_utils._cluster_tool import Tool

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ansible_collections.kubelocal.registry.plugins.module_utils._cluster_declared import Declared


class K3d(Tool):
    NAME = "k3d"
    DELETE = "k3d cluster delete "

    def __init__(
        self,
        declared: Declared,
        servers: int = 1,
        agents: int = 0,
        image: str | None = None,
        ports: Sequence[str] = (),
        registries: str | None = None,
        join: Sequence[str] = (),
    ) -> None:
        super().__init__(declared)
        self._servers = servers
        self._agents = agents
        self._image = image
        self._ports = ports
        self._registries = registries
        self._join = join

    def wanted(self) -> dict[str, Any]:
        return _k3d_config.configuration(
            self.declared.name,
            self._servers,
            self._agents,
            self._image,
            self._ports,
            self._registries,
            self.declared.config,
            self.declared.no_proxy,
        )

    def for_program(self, program: str) -> dict[str, Any]:  # noqa: ARG002
        return self.wanted()

    def to_remember(self, configuration: Mapping[str, Any]) -> dict[str, Any]:
        return _k3d_config.remembered(configuration)

    def nodes(self, wanted: Mapping[str, Any]) -> list[str]:
        name = self.declared.name
        return [f"k3d-{name}-server-{number}" for number in range(wanted["servers"])] + [
            f"k3d-{name}-agent-{number}" for number in range(wanted["agents"])
        ]

    def create(self, program: str, configuration: str) -> list[str]:
        return [program, "cluster", "create", self.declared.name, "--config", configuration]

    def export(self, program: str, kubeconfig: str) -> list[str]:  # noqa: ARG002
        return [program, "kubeconfig", "merge", self.declared.name, "--kubeconfig-merge-default"]

    def delete(self, program: str, kubeconfig: str) -> list[str]:  # noqa: ARG002
        return [program, "cluster", "delete", self.declared.name]

    def start(self, program: str) -> list[str]:
        return [program, "cluster", "start", self.declared.name]

    def environment(self, kubeconfig: str, creating: bool = False) -> dict[str, str]:  # noqa: ARG002
        # k3d has no option for the kubeconfig of a creation or deletion, and reads this
        return {
            **os.environ,
            **_docker.cli_environment(self.declared.docker_host),
            "KUBECONFIG": kubeconfig,
            "LOG_COLORS": "false",
        }

    def begun(self, client: Any, wanted: Mapping[str, Any], running: Callable[[], bool]) -> list[str]:
        return _k3d_network.join(client, self._join, str(wanted.get("network") or f"k3d-{self.declared.name}"), running)

    def leftovers(self, client: Any) -> list[tuple[str, Callable[[], None]]]:
        return _k3d_leftovers.find(client, self.declared.name)

    def spare(self, client: Any) -> Callable[[], None]:
        return _k3d_leftovers.spare_registries(client, self.declared.name)

    def step(self, log: str) -> str:
        return _k3d_log.step(log)

    def essence(self, log: str) -> str:
        return _k3d_log.essence(log)

    def to_add(
        self, cluster: _cluster.Cluster, wanted: Mapping[str, Any], program: str
    ) -> tuple[list[str], str] | None:
        has = [node.name for node in cluster.nodes if node.role == "worker"]
        number = wanted["agents"] - len(has)
        if number <= 0:
            return None
        name = self.declared.name
        # k3d appends a number from 0 on to this name, so it has to be one that was never used
        taken = 0
        while any(node.startswith(f"k3d-{name}-more{taken}-") for node in has):
            taken += 1
        argv = [program, "node", "create", f"{name}-more{taken}", "--cluster", name, "--role", "agent"]
        argv += ["--replicas", str(number)]
        return argv, f"Add {number} agent{'' if number == 1 else 's'} to the k3d cluster '{name}'."

    def differences(
        self, client: Any, cluster: _cluster.Cluster, wanted: Mapping[str, Any], remembered: Mapping[str, Any] | None
    ) -> list[str]:
        found = []
        for ours, theirs in (("control-plane", "server"), ("worker", "agent")):
            has = sum(node.role == ours for node in cluster.nodes)
            should = wanted[f"{theirs}s"]
            if has != should:
                found.append(f"it has {has} {theirs}{'' if has == 1 else 's'}, {should} declared")
        image = str(wanted.get("image") or "")
        for node in cluster.nodes if image and not _k3d_config.is_channel(image) else []:
            has_image = str(node.container.attrs.get("Image") or "")
            if has_image != image and not _same_image(client, image, node):
                found.append(f"{node.name} has the image {has_image}, declared is {image}")
        if remembered is not None:
            before, after = _k3d_config.remembered(remembered), _k3d_config.remembered(wanted)
            found += [
                f"{key} is another than it was created with"
                for key in sorted({*before, *after})
                if before.get(key) != after.get(key)
            ]
        return found


def _same_image(client: Any, image: str, node: Any) -> bool:
    return bool(_cluster.image_id(client, image) == node.container.attrs.get("ImageID"))
