# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the testbed offers to tests: images, programs, and variables for playbooks."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]

# what tests use where nothing was prepared and images can be pulled
_PUBLIC = {
    "registry_image": "docker.io/library/registry:3",
    "busybox_image": "docker.io/library/busybox:1",
    "kind_node_image": "",
}
# what tests use where 'tests/testbed/prepare' has not told anything
_UNPREPARED = {
    "registry_image": "testbed/registry:3.1.2",
    "busybox_image": "testbed/busybox:1",
    "kind_node_image": "testbed/kind-node:v1.34.4",
    "kind_config": {"featureGates": {"KubeletInUserNamespace": True}},
}
# in the file for the testbed's own use, no variable of a playbook
_OURS = ("busybox_image", "ssh_node_image", "debian_node_image")


@dataclass(frozen=True)
class Testbed:
    """Images by name, programs by path; ``variables`` is what playbooks are handed with -e."""

    registry_image: str
    busybox_image: str
    node_image: str  # "" is kind's own default
    kind: str
    kubectl: str
    variables: dict[str, Any] = field(default_factory=dict)

    __test__ = False  # no class of tests


def cache() -> Path:
    """Where 'tests/testbed/prepare' keeps what it makes."""
    return Path(os.environ.get("KUBELOCAL_CACHE") or Path.home() / ".cache" / "kubelocal")


def load() -> Testbed:
    """What was prepared; environment variables KUBELOCAL_TEST_REGISTRY_IMAGE and the like come before it."""
    file = cache() / "testbed.yml"
    told: dict[str, Any] = (yaml.safe_load(file.read_text()) or {}) if file.exists() else dict(_UNPREPARED)
    images = {
        name: os.environ.get(f"KUBELOCAL_TEST_{name.upper()}") or told.get(name) or public
        for name, public in _PUBLIC.items()
    }
    variables = {
        name: value for name, value in told.items() if name not in _OURS and not name.startswith("workstation_")
    }
    variables.update({name: image for name, image in images.items() if image and name not in _OURS and name in told})
    return Testbed(
        registry_image=images["registry_image"],
        busybox_image=images["busybox_image"],
        node_image=images["kind_node_image"],
        kind=_program("kind"),
        kubectl=_program("kubectl"),
        variables=variables,
    )


def _program(name: str) -> str:
    prepared = cache() / "bin" / name
    return shutil.which(name) or (str(prepared) if prepared.exists() else name)
