# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: many nodes side by side, each read, planned and changed on its own, and what they all came to."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Callable

from ansible_collections.kubelocal.registry.plugins.module_utils._containerd_plan import Wanted, plan_containerd
from ansible_collections.kubelocal.registry.plugins.module_utils._docker import EngineError, explain
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._k3s_registries import plan_k3s
from ansible_collections.kubelocal.registry.plugins.module_utils._node_container import ContainerNode
from ansible_collections.kubelocal.registry.plugins.module_utils._node_local import LocalNode
from ansible_collections.kubelocal.registry.plugins.module_utils._node_tree import Node, NotStarted, Plan, View

try:
    from docker.errors import DockerException
    from requests.exceptions import RequestException
except ImportError:  # told by the module, through _docker.DOCKER_IMPORT_ERROR
    pass

if TYPE_CHECKING:
    from collections.abc import Sequence

LAYOUTS: dict[str, Callable[[View, Wanted], Plan]] = {"containerd": plan_containerd, "k3s": plan_k3s}
_THREADS = 8


@dataclass
class NodeResult:
    """What came of one node."""

    name: str
    changed: bool = False
    restarted: bool = False
    failed: bool = False
    msg: str = ""
    actions: list[str] = field(default_factory=list)
    diff: list[dict[str, str]] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """For the module's answer."""
        return {
            "changed": self.changed,
            "restarted": self.restarted,
            "failed": self.failed,
            "msg": self.msg,
            "actions": self.actions,
        }


def containers(client: Any, names: Sequence[str]) -> tuple[list[Node], list[NodeResult]]:
    """The nodes that are there, and a failure for each that is not."""
    try:
        listed = client.api.containers(all=True)
    except (DockerException, RequestException) as error:
        raise EngineError(f"the Docker Engine does not list its containers: {explain(error)}.") from error
    by_name = {name.lstrip("/"): summary for summary in listed for name in summary.get("Names") or []}
    found: list[Node] = []
    missing: list[NodeResult] = []
    for name in dict.fromkeys(names):
        if name in by_name:
            found.append(ContainerNode(client, name, by_name[name]))
        else:
            missing.append(
                NodeResult(name, failed=True, msg=f"there is no container '{name}' on this Docker Engine; check nodes.")
            )
    return found, missing


def run(nodes: Sequence[Node], wanted: Wanted, layout: str, check: bool) -> list[NodeResult]:
    """All nodes side by side, in the order given."""
    with ThreadPoolExecutor(max(1, min(_THREADS, len(nodes)))) as pool:
        return list(pool.map(lambda node: _one(node, wanted, layout, check), nodes))


def this_machine() -> Node:
    """The machine that the module runs on."""
    return LocalNode()


def answer(results: Sequence[NodeResult], with_diff: bool) -> dict[str, Any]:
    """The module's result; ``failed`` and ``msg`` are in it when a node failed."""
    ordered = sorted(results, key=lambda result: result.name)
    found: dict[str, Any] = {
        "changed": any(result.changed for result in ordered),
        "nodes": {result.name: result.as_dict() for result in ordered},
        "actions": [f"{result.name}: {action}" for result in ordered for action in result.actions],
    }
    if with_diff:
        found["diff"] = [part for result in ordered for part in result.diff]
    failed = [result for result in ordered if result.failed]
    if failed:
        found["failed"] = True
        reasons = "; ".join(f"{result.name}: {result.msg.rstrip('.')}" for result in failed)
        found["msg"] = f"{len(failed)} of {len(ordered)} nodes failed, the others are done: {reasons}."
        if len(ordered) == 1:
            found["msg"] = f"{reasons}."
    return found


def _one(node: Node, wanted: Wanted, layout: str, check: bool) -> NodeResult:
    result = NodeResult(node.name)
    try:
        try:
            _change(node, wanted, layout, check, result)
        except NotStarted:
            raise
        except ExpectedError:
            # another run may have moved what this one was about to: look again, once
            result = NodeResult(node.name)
            node.close()
            _change(node, wanted, layout, check, result)
    except ExpectedError as error:
        result.failed, result.msg = True, str(error)
    except Exception as error:  # one node's surprise must not hide what was done on the others
        result.failed, result.msg = True, f"unexpected: {type(error).__name__}: {error}"
    finally:
        node.close()
    return result


def _change(node: Node, wanted: Wanted, layout: str, check: bool, result: NodeResult) -> None:
    plan = LAYOUTS[layout](View(node), wanted)
    result.changed, result.actions = plan.changes, list(plan.actions)
    result.diff = [
        {
            "before_header": f"{node.name}:{path}",
            "after_header": f"{node.name}:{path}",
            "before": before,
            "after": after,
        }
        for path, (before, after) in sorted(plan.shown.items())
    ]
    restart = plan.restart if node.running else None
    plan.restart = restart
    if check:
        if restart is not None and node.owed(restart):
            result.changed = result.restarted = True
            result.actions.append(f"restarted {restart.service}")
    elif plan.changes or restart is not None:
        outcome = node.apply(plan)
        result.restarted = outcome.restarted
        result.actions += outcome.actions
        if outcome.restarted and restart is not None:
            result.changed = True
            why = "" if restart.needed else ", which was older than its configuration"
            result.actions.append(f"restarted {restart.service}{why}")
