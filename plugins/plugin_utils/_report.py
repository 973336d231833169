# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: what the playbooks say last, as lines for people."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.plugin_utils._derived import context_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns that stand below each other."""
    widths = [max(len(str(row[index])) for row in [headers, *rows]) for index in range(len(headers))]
    return [
        "  " + "  ".join(str(cell).ljust(width) for cell, width in zip(row, widths)).rstrip()
        for row in [headers, *rows]
    ]


def kubectl(variables: Mapping[str, Any], *arguments: str) -> str:
    """A kubectl command for this cluster that works as typed."""
    command = ["kubectl"]
    if variables.get("cluster_kubeconfig"):
        command.append(f"--kubeconfig={variables['cluster_kubeconfig']}")
    context = context_of(variables)
    if context:
        command.append(f"--context={context}")
    return shlex.join([*command, *arguments])


def docker(variables: Mapping[str, Any], *arguments: str) -> str:
    """A docker command for this Engine that works as typed."""
    host = variables.get("cluster_docker_host")
    return shlex.join(["docker", *(["--host", str(host)] if host else []), *arguments])


def playbook(name: str, variables: Mapping[str, Any], given: Mapping[str, Any]) -> str:
    """The command that runs one of our playbooks for the same cluster."""
    command = ["ansible-playbook", f"kubelocal.registry.{name}"]
    for variable, default in given.items():
        value = variables.get(variable)
        if value not in (None, default):
            command += ["-e", f"{variable}={value}"]
    return shlex.join(command)


def up_lines(
    variables: Mapping[str, Any], proof: Mapping[str, Any] | None, image: str, login: bool, check: bool
) -> list[str]:
    """The addresses, and what to type next."""
    host = variables.get("host") or f"localhost:{variables['registry_port']}"
    name = variables.get("host_from_cluster_network") or f"{variables['registry_name']}:5000"
    addresses = (proof or {}).get("addresses") or [
        {"address": host, "host": None, "manifest": None, "pod": None},
        *([{"address": name, "host": None, "manifest": None, "pod": None}] if name != host else []),
    ]
    host = str(addresses[0]["address"])
    rows = [[item["address"], *_cells(item, index == 0, proof is not None)] for index, item in enumerate(addresses)]
    if check:
        title = f"With these variables, cluster '{variables['cluster_name']}' would have this registry:"
    elif proof:
        how = ", with a layer that was new" if proof.get("fresh") else ""
        title = (
            f"Cluster '{variables['cluster_name']}' has its registry; a push and a pull on "
            f"{_count(len(proof['nodes']), 'node')} worked{how}:"
        )
    else:
        title = f"Cluster '{variables['cluster_name']}' has its registry (not proved: no push or pull was tried):"
    commands = [
        docker(variables, "tag", image, f"{host}/hello:1"),
        docker(variables, "push", f"{host}/hello:1"),
        kubectl(variables, "run", "hello", f"--image={host}/hello:1"),
    ]
    if login:
        commands.insert(0, docker(variables, "login", host))
    lines = [title, *table(["address", "host", "manifest", "pod"], rows)]
    return [*lines, "Type next:", *(f"  {command}" for command in commands)]


def _cells(item: Mapping[str, Any], is_host: bool, proved: bool) -> list[str]:
    """host, manifest, pod: where that address is for use; a proof's findings where there is one."""
    meant = (True, True, False) if is_host else (False, True, True)
    cells = []
    for key, wanted in zip(("host", "manifest", "pod"), meant):
        value = item.get(key) if proved else None
        if not wanted:
            cells.append("-")
        elif value is None:
            cells.append("not tried" if proved else "yes")
        else:
            cells.append("ok" if value else "FAILS")
    return cells


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def status_lines(status: Mapping[str, Any]) -> list[str]:
    """Every link of the chain, and what mends those that are broken."""
    links = status.get("links") or []
    rows = [
        [str(link["link"]), "ok" if link["ok"] else "FAILS" if link["ok"] is False else "-", str(link["detail"])]
        for link in links
    ]
    lines = table(["link", "state", "what was seen"], rows)
    broken = [link for link in links if link["ok"] is False]
    mends: list[str] = []
    for link in broken:
        if link.get("mend") and link["mend"] not in mends:
            mends.append(str(link["mend"]))
    if not broken:
        return [*lines, "All is well."]
    return [*lines, f"{_count(len(broken), 'link')} of {len(links)} broken. To mend:", *(f"  {mend}" for mend in mends)]


def down_lines(actions: Sequence[str], kept: Sequence[str]) -> list[str]:
    """What is gone and what was kept."""
    return [*(actions or ["There was nothing to remove."]), *kept]
