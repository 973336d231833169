# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: kind's Cluster configuration, made of what was declared."""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._merge import merge

if TYPE_CHECKING:
    from collections.abc import Mapping

API_VERSION = "kind.x-k8s.io/v1alpha4"
CERTS_D = "/etc/containerd/certs.d"
ROLES = ("control-plane", "worker")
NAME_MAX = 50  # kind's own limit, since '-control-plane' has to fit into a host name too

_NAME = re.compile(r"[a-z0-9.-]+\Z")
_IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@-]*\Z")
# The table's name in each version of containerd's configuration file.
_REGISTRY_TABLES = {
    2: 'plugins."io.containerd.grpc.v1.cri".registry',
    3: 'plugins."io.containerd.cri.v1.images".registry',
    4: 'plugins."io.containerd.cri.v1.images".registry',
}
_PATCHES = (
    "containerdConfigPatches",
    "containerdConfigPatchesJSON6902",
    "kubeadmConfigPatches",
    "kubeadmConfigPatchesJSON6902",
)
_MAPPINGS = ("networking", "featureGates", "runtimeConfig")
_LEGACY = re.compile(r"registry[\"']?\s*\.\s*[\"']?(mirrors|configs)\b")


def check_name(name: str) -> None:
    """ExpectedError when kind would not take this name for a cluster."""
    if not _NAME.match(name):
        raise ExpectedError(
            f"{name!r} is no name for a kind cluster; set name to lower case letters, digits, '-' and '.' only."
        )
    if not name[0].isalnum() or not name[-1].isalnum() or len(name) > NAME_MAX:
        raise ExpectedError(
            f"{name!r} can't be the name of a kind cluster, since its nodes' host names are made of it; "
            f"set name to at most {NAME_MAX} characters that begin and end with a letter or digit."
        )


def check_image(image: str | None) -> None:
    if image and not _IMAGE.match(image):
        raise ExpectedError(f"{image!r} is no image; set image to a reference such as kindest/node:v1.34.0.")


def configuration(
    name: str, workers: int, image: str | None, given: Mapping[str, Any], versioned: bool = True
) -> dict[str, Any]:
    """What kind is handed: the generated configuration with ``given`` merged into it, lists of patches appended.

    ``versioned`` tells whether this kind applies a containerd patch that names a version to that version's file only (since 0.32);
    an older one is handed the one patch that its node images understand.
    """
    _check(name, workers, given)
    nodes = copy.deepcopy(list(given.get("nodes") or []))
    if not nodes:
        nodes = [{"role": "control-plane"}] + [{"role": "worker"} for _number in range(workers)]
    for node in nodes:
        node.setdefault("role", "control-plane")
        if image and not node.get("image"):
            node["image"] = image
    generated: dict[str, Any] = {
        "kind": "Cluster",
        "apiVersion": API_VERSION,
        "name": name,
        "containerdConfigPatches": containerd_patches(versioned),
    }
    merged = merge(generated, {key: value for key, value in given.items() if key != "nodes" and value is not None})
    merged["nodes"] = nodes
    return merged


def containerd_patches(versioned: bool = True) -> list[str]:
    """Sets containerd's ``config_path``, so that hosts.toml files work without a restart."""
    if not versioned:
        return [_patch(_REGISTRY_TABLES[2])]
    return [f"version = {version}\n{_patch(table)}" for version, table in _REGISTRY_TABLES.items()]


def without_nodes(whole: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a configuration that can't be read from the nodes' containers, without what we add ourselves."""
    ours = {*containerd_patches(True), *containerd_patches(False)}
    rest = {key: value for key, value in whole.items() if key not in ("kind", "apiVersion", "name", "nodes")}
    patches = [patch for patch in rest.pop("containerdConfigPatches", None) or [] if patch not in ours]
    if patches:
        rest["containerdConfigPatches"] = patches
    return rest


def _patch(table: str) -> str:
    return f'[{table}]\n  config_path = "{CERTS_D}"\n'


def _check(name: str, workers: int, given: Mapping[str, Any]) -> None:
    if workers < 0:
        raise ExpectedError(f"workers is {workers}; set it to 0 or more.")
    for key, right in (("kind", "Cluster"), ("apiVersion", API_VERSION), ("name", name)):
        if given.get(key) not in (None, right):
            raise ExpectedError(f"config has {key}: {given[key]!r}; leave it out or set it to {right!r}.")
    for key in _MAPPINGS:
        if given.get(key) is not None and not isinstance(given[key], dict):
            raise ExpectedError(f"config.{key} is {given[key]!r}; set it to a dictionary.")
    for key in _PATCHES:
        _check_patches(f"config.{key}", given.get(key), mappings=key == "kubeadmConfigPatchesJSON6902")
    nodes = given.get("nodes")
    if nodes is None:
        return
    if not isinstance(nodes, list) or not all(isinstance(node, dict) for node in nodes):
        raise ExpectedError("config.nodes has to be a list of dictionaries, such as {role: worker}.")
    if nodes and workers:
        raise ExpectedError(f"workers is {workers} and config has nodes; use one of the two.")
    for number, node in enumerate(nodes):
        role = node.get("role", "control-plane")
        if role not in ROLES:
            raise ExpectedError(f"config.nodes[{number}].role is {role!r}; use one of: {', '.join(ROLES)}.")
        for key in ("extraPortMappings", "extraMounts"):
            entries = node.get(key)
            if entries is not None and not (
                isinstance(entries, list) and all(isinstance(entry, dict) for entry in entries)
            ):
                raise ExpectedError(f"config.nodes[{number}].{key} has to be a list of dictionaries.")
        for mapping in node.get("extraPortMappings") or []:
            _check_ports(number, mapping)
        for mount in node.get("extraMounts") or []:
            for key in ("hostPath", "containerPath"):
                if not isinstance(mount.get(key), str) or not mount[key]:
                    raise ExpectedError(f"config.nodes[{number}].extraMounts needs a {key} (a path) in each entry.")
        image = node.get("image")
        if image is not None and not (isinstance(image, str) and _IMAGE.match(image)):
            raise ExpectedError(f"config.nodes[{number}].image is {image!r}, which is no image reference.")
    if nodes and not any(node.get("role", "control-plane") == "control-plane" for node in nodes):
        raise ExpectedError("config.nodes has no control-plane; add {role: control-plane}.")


def _check_patches(where: str, patches: Any, mappings: bool) -> None:
    if patches is None:
        return
    kind: type = dict if mappings else str
    if not isinstance(patches, list) or not all(isinstance(patch, kind) for patch in patches):
        raise ExpectedError(f"{where} has to be a list of {'dictionaries' if mappings else 'texts'}.")
    for patch in patches if where.endswith("containerdConfigPatches") else []:
        if _LEGACY.search(patch):
            raise ExpectedError(
                f"{where} uses containerd's legacy registry.mirrors or registry.configs, which exclude hosts.toml files; "
                "leave them out and declare the registry with the roles registry and mirrors."
            )


def _check_ports(number: int, mapping: Mapping[str, Any]) -> None:
    for key, lowest in (("containerPort", 1), ("hostPort", -1)):
        value = mapping.get(key, 0 if key == "hostPort" else None)
        if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= 65535:
            raise ExpectedError(
                f"config.nodes[{number}].extraPortMappings has {key}: {value!r}; set it to a port number, 1 to 65535."
            )
