# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: the proof that nodes pull from a registry that need not run here: it is reached by HTTP only."""

from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils import _proof_pods, _proof_push
from ansible_collections.kubelocal.registry.plugins.module_utils._distribution import OCI_MANIFEST, digest_of
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.kubelocal.registry.plugins.module_utils._distribution import Registry
    from ansible_collections.kubelocal.registry.plugins.module_utils._kubernetes import Client

_CONTAINER = "pull"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass
class PullProof:
    """What was seen; ``problems`` is empty when all of it worked."""

    host: str
    digest: str = ""
    nodes: dict[str, dict[str, Any]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def as_result(self) -> dict[str, Any]:
        address = {"address": self.host, "host": True, "manifest": not self.problems, "pod": None}
        return {"digest": self.digest, "addresses": [address], "nodes": self.nodes, "fresh": True}


def prove(client: Client, registry: Registry, host: str, timeout: float) -> PullProof:
    """Push a tiny image that nobody has yet, have every node pull it, and take it away again."""
    nodes = _proof_pods.node_names(client)
    if not nodes:
        raise ExpectedError(f"{client.where} knows no nodes; wait until they have joined.")
    proof = PullProof(host)
    tag = _proof_push.fresh_tag()
    proof.digest = push(registry, tag)
    try:
        images = {_CONTAINER: f"{host}/{_proof_push.REPOSITORY}:{tag}"}
        judge(proof, _proof_pods.prove(client, nodes, images, ("true",), None, timeout), images[_CONTAINER])
    finally:
        # a registry that allows no deletion keeps a few bytes
        _proof_push.remove_fresh(registry, tag)
    return proof


def push(registry: Registry, tag: str) -> str:
    """Push an image of one layer, with nothing to run in it; its digest."""
    plain = _layer()
    layer = gzip.compress(plain)
    part = {"mediaType": _LAYER, "size": len(layer), "digest": registry.put_blob(_proof_push.REPOSITORY, layer)}
    rootfs = {"type": "layers", "diff_ids": [digest_of(plain)]}
    architecture = _ARCHITECTURES.get(os.uname().machine, "amd64")
    config = json.dumps({"architecture": architecture, "os": "linux", "config": {}, "rootfs": rootfs}).encode()
    head = {"mediaType": _CONFIG, "size": len(config), "digest": registry.put_blob(_proof_push.REPOSITORY, config)}
    manifest = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": head, "layers": [part]}
    return registry.put_manifest(_proof_push.REPOSITORY, tag, json.dumps(manifest).encode())


def judge(proof: PullProof, found: Mapping[str, _proof_pods.NodeProof], image: str) -> None:
    """Sum up what the nodes showed; that the image has nothing to run is no fault."""
    for name, node in sorted(found.items()):
        answer = node.answers.get(_CONTAINER, _proof_pods.Answer())
        reason = "" if answer.pulled else (answer.message or node.trouble or "no answer in time").strip().rstrip(".")
        proof.nodes[name] = {"pulled": bool(answer.pulled), "message": reason}
        if reason:
            proof.problems.append(f"node '{name}' does not pull {image}: {reason}.")


def _layer() -> bytes:
    content = os.urandom(32)
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        info = tarfile.TarInfo("kubelocal-proof")
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return file.getvalue()
