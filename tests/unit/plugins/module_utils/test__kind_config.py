# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What kind is handed, made of what was declared."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils import _kind_config
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError


def test_generates_a_whole_configuration() -> None:
    made = _kind_config.configuration("dev", 2, "kindest/node:v1", {})
    assert made["kind"] == "Cluster"
    assert made["name"] == "dev"
    assert made["nodes"] == [
        {"role": "control-plane", "image": "kindest/node:v1"},
        {"role": "worker", "image": "kindest/node:v1"},
        {"role": "worker", "image": "kindest/node:v1"},
    ]


def test_sets_config_path_for_each_version_of_containerds_file() -> None:
    patches = _kind_config.configuration("dev", 0, None, {})["containerdConfigPatches"]
    assert [patch.splitlines()[0] for patch in patches] == ["version = 2", "version = 3", "version = 4"]
    assert all('config_path = "/etc/containerd/certs.d"' in patch for patch in patches)
    assert "io.containerd.grpc.v1.cri" in patches[0]
    assert "io.containerd.cri.v1.images" in patches[1]


def test_hands_an_older_kind_one_patch_that_names_no_version() -> None:
    (patch,) = _kind_config.configuration("dev", 0, None, {}, versioned=False)["containerdConfigPatches"]
    assert "version" not in patch
    assert "io.containerd.grpc.v1.cri" in patch


def test_merges_deeply_and_appends_lists_of_patches() -> None:
    given = {
        "networking": {"podSubnet": "10.20.0.0/16"},
        "featureGates": {"A": True},
        "containerdConfigPatches": ["[debug]"],
        "kubeadmConfigPatches": ["kind: InitConfiguration"],
    }
    made = _kind_config.configuration("dev", 0, None, given)
    assert made["networking"] == {"podSubnet": "10.20.0.0/16"}
    assert made["containerdConfigPatches"][:3] == _kind_config.containerd_patches()
    assert made["containerdConfigPatches"][3:] == ["[debug]"]
    assert made["kubeadmConfigPatches"] == ["kind: InitConfiguration"]
    assert given["containerdConfigPatches"] == ["[debug]"], "what was given is left alone"


def test_keeps_a_nodes_own_image_and_gives_the_others_ours() -> None:
    nodes = [{"role": "control-plane", "image": "own:1"}, {"role": "worker"}]
    made = _kind_config.configuration("dev", 0, "ours:1", {"nodes": nodes})
    assert [node["image"] for node in made["nodes"]] == ["own:1", "ours:1"]
    assert "image" not in nodes[1]


def test_the_part_that_containers_do_not_show() -> None:
    made = _kind_config.configuration(
        "dev", 1, "i:1", {"containerdConfigPatches": ["[debug]"], "featureGates": {"A": True}}
    )
    assert _kind_config.without_nodes(made) == {"containerdConfigPatches": ["[debug]"], "featureGates": {"A": True}}
    old = _kind_config.configuration("dev", 1, "i:1", {}, versioned=False)
    assert _kind_config.without_nodes(old) == {}, "another version of kind is no difference"


@pytest.mark.parametrize(
    "name",
    ["", " ", "Dev", "a b", "a;b", "$(id)", "a\n", "../a", "-a", "a-", ".", "ä", "a_b", "a" * 51],
)
def test_refuses_a_name(name: str) -> None:
    with pytest.raises(ExpectedError, match="name"):
        _kind_config.check_name(name)


@pytest.mark.parametrize("name", ["dev", "a", "foo-bar", "k8s.v1", "a" * 50])
def test_takes_a_name(name: str) -> None:
    _kind_config.check_name(name)


@pytest.mark.parametrize("image", [" ", "-x", "a b", "a;b", "$(id)", "a\n", "../a"])
def test_refuses_an_image(image: str) -> None:
    with pytest.raises(ExpectedError, match="image"):
        _kind_config.check_image(image)


@pytest.mark.parametrize(
    ("workers", "config", "told"),
    [
        (-1, {}, "workers is -1"),
        (1, {"nodes": [{"role": "control-plane"}]}, "workers is 1 and config has nodes"),
        (0, {"kind": "Pod"}, "config has kind: 'Pod'"),
        (0, {"apiVersion": "kind.x-k8s.io/v1alpha3"}, "apiVersion"),
        (0, {"name": "other"}, "config has name: 'other'"),
        (0, {"networking": []}, "config.networking"),
        (0, {"featureGates": "A=true"}, "config.featureGates"),
        (0, {"runtimeConfig": 1}, "config.runtimeConfig"),
        (0, {"containerdConfigPatches": "[debug]"}, "config.containerdConfigPatches"),
        (0, {"kubeadmConfigPatches": [{}]}, "config.kubeadmConfigPatches"),
        (0, {"kubeadmConfigPatchesJSON6902": ["x"]}, "list of dictionaries"),
        (0, {"containerdConfigPatches": ['[plugins."a".registry.mirrors."b"]']}, "legacy"),
        (0, {"containerdConfigPatches": ['[plugins."a".registry.configs."b".tls]']}, "legacy"),
        (0, {"nodes": {}}, "config.nodes has to be a list"),
        (0, {"nodes": ["worker"]}, "config.nodes has to be a list"),
        (0, {"nodes": [{"role": "worker"}]}, "no control-plane"),
        (0, {"nodes": [{"role": "master"}]}, r"config.nodes\[0\].role is 'master'"),
        (0, {"nodes": [{"image": "a b"}]}, "no image reference"),
        (0, {"nodes": [{"extraPortMappings": "80"}]}, "extraPortMappings has to be a list"),
        (0, {"nodes": [{"extraPortMappings": [{"hostPort": 80}]}]}, "containerPort: None"),
        (0, {"nodes": [{"extraPortMappings": [{"containerPort": 65536}]}]}, "containerPort: 65536"),
        (0, {"nodes": [{"extraPortMappings": [{"containerPort": 80, "hostPort": "80"}]}]}, "hostPort: '80'"),
        (0, {"nodes": [{"extraMounts": [{"hostPath": "/a"}]}]}, "containerPath"),
    ],
)
def test_refuses_what_kind_would_not_take(workers: int, config: dict[str, Any], told: str) -> None:
    with pytest.raises(ExpectedError, match=told):
        _kind_config.configuration("dev", workers, None, config)
