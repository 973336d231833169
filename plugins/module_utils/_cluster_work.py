# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: what a run on a cluster of a tool has at hand, and what it did."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils import (
    _cluster,
    _kind_cli,
    _kubeconfig,
    _kubernetes,
    _kubernetes_connect,
)
from ansible_collections.kubelocal.registry.plugins.module_utils._creation import Creation, unlock_kubeconfig
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError

if TYPE_CHECKING:
    from ansible_collections.kubelocal.registry.plugins.module_utils._cluster_declared import Declared
    from ansible_collections.kubelocal.registry.plugins.module_utils._cluster_tool import Tool


class Work:
    """``client`` is None in check mode on a machine without an Engine. With ``check`` it is only told what would be done."""

    def __init__(
        self, client: Any, tool: Tool, declared: Declared, check: bool, creation: Creation | None = None
    ) -> None:
        self.client = client
        self.tool = tool
        self.declared = declared
        self.check = check
        self.creation = creation or Creation(tool.NAME, declared.name)
        self.actions: list[str] = []
        self.changed = False
        self.what = f"{tool.NAME} cluster '{declared.name}'"
        self.delete_by_hand = f"{tool.DELETE}{declared.name}"
        self.context = _cluster.default_context(tool.NAME, declared.name)
        self.end = time.monotonic() + declared.wait_timeout

    def act(self, sentence: str) -> None:
        self.actions.append(sentence)
        self.changed = True

    def find(self) -> _cluster.Cluster:
        if self.client is None:
            path = _kubeconfig.file_for(self.declared.kubeconfig, self.context)
            return _cluster.Cluster(self.tool.NAME, self.declared.name, context=self.context, kubeconfig=path)
        return _cluster.find(self.client, self.tool.NAME, self.declared.name, self.declared.kubeconfig)

    def api(self, cluster: _cluster.Cluster) -> _kubernetes.Client:
        return _kubernetes_connect.connect({"kubeconfig": cluster.kubeconfig, "context": cluster.context}, timeout=10)

    def program(self) -> str:
        """The tool's path; ExpectedError where it is not installed."""
        return _kind_cli.program(self.declared.executable, self.tool.NAME)

    def run(self, argv: list[str], path: str) -> tuple[int, str]:
        """Run the tool for a moment, so that a later run knows of it if this one is killed meanwhile."""
        brief = self._brief()
        lock = brief.acquire()
        end = time.monotonic() + self.declared.wait_timeout
        while lock is None:
            if time.monotonic() > end:
                raise ExpectedError(
                    f"another run of {self.tool.NAME} for the cluster '{self.declared.name}' does not end."
                )
            time.sleep(0.1)
            lock = brief.acquire()
        brief.start(lock, argv, self.tool.environment(path), path, {}, "")
        brief.wait(self.declared.wait_timeout, 0.02)
        record, output = brief.record(), brief.log()
        lock = brief.acquire()
        if lock is not None:
            brief.forget()
            os.close(lock)
        return (-1 if record is None or record.code is None else record.code), output

    def unlock_own(self, path: str) -> None:
        """Remove a lock on the kubeconfig that a killed run of ours left behind."""
        if os.path.lexists(_kubeconfig.lock_of(path)) and self._ours(path):
            self.changed = True
            unlock_kubeconfig(path, True, self.actions, self.check)

    def unlock(self, path: str) -> None:
        """As ``unlock_own``, and wait for the lock of somebody else."""
        self.unlock_own(path)
        unlock_kubeconfig(path, False, self.actions, self.check)

    def _ours(self, path: str) -> bool:
        for creation in (self.creation, self._brief()):
            record = creation.record()
            if record is not None and record.code is None and record.kubeconfig == path and not creation.running():
                return True
        return False

    def _brief(self) -> Creation:
        return Creation(f"{self.tool.NAME}-brief", self.declared.name, self.creation.folder)
