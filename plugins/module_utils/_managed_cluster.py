# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: a cluster of containers is created by its tool, brought back to work, compared, deleted.

What differs between kind and k3d is a ``Tool``.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ansible_collections.kubelocal.registry.plugins.module_utils import (
    _cluster,
    _cluster_ready,
    _docker,
    _kind_cli,
    _kubeconfig,
    _kubernetes,
)
from ansible_collections.kubelocal.registry.plugins.module_utils._creation import Creation, others, unlock_kubeconfig
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError

try:
    from docker.errors import APIError, DockerException
    from docker.errors import NotFound as NoSuchContainer
    from requests.exceptions import RequestException
except ImportError:  # told by the module, by way of _docker.DOCKER_IMPORT_ERROR
    pass

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_API_PORT = 6443
# how long a cluster that somebody else is making on another machine is left alone
_YOUNG = 600


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


@dataclass
class Result:
    """What was found and done."""

    cluster: _cluster.Cluster
    actions: list[str] = field(default_factory=list)
    changed: bool = False
    differences: list[str] = field(default_factory=list)
    pending: bool = False
    progress: str = ""
    log: str = ""
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)


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
        self, client: Any, cluster: _cluster.Cluster, wanted: Mapping[str, Any], remembered: Mapping[str, Any] | None
    ) -> list[str]:
        raise NotImplementedError

    def start(self, program: str) -> list[str] | None:  # noqa: ARG002
        """The command that starts stopped nodes; None where the Engine can do it by itself."""
        return None

    def to_add(
        self,
        cluster: _cluster.Cluster,  # noqa: ARG002
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


class ManagedCluster:
    """One run of a module."""

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
        self._what = f"{tool.NAME} cluster '{declared.name}'"
        self._delete_by_hand = f"{tool.DELETE}{declared.name}"
        self._end = time.monotonic() + declared.wait_timeout

    def run(self, state: str) -> Result:
        try:
            return self.present() if state == "present" else self.absent()
        except ExpectedError as error:
            # whatever went wrong, what was done before is told
            error.actions = error.actions or self.actions
            raise

    def present(self) -> Result:
        declared = self.declared
        wanted = self.tool.wanted()
        cluster = self._find()
        before = _state(cluster)
        if self.creation.running():
            if self.check:
                self._act(f"Wait until {self.tool.NAME} has created the cluster, which is under way.")
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
        cluster = self._ready(cluster, wanted)
        remembered = self._mark(cluster)
        cluster = self._add_nodes(cluster, wanted)
        differences = self.tool.differences(self.client, cluster, wanted, remembered)
        if differences and declared.on_difference == "fail":
            raise ExpectedError(difference_message(self.tool, declared.name, differences), self.actions)
        result = self._result(cluster, before)
        result.differences = differences
        return result

    def absent(self) -> Result:
        name = self.declared.name
        cluster = self._find()
        before = _state(cluster)
        paths = _kubeconfig.paths(self.declared.kubeconfig)
        context = _cluster.default_context(self.tool.NAME, name)
        entry = [path for path in paths if _kubeconfig.has(path, context)]
        running = self.creation.running()
        left = [] if cluster.exists or running or self.client is None else self.tool.leftovers(self.client)
        if not cluster.exists and not entry and not running and not left:
            if not self.check:
                self._forget()
            return self._result(cluster, before)
        if running:
            self._act(f"Wait until {self.tool.NAME} has created the cluster, which is under way.")
            if not self.check and not self.creation.wait(self.declared.wait_timeout):
                raise ExpectedError(
                    f"{self.tool.NAME} is still creating the cluster '{name}' (log: {self.creation.log_path}); run this again once it is done.",
                    self.actions,
                )
            cluster = self._find()
        if cluster.exists or running:
            self._act(f"Delete the {self._what}.")
        if entry:
            self._act(f"Remove the context {context} from the kubeconfig {entry[0]}.")
        for sentence, _remove in left:
            self._act(sentence)
        if not self.check:
            self._delete(paths)
            for sentence, remove in self.tool.leftovers(self.client):
                remove()
                if sentence not in self.actions:
                    self._act(sentence)
            self._forget()
        return self._result(self._find() if not self.check else cluster, before, after={"exists": False})

    # what is there

    def _find(self) -> _cluster.Cluster:
        if self.client is None:
            declared, context = self.declared, _cluster.default_context(self.tool.NAME, self.declared.name)
            path = _kubeconfig.file_for(declared.kubeconfig, context)
            return _cluster.Cluster(self.tool.NAME, declared.name, context=context, kubeconfig=path)
        return _cluster.find(self.client, self.tool.NAME, self.declared.name, self.declared.kubeconfig)

    def _act(self, sentence: str) -> None:
        self.actions.append(sentence)
        self.changed = True

    def _result(self, cluster: _cluster.Cluster, before: dict[str, Any], after: dict[str, Any] | None = None) -> Result:
        return Result(
            cluster,
            self.actions,
            self.changed,
            before=before,
            after=_state(cluster) if after is None else after,
            log=self.creation.log_path if os.path.exists(self.creation.log_path) else "",
        )

    def _pending(self, cluster: _cluster.Cluster, before: dict[str, Any]) -> Result:
        result = self._result(cluster, before, after=self._planned(self.tool.wanted()))
        result.pending = True
        result.progress = self.tool.step(self.creation.log()) or "starting"
        return result

    def _planned(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        return {"exists": True, "nodes": dict.fromkeys(self.tool.nodes(wanted), "running")}

    # creating

    def _create(self, wanted: dict[str, Any]) -> None:
        declared, creation, tool = self.declared, self.creation, self.tool
        sentence = f"Create the {self._what} with {_nodes(len(tool.nodes(wanted)))}."
        path = _kubeconfig.file_to_write(declared.kubeconfig)
        if self.check:
            self._act(sentence)
            return
        program = _kind_cli.program(declared.executable, tool.NAME)
        wanted = tool.for_program(program)
        self._unlock(path)
        lock = creation.acquire()
        if lock is None:
            return  # somebody else began meanwhile, and is waited for
        if self._find().exists:
            os.close(lock)
            return
        argv = tool.create(program, creation.configuration_path)
        creation.start(lock, argv, tool.environment(path, creating=True), path, wanted, tool.text(wanted))
        self._act(sentence)
        for done in tool.begun(self.client, wanted, creation.running):
            self._act(done)

    def _waited(self) -> bool:
        """Whether the creation has ended. False: it has not, and who called wants to hear of it."""
        interval = self.declared.progress_interval
        left = self._end - time.monotonic()
        record = self.creation.record()
        if interval and record is not None:
            left = self.declared.wait_timeout - (time.time() - record.started)
        if self.creation.wait(max(0, min(left, interval) if interval else left)):
            return True
        if interval and left > interval:
            return False
        raise ExpectedError(
            f"{self.tool.NAME} is still creating the cluster '{self.declared.name}' after {self.declared.wait_timeout} s "
            f"(log: {self.creation.log_path}); run this again to wait for it, or raise wait_timeout.",
            self.actions,
        )

    def _after_creation(self, own: bool) -> _cluster.Cluster:
        """The cluster that the tool leaves; what it died of is told, unless it was killed and another run's (that is made good)."""
        cluster = self._find()
        record = self.creation.record()
        code = None if record is None else record.code
        if cluster.complete or code == 0 or (code is None and not own):
            return cluster
        tool, log = self.tool.NAME, self.creation.log_path
        if code is None or code < 0:
            raise ExpectedError(
                f"{tool} was killed while it created the cluster '{self.declared.name}' (log: {log}); run this again.",
                self.actions,
            )
        raise ExpectedError(
            f"the {self._what} could not be created: {self.tool.essence(self.creation.log())} ({tool}'s log: {log}).",
            self.actions,
        )

    def _remove_half_made(self, cluster: _cluster.Cluster) -> _cluster.Cluster:
        """Delete a cluster that nobody is creating any more and whose control plane never came up."""
        name = self.declared.name
        strangers = [argv for argv in others(self.tool.NAME) if _could_be(argv, name)]
        if strangers:
            raise ExpectedError(
                f"somebody else is creating the {self._what} ('{' '.join(strangers[0])}'); run this again once that is done.",
                self.actions,
            )
        if self.creation.record() is None and not self._is_local() and _age(cluster) < _YOUNG:
            raise ExpectedError(
                f"the {self._what} is half made, and somebody on another machine may still be creating it; "
                f"run this again in {_YOUNG // 60} minutes, or delete it with '{self._delete_by_hand}'.",
                self.actions,
            )
        self._act(f"Delete the half-made {self._what}, whose control plane never came up.")
        if self.check:
            return _cluster.Cluster(self.tool.NAME, name, context=cluster.context, kubeconfig=cluster.kubeconfig)
        self._delete(_kubeconfig.paths(self.declared.kubeconfig))
        return self._find()

    def _is_local(self) -> bool:
        address = _docker.chosen_host(self.declared.docker_host) or "unix://"
        return address.startswith(("unix://", "npipe://"))

    # bringing back to work

    def _ready(self, cluster: _cluster.Cluster, wanted: Mapping[str, Any]) -> _cluster.Cluster:
        since = self._start_nodes(cluster)
        if since and not self.check:
            cluster = self._find()
        stale = self._export_if_needed(cluster)
        if self.check and (since or stale):
            return cluster
        since = {**_cluster_ready.started_lately(self.client, cluster.nodes), **since}
        names = [node.name for node in cluster.nodes]
        without_network = self.tool.without_network(wanted)
        self._end = max(self._end, time.monotonic() + self.declared.wait_timeout)
        end = time.monotonic() if self.check else self._end
        try:
            missing = _cluster_ready.wait(self._api(cluster), names, since, end, without_network)
        except _kubernetes.KubernetesError:
            # the entry is of an earlier cluster of this name
            self._export(cluster)
            missing = "" if self.check else _cluster_ready.wait(self._api(cluster), names, since, end, without_network)
        if missing and not self.check:
            raise ExpectedError(
                f"the {self._what} does not work after {self.declared.wait_timeout} s: {missing}; {self.tool.LOGS}"
                f"'{self._delete_by_hand}' makes room for a new one.",
                self.actions,
            )
        if missing:
            self._act(f"Wait until the cluster works ({missing}).")
        return cluster

    def _start_nodes(self, cluster: _cluster.Cluster) -> dict[str, float]:
        nodes = _cluster_ready.to_start(cluster)
        for node in nodes:
            self._act(f"{'Unpause' if node.status == 'paused' else 'Start'} the node {node.name}.")
        if not nodes:
            return {}
        if self.check:
            return {node.name: 0 for node in nodes}
        stopped = [node for node in nodes if node.status != "paused"]
        command = self.tool.start("") if stopped else None
        if command is None:
            return _cluster_ready.start(self.client, nodes)
        since = _cluster_ready.start(self.client, [node for node in nodes if node.status == "paused"])
        program = _kind_cli.program(self.declared.executable, self.tool.NAME)
        code, output = self._run(self.tool.start(program) or [], cluster.kubeconfig)
        if code != 0:
            raise ExpectedError(f"the {self._what} can't be started: {self.tool.essence(output)}.", self.actions)
        return {**since, **dict.fromkeys((node.name for node in stopped), 0.0)}

    def _add_nodes(self, cluster: _cluster.Cluster, wanted: Mapping[str, Any]) -> _cluster.Cluster:
        planned = self.tool.to_add(cluster, wanted, "")
        if planned is None:
            return cluster
        self._act(planned[1])
        if self.check:
            return cluster
        command = self.tool.to_add(cluster, wanted, _kind_cli.program(self.declared.executable, self.tool.NAME))
        code, output = self._run(command[0] if command else [], cluster.kubeconfig)
        if code != 0:
            raise ExpectedError(f"nodes can't be added to the {self._what}: {self.tool.essence(output)}.", self.actions)
        cluster = self._find()
        names = [node.name for node in cluster.nodes]
        missing = _cluster_ready.wait(self._api(cluster), names, {}, self._end)
        if missing:
            raise ExpectedError(f"the nodes added to the {self._what} do not work: {missing}.", self.actions)
        return cluster

    def _api(self, cluster: _cluster.Cluster) -> _kubernetes.Client:
        return _kubernetes.connect({"kubeconfig": cluster.kubeconfig, "context": cluster.context}, timeout=10)

    def _export_if_needed(self, cluster: _cluster.Cluster) -> bool:
        """Write the kubeconfig anew when it lacks the context or names another port than the API server's."""
        self._unlock_own(cluster.kubeconfig)
        server = _kubeconfig.server(cluster.kubeconfig, cluster.context)
        ports = {
            int(port["PublicPort"])
            for node in [*cluster.helpers, *cluster.control_planes]
            for port in node.container.attrs.get("Ports") or []
            if port.get("PrivatePort") == _API_PORT and port.get("PublicPort")
        }
        if server is not None and (not ports or urlsplit(server).port in ports):
            return False
        self._export(cluster)
        return True

    def _export(self, cluster: _cluster.Cluster) -> None:
        path = cluster.kubeconfig
        self._act(f"Write the context {cluster.context} into the kubeconfig {path}.")
        if self.check:
            return
        program = _kind_cli.program(self.declared.executable, self.tool.NAME)
        self._unlock(path)
        code, output = self._run(self.tool.export(program, path), path)
        if code != 0:
            raise ExpectedError(
                f"{self.tool.NAME} can't write the kubeconfig {path}: {self.tool.essence(output)}; "
                "check that the file and its folder are writable.",
                self.actions,
            )

    def _run(self, argv: list[str], path: str) -> tuple[int, str]:
        """Run the tool for a moment, so that a later run knows of it if this one is killed meanwhile."""
        brief = Creation(f"{self.tool.NAME}-brief", self.declared.name, self.creation.folder)
        lock = brief.acquire()
        end = time.monotonic() + self.declared.wait_timeout
        while lock is None:
            if time.monotonic() > end:
                raise ExpectedError(
                    f"another run of {self.tool.NAME} for the cluster '{self.declared.name}' does not end.",
                    self.actions,
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

    def _unlock_own(self, path: str) -> None:
        """Remove a lock on the kubeconfig that a killed run of ours left behind."""
        if os.path.lexists(_kubeconfig.lock_of(path)) and self._ours(path):
            self.changed = True
            unlock_kubeconfig(path, True, self.actions, self.check)

    def _unlock(self, path: str) -> None:
        self._unlock_own(path)
        unlock_kubeconfig(path, False, self.actions, self.check)

    def _ours(self, path: str) -> bool:
        for creation in (self.creation, Creation(f"{self.tool.NAME}-brief", self.declared.name, self.creation.folder)):
            record = creation.record()
            if record is not None and record.code is None and record.kubeconfig == path and not creation.running():
                return True
        return False

    # the completion mark

    def _mark(self, cluster: _cluster.Cluster) -> dict[str, Any] | None:
        """Remember in the cluster that it works and what it was made from; the configuration, None if it is not known."""
        if cluster.mark is not None:
            try:
                content = json.loads(cluster.mark)
            except ValueError:
                return None
            remembered = content.get("configuration") if isinstance(content, dict) else None
            return remembered if isinstance(remembered, dict) else None
        record = self.creation.record()
        if record is None or not record.configuration or _created_before(cluster, record.started):
            return None
        if self.check:
            return record.configuration
        content = json.dumps({"complete": True, "configuration": self.tool.to_remember(record.configuration)}, indent=1)
        file = _docker.File(content.encode(), 0o600)
        try:
            for node in cluster.control_planes:
                _docker.put_files(node.container, _cluster.MARK_FOLDERS[self.tool.NAME], {_cluster.MARK_NAME: file})
        except (DockerException, RequestException, OSError) as error:
            raise _docker.EngineError(
                f"the {self._what} can't be marked as complete: {_docker.explain(error)}; run this again.",
                self.actions,
            ) from error
        self.creation.close_record()
        if not self.actions:
            self._act(f"Complete the {self._what}, whose creation an earlier run began.")
        return record.configuration

    # deleting

    def _delete(self, paths: list[str]) -> None:
        name = self.declared.name
        context = _cluster.default_context(self.tool.NAME, name)
        entry = [path for path in paths if _kubeconfig.has(path, context)]
        for path in entry:
            self._unlock(path)
        told = ""
        spared = self.tool.spare(self.client)
        try:
            program = _kind_cli.program(self.declared.executable, self.tool.NAME)
            for path in entry or paths[-1:]:
                code, output = self._run(self.tool.delete(program, path), path)
                told = "" if code == 0 else self.tool.essence(output)
        except ExpectedError as error:
            told = str(error).rstrip(".")
        finally:
            spared()
        self._remove_containers()
        entry = [path for path in entry if _kubeconfig.has(path, context)]
        if entry:
            raise ExpectedError(
                f"the context {context} is still in the kubeconfig {entry[0]}: {told or f'{self.tool.NAME} left it there'}; "
                f"remove it with 'kubectl config delete-context {context}'.",
                self.actions,
            )

    def _remove_containers(self) -> None:
        """What the tool left: a node that the Engine was slow to remove, all of them where it can't run."""
        found = self._find()
        left = [node.container for node in [*found.nodes, *found.helpers]]
        if not left:
            return
        try:
            with ThreadPoolExecutor(max_workers=8) as pool:
                list(pool.map(_remove_container, left))
        except (DockerException, RequestException, OSError) as error:
            raise _docker.EngineError(
                f"a node of the {self._what} can't be removed: {_docker.explain(error)}; "
                "check that the Docker Engine is healthy, and run this again.",
                self.actions,
            ) from error

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


def difference_message(tool: Tool, name: str, differences: list[str]) -> str:
    return (
        f"the {tool.NAME} cluster '{name}' is not as declared: {'; '.join(differences)}. That can't be changed in place: "
        f"'{tool.DELETE}{name}' and another run make it anew, without what is in it now."
    )


def _remove_container(container: Any) -> None:
    try:
        container.remove(force=True, v=True)
    except NoSuchContainer:
        pass
    except APIError as error:
        if "already in progress" not in str(error):
            raise


def _state(cluster: _cluster.Cluster) -> dict[str, Any]:
    if not cluster.exists:
        return {"exists": False}
    return {"exists": True, "nodes": {node.name: node.status for node in [*cluster.nodes, *cluster.helpers]}}


def _nodes(number: int) -> str:
    return f"{number} node{'' if number == 1 else 's'}"


def _could_be(argv: list[str], name: str) -> bool:
    """Whether this command line may be making the cluster ``name``: it says so, or leaves the name to its configuration."""
    if argv[1:3] == ["cluster", "create"]:  # k3d
        first = argv[3:4]
        if first and not first[0].startswith("-"):
            return first == [name]
        return name in argv or any(word.startswith(("-c", "--config")) for word in argv)
    for number, word in enumerate(argv):
        if word in ("--name", "-n"):
            return argv[number + 1 : number + 2] == [name]
        if word.startswith("--name="):
            return word == f"--name={name}"
    return "--config" in " ".join(argv) or os.environ.get("KIND_CLUSTER_NAME", "kind") == name


def _age(cluster: _cluster.Cluster) -> float:
    created = [float(node.container.attrs.get("Created") or 0) for node in [*cluster.nodes, *cluster.helpers]]
    return time.time() - max(created, default=0)


def _created_before(cluster: _cluster.Cluster, moment: float) -> bool:
    """Whether the cluster is older than the record of a creation, so that the record is of another one of this name."""
    created = [float(node.container.attrs.get("Created") or 0) for node in cluster.control_planes]
    # clocks of a remote Engine may differ a little
    return min(created, default=0) < moment - 60
