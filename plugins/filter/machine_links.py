# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was found out about machines reached by SSH, as links of a chain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

DOCUMENTATION = r"""
name: machine_links
version_added: 0.1.0
short_description: The state of machines that are reached by SSH, as the report of status takes it
description:
  - For the playbook C(status). Turns the variables that it registered on machines into a list of links, each with C(link), C(ok),
    C(detail) and C(mend).
author: kubelocal contributors (@kubelocal)
options:
  _input:
    description: The variables of each machine.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Tell how it is
  kubelocal.registry.report:
    playbook: status
    status:
      links: "{{ ansible_play_hosts_all | map('extract', hostvars) | kubelocal.registry.machine_links }}"
"""

RETURN = r"""
_value:
  description: The links.
  type: list
  elements: dict
"""

_MEND = "run the playbook kubelocal.registry.up with the same inventory"


def machine_links(machines: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    found = list(machines)
    links = [_registry(found), *_caches(found), *_agent(found)] if found else []
    links += [_machine(machine) for machine in found]
    links += [_kubelets(machine) for machine in found if "_status_proof" in machine or _proved(machine)][:1]
    return links


def _registry(machines: list[Mapping[str, Any]]) -> dict[str, Any]:
    failures = [str(machine["_status_registry"]) for machine in machines if "_status_registry" in machine]
    if failures:
        return _link("registry", False, failures[0], _MEND)
    results = [machine.get("__remote_registry") or {} for machine in machines]
    result = next((result for result in results if "changed" in result and not result.get("skipped")), {})
    if not result:
        return _link("registry", None, "not looked at: somebody else runs it, or it has no certificate yet", "")
    if result.get("changed"):
        return _link("registry", False, " ".join(result.get("actions") or ["it is not as declared"]), _MEND)
    return _link("registry", True, "runs as declared", "")


def _caches(machines: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One link for all caches; none where there are none, or the registry's link tells what failed."""
    results = [machine.get("__remote_caches") or {} for machine in machines]
    result = next((result for result in results if result.get("mirrors")), {})
    if not result:
        return []
    if result.get("changed"):
        return [_link("mirrors", False, " ".join(result.get("actions") or []), _MEND)]
    hosts = ", ".join(str(mirror["host"]) for mirror in result["mirrors"])
    return [_link("mirrors", True, f"caches of {hosts} run as declared", "")]


def _agent(machines: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A link where the agent for nodes that come later is not as declared, which may be that there is to be none."""
    for machine in machines:
        if "_status_agent" in machine:
            return [_link("node agent", False, str(machine["_status_agent"]), _MEND)]
        result = machine.get("__remote_agent") or {}
        if result.get("changed"):
            return [_link("node agent", False, " ".join(result.get("actions") or []), _MEND)]
    return []


def _machine(machine: Mapping[str, Any]) -> dict[str, Any]:
    name = str(machine.get("inventory_hostname"))
    if (machine.get("__status_reached") or {}).get("unreachable"):
        return _link(name, False, "is not reached by SSH", f"see why 'ssh {machine.get('ansible_host', name)}' fails")
    if "_status_failure" in machine:
        return _link(name, False, str(machine["_status_failure"]), _MEND)
    if any((machine.get(result) or {}).get("changed") for result in ("__remote_node", "__remote_no_proxy")):
        return _link(name, False, "containerd is not told of the registry as declared", _MEND)
    return _link(name, True, "containerd is told of the registry", "")


def _proved(machine: Mapping[str, Any]) -> bool:
    return bool((machine.get("__remote_proof") or {}).get("proof"))


def _kubelets(machine: Mapping[str, Any]) -> dict[str, Any]:
    if "_status_proof" in machine:
        return _link("pull by every kubelet", False, str(machine["_status_proof"]), _MEND)
    nodes = machine["__remote_proof"]["proof"]["nodes"]
    return _link("pull by every kubelet", True, f"{len(nodes)} of {len(nodes)} nodes pulled", "")


def _link(link: str, ok: bool | None, detail: str, mend: str) -> dict[str, Any]:
    return {"link": link, "ok": ok, "detail": detail, "mend": mend}


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"machine_links": machine_links}
