# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who holds a port, as far as it can be told without an Engine."""

from __future__ import annotations

import os
import socket
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils import _registry_port as ports


@pytest.mark.parametrize(
    ("one", "other", "collide"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "127.0.0.2", False),
        ("127.0.0.1", "0.0.0.0", True),
        ("0.0.0.0", "10.0.0.1", True),
        ("::", "127.0.0.1", True),
        ("::1", "127.0.0.1", False),
        ("0.0.0.0", "::1", False),
        ("::", "::1", True),
    ],
)
def test_overlap(one: str, other: str, collide: bool) -> None:
    assert ports.overlap(one, other) is collide
    assert ports.overlap(other, one) is collide


def test_addresses_of_the_kernel() -> None:
    # as a little-endian machine writes them
    assert ports.decode_address("00000000") == "0.0.0.0"
    assert ports.decode_address("00000000000000000000000000000000") == "::"
    if os.sys.byteorder == "little":  # type: ignore[attr-defined]
        assert ports.decode_address("0100007F") == "127.0.0.1"
        assert ports.decode_address("0000000000000000FFFF00000100007F") == "127.0.0.1"
        assert ports.decode_address("00000000000000000000000001000000") == "::1"


def engine(*containers: dict[str, Any]) -> Any:
    return SimpleNamespace(api=SimpleNamespace(base_url="http+docker://localhost", containers=lambda: list(containers)))


CONTAINER = {
    "Id": "1",
    "Names": ["/hub"],
    "Image": "registry:2",
    "Labels": {},
    "Ports": [{"IP": "127.0.0.1", "PrivatePort": 5000, "PublicPort": 5001, "Type": "tcp"}],
}


def test_container() -> None:
    found = ports.holder(engine(CONTAINER), "0.0.0.0", 5001)
    assert found == ports.Holder(container="hub", registry=True)
    assert "'hub'" in ports.explain(found, "0.0.0.0", 5001)
    assert "registry_name" in ports.explain(found, "0.0.0.0", 5001)
    assert ports.holder(engine(CONTAINER), "0.0.0.0", 5001, ours=["1"]) is None
    other = {**CONTAINER, "Image": "postgres:16"}
    assert ports.holder(engine(other), "127.0.0.1", 5001) == ports.Holder(container="hub")


def test_process() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        found = ports.holder(engine(), "127.0.0.1", port)
        assert found is not None
        assert found.pid == os.getpid()
        assert str(os.getpid()) in ports.explain(found, "127.0.0.1", port)
        assert ports.holder(engine(), "127.0.0.9", port) is None
        assert ports.holder(engine(), "127.0.0.1", port, local=False) is None
    assert ports.holder(engine(), "127.0.0.1", port) is None
