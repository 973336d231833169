# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: how a cluster that a tool makes of containers is declared, whatever the tool."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils._docker import DOCKER_OPTIONS
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError

if TYPE_CHECKING:
    from collections.abc import Mapping

# For argument specs: the options of the documentation fragments managed_cluster and docker, but 'executable'.
OPTIONS: dict[str, dict[str, Any]] = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "name": {"type": "str", "required": True},
    "config": {"type": "dict", "default": {}},
    "kubeconfig": {"type": "path"},
    "on_difference": {"type": "str", "choices": ["warn", "fail"], "default": "warn"},
    "wait": {"type": "bool", "default": True},
    "wait_timeout": {"type": "int", "default": 600},
    "progress_interval": {"type": "int", "default": 0},
    "no_proxy": {"type": "list", "elements": "str", "default": []},
    **DOCKER_OPTIONS,
}


@dataclass(frozen=True)
class Declared:
    """The options that do not depend on the tool."""

    name: str
    config: Mapping[str, Any] = field(default_factory=dict)
    kubeconfig: str | None = None
    on_difference: str = "warn"
    wait: bool = True
    wait_timeout: int = 600
    progress_interval: int = 0
    no_proxy: list[str] = field(default_factory=list)
    executable: str = "kind"
    docker_host: str | None = None

    def check(self) -> None:
        """ExpectedError for what no tool would take."""
        for key, value, lowest in (
            ("wait_timeout", self.wait_timeout, 1),
            ("progress_interval", self.progress_interval, 0),
        ):
            if value < lowest:
                raise ExpectedError(f"{key} is {value}; set it to {lowest} or more seconds.")
        for name in self.no_proxy:
            if not name.strip() or any(character in name for character in ", \n\t"):
                raise ExpectedError(f"no_proxy has {name!r}; set each entry to one name, without spaces and commas.")
