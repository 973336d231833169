# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A registry's container as the Engine would describe it, for tests of what is concluded from that."""

from __future__ import annotations

from ansible_collections.kubelocal.registry.plugins.module_utils import _registry_files as files
from ansible_collections.kubelocal.registry.plugins.module_utils._docker import File
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_observed import Observed


def observed(
    address: str = "127.0.0.1",
    status: str = "running",
    mode: str = "default",
    networks: tuple[str, ...] = ("bridge",),
    mount: tuple[str, str] | None = ("volume", "hub-data"),
    own: bytes | None = None,
) -> Observed:
    attrs = {
        "Id": "f" * 64,
        "Name": "/hub",
        "State": {"Status": status},
        "Config": {"Cmd": [f"{files.FOLDER}/{files.CONFIG}"] if own else []},
        "HostConfig": {"NetworkMode": mode},
        "Mounts": [{"Type": mount[0], "Name": mount[1], "Source": mount[1], "Destination": "/var/lib/registry"}]
        if mount
        else [],
        "NetworkSettings": {
            "Networks": {name: {} for name in networks},
            "Ports": {"5000/tcp": [{"HostIp": address, "HostPort": "5001"}]},
        },
    }
    return Observed(None, attrs, {}, own={files.CONFIG: File(own)} if own else {}, base=files.load(None))
