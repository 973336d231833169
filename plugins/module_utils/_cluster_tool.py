# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: what a program that makes clusters (kind, k3d) has to answer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ansible_collections.kubelocal.registry.plugins.module_utils._cluster import Cluster
    from ansible_collections.kubelocal.registry.plugins.module_utils._cluster_declared import Declared


class Tool:
    """The program that makes clusters of one provider."""

    NAME = ""
    # shown to people as what they can type
    DELETE = ""
    LOGS = ""

    def __init__(self, declared: Declared) -> None:
        self.declared = declared

    def wanted(self) -> dict[str, Any]:
        """The configuration, made of what is declared; ExpectedError for bad input."""
        raise NotImplementedError

    def for_program(self, program: str) -> dict[str, Any]:
        """As ``wanted``, in the form that this version of the program reads."""
        raise NotImplementedError

    def nodes(self, wanted: Mapping[str, Any]) -> list[str]:
        """The containers' names, in order."""
        raise NotImplementedError

    def create(self, program: str, configuration: str) -> list[str]:
        raise NotImplementedError

    def export(self, program: str, kubeconfig: str) -> list[str]:
        raise NotImplementedError

    def delete(self, program: str, kubeconfig: str) -> list[str]:
        raise NotImplementedError

    def environment(self, kubeconfig: str, creating: bool = False) -> dict[str, str]:
        raise NotImplementedError

    def text(self, configuration: Mapping[str, Any]) -> str:
        """The configuration's file; JSON is YAML."""
        return json.dumps(configuration, indent=1)

    def to_remember(self, configuration: Mapping[str, Any]) -> dict[str, Any]:
        """What of the configuration is kept in the cluster, to be compared with a later one."""
        return dict(configuration)

    def step(self, log: str) -> str:
        raise NotImplementedError

    def essence(self, log: str) -> str:
        raise NotImplementedError

    def differences(
        self, client: Any, cluster: Cluster, wanted: Mapping[str, Any], remembered: Mapping[str, Any] | None
    ) -> list[str]:
        raise NotImplementedError

    def start(self, program: str) -> list[str] | None:  # noqa: ARG002
        """The command that starts stopped nodes; None where the Engine can do it by itself."""
        return None

    def to_add(
        self,
        cluster: Cluster,  # noqa: ARG002
        wanted: Mapping[str, Any],  # noqa: ARG002
        program: str,  # noqa: ARG002
    ) -> tuple[list[str], str] | None:
        """The command that adds the nodes that are missing, and the sentence for it; None where none are, or it can't be done."""
        return None

    def begun(self, client: Any, wanted: Mapping[str, Any], running: Callable[[], bool]) -> list[str]:  # noqa: ARG002
        """What has to be done while the tool creates a cluster, as long as ``running``; the sentences of what was done."""
        return []

    def leftovers(self, client: Any) -> list[tuple[str, Callable[[], None]]]:  # noqa: ARG002
        """What the tool does not remove when a cluster is deleted: a sentence, and what removes it."""
        return []

    def spare(self, client: Any) -> Callable[[], None]:  # noqa: ARG002
        """Keep what holds data from being deleted together with a cluster; what ends that afterwards."""
        return lambda: None

    def without_network(self, wanted: Mapping[str, Any]) -> bool:  # noqa: ARG002
        """Whether nodes don't become ready before the user has installed a network."""
        return False


def difference_message(tool: Tool, name: str, differences: list[str]) -> str:
    return (
        f"the {tool.NAME} cluster '{name}' is not as declared: {'; '.join(differences)}. That can't be changed in place: "
        f"'{tool.DELETE}{name}' and another run make it anew, without what is in it now."
    )
