# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is pushed for a proof without an Engine, and how what the nodes showed is summed up."""

from __future__ import annotations

import gzip
import json
from typing import Any, cast

from ansible_collections.kubelocal.registry.plugins.module_utils import _pull_proof
from ansible_collections.kubelocal.registry.plugins.module_utils._distribution import Registry, digest_of
from ansible_collections.kubelocal.registry.plugins.module_utils._proof_pods import Answer, NodeProof

HOST = "registry.example.org:5000"


class FakeRegistry:
    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[str, dict[str, Any]] = {}

    def put_blob(self, _repository: str, content: bytes) -> str:
        self.blobs[digest_of(content)] = content
        return digest_of(content)

    def put_manifest(self, _repository: str, tag: str, content: bytes) -> str:
        self.manifests[tag] = json.loads(content)
        return digest_of(content)


def judged(*answers: Answer | None) -> _pull_proof.PullProof:
    proof = _pull_proof.PullProof(HOST)
    found = {
        f"n{number}": NodeProof(f"n{number}", {"pull": answer} if answer else {}, trouble="" if answer else "not Ready")
        for number, answer in enumerate(answers)
    }
    _pull_proof.judge(proof, found, f"{HOST}/kubelocal/proof:1")
    return proof


def test_an_image_that_was_pulled_need_not_run() -> None:
    proof = judged(Answer(True, False, "exec: registry: not found"), Answer(True, True))
    assert proof.problems == []
    assert proof.nodes == {"n0": {"pulled": True, "message": ""}, "n1": {"pulled": True, "message": ""}}
    assert proof.as_result()["addresses"] == [{"address": HOST, "host": True, "manifest": True, "pod": None}]


def test_nodes_that_do_not_pull_are_named_with_the_reason() -> None:
    proof = judged(Answer(False, None, "401 Unauthorized."), None, Answer(True, True))
    assert proof.problems == [
        f"node 'n0' does not pull {HOST}/kubelocal/proof:1: 401 Unauthorized.",
        f"node 'n1' does not pull {HOST}/kubelocal/proof:1: not Ready.",
    ]
    assert proof.as_result()["addresses"][0]["manifest"] is False


def test_each_image_is_whole_and_has_a_layer_that_nobody_has() -> None:
    registry = FakeRegistry()
    for tag in ("fresh-1", "fresh-2"):
        _pull_proof.push(cast("Registry", registry), tag)
    layers = []
    for manifest in registry.manifests.values():
        layer = registry.blobs[manifest["layers"][0]["digest"]]
        config = json.loads(registry.blobs[manifest["config"]["digest"]])
        assert config["rootfs"]["diff_ids"] == [digest_of(gzip.decompress(layer))]
        assert manifest["layers"][0]["size"] == len(layer)
        layers.append(layer)
    assert layers[0] != layers[1]
