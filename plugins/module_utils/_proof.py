# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: the proof that a registry works: a push from the host, a pull by every node, and its name in a pod."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils import (
    _proof_image,
    _proof_pods,
    _proof_push,
    _registry_disk,
)
from ansible_collections.kubelocal.registry.plugins.module_utils._distribution_errors import RegistryError
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ansible_collections.kubelocal.registry.plugins.module_utils._access import Access
    from ansible_collections.kubelocal.registry.plugins.module_utils._distribution import Registry
    from ansible_collections.kubelocal.registry.plugins.module_utils._kubernetes import Client
    from ansible_collections.kubelocal.registry.plugins.module_utils._proof_push import Place

_HOST, _NAME = "host-address", "network-address"


@dataclass
class Address:
    """One of the registry's addresses, and from where it was seen to work; None: not tried, or not meant to."""

    address: str
    host: bool | None = None
    manifest: bool | None = None
    pod: bool | None = None


@dataclass
class Proof:
    """What was seen; ``problems`` is empty when all of it worked."""

    place: Place
    digest: str = ""
    fresh: bool = False
    addresses: list[Address] = field(default_factory=list)
    nodes: dict[str, dict[str, Any]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def host(self) -> str | None:
        return self.place.host

    def as_result(self) -> dict[str, Any]:
        return {
            "registry": self.place.name,
            "digest": self.digest,
            "fresh": self.fresh,
            "addresses": [vars(address) for address in self.addresses],
            "nodes": self.nodes,
        }


def push(engine: Any, registry_name: str, access: Access) -> Proof:
    """The first half: only the push."""
    proof = Proof(_proof_push.find_place(engine, registry_name))
    with _full_disk_told(engine, registry_name):
        proof.digest = _proof_push.push(engine, proof.place, _proof_image.of(engine, registry_name), access)
    return proof


def prove(
    engine: Any,
    client: Client,
    registry_name: str,
    access: Access,
    fresh: bool = False,
    timeout: float = 120,
    again: bool = True,
) -> Proof:
    """Push, pull on every node, look from a pod. What can't be tried at all is an ExpectedError.

    Without ``again`` an image that is there is not pushed once more.
    """
    place = _proof_push.find_place(engine, registry_name)
    proof = Proof(place)
    if fresh and _registry_disk.is_full(engine, registry_name):
        # the Engine would try again and again for more than a minute
        raise _full_disk(registry_name)
    image = _proof_image.of(engine, registry_name)
    tag = _proof_push.TAG
    registry = None
    try:
        with _full_disk_told(engine, registry_name):
            direct, there = _direct(place, access) if fresh or not again else (None, None)
            proof.digest = (None if again else there) or _proof_push.push(engine, place, image, access)
            registry = direct if fresh else None
            if registry is not None:
                _proof_push.remove_fresh(registry)
                tag = _proof_push.push_fresh(registry)
                proof.fresh = True
        _pull(client, proof, tag, image.command, timeout)
    finally:
        if registry is not None:
            _proof_push.remove_fresh(registry, tag if proof.fresh else "")
    return proof


@contextlib.contextmanager
def _full_disk_told(engine: Any, registry_name: str) -> Iterator[None]:
    """A push that failed is told with that cause, which a registry keeps to itself."""
    try:
        yield
    except ExpectedError as error:
        if not _registry_disk.is_full(engine, registry_name):
            raise
        raise _full_disk(registry_name) from error


def _full_disk(registry_name: str) -> ExpectedError:
    return ExpectedError(
        f"nothing can be pushed, because {_registry_disk.told(registry_name)}; make room there and run this again."
    )


def _direct(place: Place, access: Access) -> tuple[Registry | None, str | None]:
    """The registry's HTTP API and the image's digest there, if it has one.

    Nothing where it can't be reached from here, as with an Engine on another machine.
    """
    if place.host is None:
        return None, None
    with contextlib.suppress(RegistryError):
        registry = _proof_push.registry_at(place.host, access)
        return registry, registry.head_manifest(_proof_push.REPOSITORY, _proof_push.TAG)
    return None, None


def _pull(client: Client, proof: Proof, tag: str, command: Sequence[str], timeout: float) -> None:
    place = proof.place
    inside = place.host_from_cluster_network
    images = {_HOST: f"{place.host}/{_proof_push.REPOSITORY}:{tag}", _NAME: f"{inside}/{_proof_push.REPOSITORY}:{tag}"}
    nodes = _proof_pods.node_names(client)
    if not nodes:
        raise ExpectedError(f"{client.where} knows no nodes; wait until they have joined, or create the cluster anew.")
    found = _proof_pods.prove(client, nodes, images, command, (place.name, place.inside_port), timeout)
    judge(proof, found, images)


def judge(proof: Proof, found: Mapping[str, _proof_pods.NodeProof], images: Mapping[str, str]) -> None:
    """Sum up what the nodes showed."""
    by_host = Address(str(proof.place.host), host=True, manifest=True)
    by_name = Address(proof.place.host_from_cluster_network, manifest=True, pod=None)
    for name, node in sorted(found.items()):
        told: dict[str, Any] = {"pulled": True, "message": ""}
        for container, address in ((_HOST, by_host), (_NAME, by_name)):
            answer = node.answers.get(container, _proof_pods.Answer())
            if answer.pulled:
                continue
            address.manifest = False
            told["pulled"] = False
            reason = (answer.message or node.trouble or "no answer in time").strip().rstrip(".")
            told["message"] = told["message"] or reason
            proof.problems.append(f"node '{name}' does not pull {images[container]}: {reason}.")
        reached = node.answers.get(_NAME, _proof_pods.Answer())
        if reached.pulled and reached.ran is True:
            by_name.pod = True if by_name.pod is None else by_name.pod
        elif reached.pulled and reached.message != _proof_pods.NO_WGET and "executable file" not in reached.message:
            by_name.pod = False
            reason = (reached.message or node.trouble or "no answer in time").splitlines()[-1].strip().rstrip(".")
            proof.problems.append(
                f"a pod on node '{name}' does not reach {proof.place.host_from_cluster_network}: {reason}."
            )
        told["reached"] = reached.ran
        proof.nodes[name] = told
    proof.addresses = [by_host, by_name]
