# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the testbed tells playbooks (testbed.yml), and shells (testbed.env)."""

from __future__ import annotations

import json
import shlex
from typing import Any

from tests.testbed import images
from tests.testbed.places import CACHE, PROGRAMS


def write(needed: bool) -> None:
    """Write both files; they say nothing where images can be pulled."""
    CACHE.mkdir(parents=True, exist_ok=True)
    variables = _variables() if needed else {}
    # JSON is YAML
    (CACHE / "testbed.yml").write_text("# written by tests/testbed/prepare\n" + json.dumps(variables, indent=2) + "\n")
    lines = [f"export TESTBED={'on' if needed else 'off'}"]
    if needed:
        lines += [f"export PATH={shlex.quote(str(PROGRAMS))}:$PATH"]
    (CACHE / "testbed.env").write_text("# written by tests/testbed/prepare\n" + "\n".join(lines) + "\n")


def _variables() -> dict[str, Any]:
    tools = images.tools()
    return {
        "registry_image": images.REGISTRY.name,
        "busybox_image": images.BUSYBOX.name,
        "kind_node_image": images.NODE.name,
        "ssh_node_image": images.SSH_NODE.name,
        "debian_node_image": images.DEBIAN_NODE.name,
        "kind_config": {"featureGates": {"KubeletInUserNamespace": True}},
        "workstation_docker_source": "package",
        "workstation_kind_source": "path",
        "workstation_kind_path": str(tools["kind"]),
        "workstation_kubectl_source": "path",
        "workstation_kubectl_path": str(tools["kubectl"]),
    }
