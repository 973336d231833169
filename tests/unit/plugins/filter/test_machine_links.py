# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How what was found out about machines becomes a table."""

from __future__ import annotations

from typing import Any

from ansible_collections.kubelocal.registry.plugins.filter.machine_links import machine_links


def machine(name: str, **found: Any) -> dict[str, Any]:
    return {"inventory_hostname": name, **found}


def states(*machines: dict[str, Any]) -> dict[str, bool | None]:
    return {link["link"]: link["ok"] for link in machine_links(machines)}


def test_all_is_well() -> None:
    proof = {"proof": {"nodes": {"a": {}, "b": {}}}}
    first = machine("a", __remote_registry={"changed": False}, __remote_node={"changed": False}, __remote_proof=proof)
    links = machine_links([first, machine("b", __remote_node={"changed": False})])
    assert [link["link"] for link in links] == ["registry", "a", "b", "pull by every kubelet"]
    assert all(link["ok"] for link in links)
    assert links[-1]["detail"] == "2 of 2 nodes pulled"


def test_what_is_broken_is_told_with_what_mends_it() -> None:
    links = machine_links(
        [
            machine("a", _status_registry="no Docker Engine answers.", __remote_node={"changed": True}),
            machine("b", __status_reached={"unreachable": True}, ansible_host="192.0.2.1"),
            machine("c", _status_failure="/etc/containerd/config.toml is not valid TOML.", _status_proof="401"),
            machine("d", __remote_no_proxy={"changed": True}),
        ]
    )
    assert [link["ok"] for link in links] == [False] * 6
    assert links[0]["detail"] == "no Docker Engine answers."
    assert links[2]["mend"] == "see why 'ssh 192.0.2.1' fails"
    assert links[3]["detail"] == "/etc/containerd/config.toml is not valid TOML."
    assert all(link["mend"] for link in links)


def test_a_registry_that_differs_or_is_not_ours() -> None:
    assert states(machine("a", __remote_registry={"changed": True}))["registry"] is False
    assert states(machine("a", __remote_registry={"changed": False, "skipped": True}))["registry"] is None
    assert states(machine("a"))["registry"] is None
    assert states() == {}


def test_caches_are_one_link_where_there_are_any() -> None:
    caches = {"mirrors": [{"host": "docker.io"}, {"host": "quay.io"}], "changed": False}
    links = machine_links([machine("a"), machine("b", __remote_caches=caches)])
    assert [link["link"] for link in links] == ["registry", "mirrors", "a", "b"]
    assert links[1]["detail"] == "caches of docker.io, quay.io run as declared"
    broken = {**caches, "changed": True, "actions": ["Started it."]}
    (link,) = [link for link in machine_links([machine("a", __remote_caches=broken)]) if link["link"] == "mirrors"]
    assert (link["ok"], link["detail"]) == (False, "Started it.")
    assert "mirrors" not in states(machine("a", __remote_caches={"skipped": True}))
