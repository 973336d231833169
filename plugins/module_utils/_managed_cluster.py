# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: a cluster of containers is created by its tool, brought back to work, compared, deleted."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils import (
    _cluster_mark,
    _cluster_removal,
    _cluster_repair,
    _creators,
    _docker,
    _kubeconfig,
)
from ansible_collections.kubelocal.registry.plugins.module_utils._cluster import Cluster
from ansible_collections.kubelocal.registry.plugins.module_utils._cluster_tool import difference_message
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.kubelocal.registry.plugins.module_utils._cluster_declared import Declared
    from ansible_collections.kubelocal.registry.plugins.module_utils._cluster_work import Work

# how long a cluster that somebody else is making on another machine is left alone
_YOUNG = 600


@dataclass
class Result:
    """What was found and done."""

    cluster: Cluster
    actions: list[str] = field(default_factory=list)
    changed: bool = False
    differences: list[str] = field(default_factory=list)
    pending: bool = False
    progress: str = ""
    log: str = ""
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)


class ManagedCluster:
    """One run of a module."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.tool = work.tool
        self.declared = work.declared
        self.check = work.check
        self.creation = work.creation

    def run(self, state: str) -> Result:
        try:
            return self.present() if state == "present" else self.absent()
        except ExpectedError as error:
            # whatever went wrong, what was done before is told
            error.actions = error.actions or self.work.actions
            raise

    def present(self) -> Result:
        declared = self.declared
        wanted = self.tool.wanted()
        cluster = self.work.find()
        before = _state(cluster)
        if self.creation.running():
            if self.check:
                self.work.act(f"Wait until {self.tool.NAME} has created the cluster, which is under way.")
                return self._result(cluster, before)
            if not declared.wait or not self._waited():
                return self._pending(cluster, before)
            cluster = self._after_creation(own=False)
        if cluster.exists and not cluster.complete:
            cluster = self._remove_half_made(cluster)
        if not cluster.exists:
            self._create(wanted)
            if self.check:
                return self._result(cluster, before, after=self._planned(wanted))
            if not declared.wait or not self._waited():
                return self._pending(cluster, before)
            cluster = self._after_creation(own=True)
        cluster = _cluster_repair.ready(self.work, cluster, wanted)
        remembered = _cluster_mark.mark(self.work, cluster)
        cluster = _cluster_repair.add_nodes(self.work, cluster, wanted)
        differences = self.tool.differences(self.work.client, cluster, wanted, remembered)
        if differences and declared.on_difference == "fail":
            raise ExpectedError(difference_message(self.tool, declared.name, differences))
        result = self._result(cluster, before)
        result.differences = differences
        return result

    def absent(self) -> Result:
        name, context = self.declared.name, self.work.context
        cluster = self.work.find()
        before = _state(cluster)
        entry = [path for path in _kubeconfig.paths(self.declared.kubeconfig) if _kubeconfig.has(path, context)]
        running = self.creation.running()
        left = [] if cluster.exists or running or self.work.client is None else self.tool.leftovers(self.work.client)
        if not cluster.exists and not entry and not running and not left:
            if not self.check:
                self._forget()
            return self._result(cluster, before)
        if running:
            self.work.act(f"Wait until {self.tool.NAME} has created the cluster, which is under way.")
            if not self.check and not self.creation.wait(self.declared.wait_timeout):
                raise ExpectedError(
                    f"{self.tool.NAME} is still creating the cluster '{name}' (log: {self.creation.log_path}); run this again once it is done."
                )
            cluster = self.work.find()
        if cluster.exists or running:
            self.work.act(f"Delete the {self.work.what}.")
        if entry:
            self.work.act(f"Remove the context {context} from the kubeconfig {entry[0]}.")
        for sentence, _remove in left:
            self.work.act(sentence)
        if not self.check:
            _cluster_removal.remove(self.work)
            for sentence, remove in self.tool.leftovers(self.work.client):
                remove()
                if sentence not in self.work.actions:
                    self.work.act(sentence)
            self._forget()
        return self._result(self.work.find() if not self.check else cluster, before, after={"exists": False})

    def _result(self, cluster: Cluster, before: dict[str, Any], after: dict[str, Any] | None = None) -> Result:
        return Result(
            cluster,
            self.work.actions,
            self.work.changed,
            before=before,
            after=_state(cluster) if after is None else after,
            log=self.creation.log_path if os.path.exists(self.creation.log_path) else "",
        )

    def _pending(self, cluster: Cluster, before: dict[str, Any]) -> Result:
        result = self._result(cluster, before, after=self._planned(self.tool.wanted()))
        result.pending = True
        result.progress = self.tool.step(self.creation.log()) or "starting"
        return result

    def _planned(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        return {"exists": True, "nodes": dict.fromkeys(self.tool.nodes(wanted), "running")}

    # creating

    def _create(self, wanted: dict[str, Any]) -> None:
        declared, creation, tool = self.declared, self.creation, self.tool
        sentence = f"Create the {self.work.what} with {_nodes(len(tool.nodes(wanted)))}."
        path = _kubeconfig.file_to_write(declared.kubeconfig)
        if self.check:
            self.work.act(sentence)
            return
        program = self.work.program()
        wanted = tool.for_program(program)
        self.work.unlock(path)
        lock = creation.acquire()
        if lock is None:
            return  # somebody else began meanwhile, and is waited for
        if self.work.find().exists:
            os.close(lock)
            return
        argv = tool.create(program, creation.configuration_path)
        creation.start(lock, argv, tool.environment(path, creating=True), path, wanted, tool.text(wanted))
        self.work.act(sentence)
        for done in tool.begun(self.work.client, wanted, creation.running):
            self.work.act(done)

    def _waited(self) -> bool:
        """Whether the creation has ended. False: it has not, and who called wants to hear of it."""
        interval = self.declared.progress_interval
        left = self.work.end - time.monotonic()
        record = self.creation.record()
        if interval and record is not None:
            left = self.declared.wait_timeout - (time.time() - record.started)
        if self.creation.wait(max(0, min(left, interval) if interval else left)):
            return True
        if interval and left > interval:
            return False
        raise ExpectedError(
            f"{self.tool.NAME} is still creating the cluster '{self.declared.name}' after {self.declared.wait_timeout} s "
            f"(log: {self.creation.log_path}); run this again to wait for it, or raise wait_timeout."
        )

    def _after_creation(self, own: bool) -> Cluster:
        """The cluster that the tool leaves; what it died of is told, unless it was killed and another run's (that is made good)."""
        cluster = self.work.find()
        record = self.creation.record()
        code = None if record is None else record.code
        if cluster.complete or code == 0 or (code is None and not own):
            return cluster
        tool, log = self.tool.NAME, self.creation.log_path
        if code is None or code < 0:
            raise ExpectedError(
                f"{tool} was killed while it created the cluster '{self.declared.name}' (log: {log}); run this again."
            )
        raise ExpectedError(
            f"the {self.work.what} could not be created: {self.tool.essence(self.creation.log())} ({tool}'s log: {log})."
        )

    def _remove_half_made(self, cluster: Cluster) -> Cluster:
        """Delete a cluster that nobody is creating any more and whose control plane never came up."""
        name = self.declared.name
        strangers = [argv for argv in _creators.others(self.tool.NAME) if _creators.could_be(argv, name)]
        if strangers:
            raise ExpectedError(
                f"somebody else is creating the {self.work.what} ('{' '.join(strangers[0])}'); run this again once that is done."
            )
        if self.creation.record() is None and not self._is_local() and _age(cluster) < _YOUNG:
            raise ExpectedError(
                f"the {self.work.what} is half made, and somebody on another machine may still be creating it; "
                f"run this again in {_YOUNG // 60} minutes, or delete it with '{self.work.delete_by_hand}'."
            )
        self.work.act(f"Delete the half-made {self.work.what}, whose control plane never came up.")
        if self.check:
            return Cluster(self.tool.NAME, name, context=cluster.context, kubeconfig=cluster.kubeconfig)
        _cluster_removal.remove(self.work)
        return self.work.find()

    def _is_local(self) -> bool:
        address = _docker.chosen_host(self.declared.docker_host) or "unix://"
        return address.startswith(("unix://", "npipe://"))

    def _forget(self) -> None:
        if not os.path.isdir(self.creation.folder):
            return
        lock = self.creation.acquire()
        if lock is not None:
            self.creation.forget()
            os.close(lock)


def connect(declared: Declared, timeout: int, check: bool) -> Any:
    """A client, or None in check mode on a machine that has no Docker yet, where no cluster can be either."""
    try:
        return _docker.connect(declared.docker_host, timeout)
    except _docker.EngineError:
        if check and not declared.docker_host and not os.environ.get("DOCKER_HOST") and shutil.which("docker") is None:
            return None
        raise


def _state(cluster: Cluster) -> dict[str, Any]:
    if not cluster.exists:
        return {"exists": False}
    return {"exists": True, "nodes": {node.name: node.status for node in [*cluster.nodes, *cluster.helpers]}}


def _nodes(number: int) -> str:
    return f"{number} node{'' if number == 1 else 's'}"


def _age(cluster: Cluster) -> float:
    created = [float(node.container.attrs.get("Created") or 0) for node in [*cluster.nodes, *cluster.helpers]]
    return time.time() - max(created, default=0)
