# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The addresses in what the Engine tells about a registry's container."""

from __future__ import annotations

import os
import subprocess
import time
from typing import Any

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils import _proof_push
from ansible_collections.kubelocal.registry.plugins.module_utils._access import Access
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._proof_image import Image
from ansible_collections.kubelocal.registry.plugins.module_utils._proof_push import place_of


def inspected(ports: dict[str, Any], host_config: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "NetworkSettings": {"Ports": ports, "Networks": {"kind": {}, "bridge": {}}},
        "HostConfig": {"PortBindings": host_config or {}},
    }


@pytest.mark.parametrize(
    ("ports", "host", "inside"),
    [
        ({"5000/tcp": [{"HostIp": "127.0.0.1", "HostPort": "5001"}]}, "localhost:5001", "reg:5000"),
        ({"5000/tcp": [{"HostIp": "0.0.0.0", "HostPort": "5001"}]}, "localhost:5001", "reg:5000"),
        ({"5000/tcp": [{"HostIp": "192.0.2.7", "HostPort": "5001"}]}, "192.0.2.7:5001", "reg:5000"),
        ({"5000/tcp": None, "443/tcp": [{"HostIp": "", "HostPort": "8443"}]}, "localhost:8443", "reg:443"),
        ({"5000/tcp": None}, None, "reg:5000"),
        ({}, None, "reg:5000"),
    ],
)
def test_addresses(ports: dict[str, Any], host: str | None, inside: str) -> None:
    place = place_of("reg", inspected(ports))
    assert place.host == host
    assert place.host_from_cluster_network == inside
    assert place.networks == ("bridge", "kind")


def test_a_stopped_container_still_tells_what_it_publishes() -> None:
    bindings = {"5000/tcp": [{"HostIp": "127.0.0.1", "HostPort": "5001"}]}
    assert place_of("reg", inspected({}, bindings)).port == 5001


def test_only_what_proofs_left_behind_is_removed() -> None:
    now, own, here = int(time.time()), os.getpid(), _proof_push._machine()
    gone = subprocess.Popen(["true"])
    gone.wait()
    tags = {
        "1": False,
        f"fresh-{here}-{own}-{now:x}-0badcafe": False,
        f"fresh-{here}-{gone.pid}-{now:x}-0badcafe": True,
        f"fresh-00000000-{gone.pid}-{now:x}-0badcafe": False,
        f"fresh-00000000-{own}-{now - 1000:x}-0badcafe": True,
        "fresh-0badcafe": True,
    }
    assert {tag: _proof_push.is_left_behind(tag) for tag in tags} == tags


class Engine:
    """Its own ``api``: pushing answers one error after the other, then a digest."""

    def __init__(self, *errors: str) -> None:
        self.api = self
        self.errors = list(errors)
        self.tagged = 0
        self.refused = ""

    def tag(self, _image: str, _repository: str, _tag: str) -> None:
        self.tagged += 1

    def load_image(self, _archive: bytes) -> list[dict[str, Any]]:
        self.tagged += 1
        return [{"error": self.refused}] if self.refused else [{"stream": "Loaded image"}]

    def push(self, *_arguments: Any, **_options: Any) -> list[dict[str, Any]]:
        return [{"error": self.errors.pop(0)} if self.errors else {"aux": {"Digest": "sha256:1"}}]

    def remove_image(self, *_arguments: Any, **_options: Any) -> None:
        self.tagged -= 1


WHOLE = Image("sha256:1")
SMALL = Image("sha256:1", layer=b"layer", architecture="amd64")


@pytest.mark.parametrize("image", [WHOLE, SMALL])
def test_a_tag_that_another_proof_took_away_is_set_again(image: Image) -> None:
    place = place_of("reg", inspected({"5000/tcp": [{"HostIp": "127.0.0.1", "HostPort": "5001"}]}))
    lost = "tag does not exist: localhost:5001/kubelocal/proof:1"
    engine = Engine(lost, lost)
    assert _proof_push.push(engine, place, image, Access()) == "sha256:1"
    assert engine.tagged == 0
    with pytest.raises(ExpectedError, match="tag does not exist"):
        _proof_push.push(Engine(*[lost] * 9), place, image, Access())
    with pytest.raises(ExpectedError, match="received 500"):
        _proof_push.push(Engine("received 500"), place, image, Access())


def test_what_the_engine_does_not_load_is_told() -> None:
    place = place_of("reg", inspected({"5000/tcp": [{"HostIp": "127.0.0.1", "HostPort": "5001"}]}))
    engine = Engine()
    engine.refused = "no space left on device"
    with pytest.raises(ExpectedError, match="from the host failed: no space left on device;"):
        _proof_push.push(engine, place, SMALL, Access())
