# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the playbooks say last."""

from __future__ import annotations

from typing import Any

from ansible_collections.kubelocal.registry.plugins.plugin_utils import _report

VARIABLES: dict[str, Any] = {
    "cluster_provider": "kind",
    "cluster_name": "dev",
    "cluster_context": None,
    "cluster_kubeconfig": None,
    "cluster_docker_host": None,
    "registry_name": "local-registry",
    "registry_port": 5001,
}
PROOF: dict[str, Any] = {
    "fresh": False,
    "nodes": {"a": {}, "b": {}},
    "addresses": [
        {"address": "localhost:5001", "host": True, "manifest": True, "pod": None},
        {"address": "local-registry:5000", "host": None, "manifest": True, "pod": True},
    ],
}


def test_up_after_a_proof() -> None:
    assert _report.up_lines(VARIABLES, PROOF, "registry:3", False, False) == [
        "Cluster 'dev' has its registry; a push and a pull on 2 nodes worked:",
        "  address              host  manifest  pod",
        "  localhost:5001       ok    ok        -",
        "  local-registry:5000  -     ok        ok",
        "Type next:",
        "  docker tag registry:3 localhost:5001/hello:1",
        "  docker push localhost:5001/hello:1",
        "  kubectl --context=kind-dev run hello --image=localhost:5001/hello:1",
    ]


def test_up_without_a_proof_says_so() -> None:
    lines = _report.up_lines(VARIABLES, None, "registry:3", False, False)
    assert "not proved" in lines[0]
    assert lines[2] == "  localhost:5001       yes   yes       -"
    assert "would have" in _report.up_lines(VARIABLES, None, "registry:3", False, True)[0]


def test_commands_are_quoted_and_name_what_is_not_the_default() -> None:
    variables = {
        **VARIABLES,
        "cluster_kubeconfig": "/a b/config",
        "cluster_context": "me@dev",
        "cluster_docker_host": "ssh://me@host",
    }
    assert _report.kubectl(variables, "get", "pods") == "kubectl '--kubeconfig=/a b/config' --context=me@dev get pods"
    lines = _report.up_lines(variables, PROOF, "registry:3", True, False)
    assert "  docker --host ssh://me@host login localhost:5001" in lines


def test_existing_without_a_context_means_the_current_one() -> None:
    assert _report.kubectl({**VARIABLES, "cluster_provider": "existing"}, "get", "pods") == "kubectl get pods"


def test_status_names_what_mends_it_once() -> None:
    links = [
        {"link": "engine", "ok": True, "detail": "answers", "mend": ""},
        {"link": "container", "ok": False, "detail": "'reg' is exited", "mend": "up"},
        {"link": "pull", "ok": None, "detail": "not tried", "mend": ""},
        {"link": "port", "ok": False, "detail": "none", "mend": "up"},
    ]
    assert _report.status_lines({"links": links}) == [
        "  link       state  what was seen",
        "  engine     ok     answers",
        "  container  FAILS  'reg' is exited",
        "  pull       -      not tried",
        "  port       FAILS  none",
        "2 links of 4 broken. To mend:",
        "  up",
    ]
    assert _report.status_lines({"links": links[:1]})[-1] == "All is well."


def test_down_says_when_there_was_nothing() -> None:
    assert _report.down_lines([], ["Kept it."]) == ["There was nothing to remove.", "Kept it."]
