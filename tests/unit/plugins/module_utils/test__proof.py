# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How what the nodes showed is summed up."""

from __future__ import annotations

from ansible_collections.kubelocal.registry.plugins.module_utils import _proof
from ansible_collections.kubelocal.registry.plugins.module_utils._proof_pods import NO_WGET, Answer, NodeProof
from ansible_collections.kubelocal.registry.plugins.module_utils._proof_push import Place

PLACE = Place("reg", "localhost:5001", 5001, 5000, ("kind",))
IMAGES = {"host-address": "localhost:5001/kubelocal/proof:1", "network-address": "reg:5000/kubelocal/proof:1"}


def judged(host: Answer, name: Answer, trouble: str = "") -> _proof.Proof:
    proof = _proof.Proof(PLACE)
    answers = {"host-address": host, "network-address": name}
    _proof.judge(proof, {"n": NodeProof("n", answers, trouble=trouble)}, IMAGES)
    return proof


def test_all_is_well() -> None:
    proof = judged(Answer(True, True), Answer(True, True))
    assert proof.problems == []
    assert [vars(address) for address in proof.addresses] == [
        {"address": "localhost:5001", "host": True, "manifest": True, "pod": None},
        {"address": "reg:5000", "host": None, "manifest": True, "pod": True},
    ]


def test_a_failed_pull_names_node_image_and_the_kubelets_words() -> None:
    proof = judged(Answer(False, None, "dial tcp [::1]:5001: connect: connection refused."), Answer(True, True))
    assert proof.problems == [
        "node 'n' does not pull localhost:5001/kubelocal/proof:1: dial tcp [::1]:5001: connect: connection refused."
    ]
    assert [address.manifest for address in proof.addresses] == [False, True]
    assert proof.nodes["n"]["pulled"] is False


def test_a_node_that_never_answered_is_told_with_its_trouble() -> None:
    proof = judged(Answer(), Answer(), "the node is not Ready (Kubelet stopped posting node status)")
    assert len(proof.problems) == 2
    assert "not Ready (Kubelet stopped posting node status)" in proof.problems[0]


def test_a_pod_that_does_not_reach_the_registry_is_a_problem() -> None:
    proof = judged(Answer(True, True), Answer(True, False, "wget: bad address 'reg:5000'"))
    assert proof.problems == ["a pod on node 'n' does not reach reg:5000: wget: bad address 'reg:5000'."]
    assert proof.addresses[1].pod is False


def test_an_image_without_wget_or_shell_leaves_it_open() -> None:
    for words in (NO_WGET, 'exec: "sh": executable file not found in $PATH'):
        proof = judged(Answer(True, True), Answer(True, False, words))
        assert proof.problems == []
        assert proof.addresses[1].pod is None
