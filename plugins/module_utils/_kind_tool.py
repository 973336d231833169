# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: kind, as the program that makes clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils import _kind_cli, _kind_config, _kind_differences
from ansible_collections.kubelocal.registry.plugins.module_utils._cluster_tool import Tool

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.kubelocal.registry.plugins.module_utils._cluster import Cluster
    from ansible_collections.kubelocal.registry.plugins.module_utils._cluster_declared import Declared


class Kind(Tool):
    NAME = "kind"
    DELETE = "kind delete cluster --name "

    def __init__(self, declared: Declared, workers: int = 0, image: str | None = None) -> None:
        super().__init__(declared)
        self.LOGS = f"'kind export logs --name {declared.name}' collects what its nodes say, and "
        self._workers = workers
        self._image = image

    def wanted(self) -> dict[str, Any]:
        return self._configuration(versioned=True)

    def for_program(self, program: str) -> dict[str, Any]:
        return self._configuration(_kind_cli.knows_versions(program))

    def nodes(self, wanted: Mapping[str, Any]) -> list[str]:
        return list(_kind_differences.node_names(self.declared.name, wanted["nodes"]))

    def create(self, program: str, configuration: str) -> list[str]:
        argv = [program, "create", "cluster", "--name", self.declared.name, "--config", configuration]
        return argv + (["--kubeconfig", self.declared.kubeconfig] if self.declared.kubeconfig else [])

    def export(self, program: str, kubeconfig: str) -> list[str]:
        return [program, "export", "kubeconfig", "--name", self.declared.name, "--kubeconfig", kubeconfig]

    def delete(self, program: str, kubeconfig: str) -> list[str]:
        return [program, "delete", "cluster", "--name", self.declared.name, "--kubeconfig", kubeconfig]

    def environment(self, kubeconfig: str, creating: bool = False) -> dict[str, str]:  # noqa: ARG002
        return _kind_cli.environment(self.declared.docker_host, self.declared.no_proxy if creating else [])

    def step(self, log: str) -> str:
        return _kind_cli.step(log)

    def essence(self, log: str) -> str:
        return _kind_cli.essence(log)

    def differences(
        self, client: Any, cluster: Cluster, wanted: Mapping[str, Any], remembered: Mapping[str, Any] | None
    ) -> list[str]:
        declared = bool(self.declared.config.get("nodes"))
        return _kind_differences.differences(client, cluster, wanted, remembered, declared)

    def without_network(self, wanted: Mapping[str, Any]) -> bool:
        return bool((wanted.get("networking") or {}).get("disableDefaultCNI"))

    def _configuration(self, versioned: bool) -> dict[str, Any]:
        _kind_config.check_name(self.declared.name)
        _kind_config.check_image(self._image)
        return _kind_config.configuration(
            self.declared.name, self._workers, self._image, self.declared.config, versioned
        )
