# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run on a registry decides before it does anything, and what it foretells."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils import _registry_container as registry
from ansible_collections.kubelocal.registry.plugins.module_utils import _registry_files as files
from ansible_collections.kubelocal.registry.plugins.module_utils import _registry_plan as plan
from ansible_collections.kubelocal.registry.plugins.module_utils._docker import File
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_observed import Data, Observed
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_spec import Https, Spec, Upstream


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


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.1", "localhost:5001"),
        ("0.0.0.0", "localhost:5001"),
        ("::", "localhost:5001"),
        ("::1", "localhost:5001"),
        ("127.0.0.2", "127.0.0.2:5001"),
        ("10.0.0.1", "10.0.0.1:5001"),
        ("fd00::1", "[fd00::1]:5001"),
    ],
)
def test_host(address: str, expected: str) -> None:
    assert registry.host_of(address, 5001) == expected


@pytest.mark.parametrize(
    ("found", "address", "port", "holds"),
    [
        (observed(), "127.0.0.1", 5001, True),
        (observed(status="paused"), "127.0.0.1", 5001, True),
        (observed(status="exited"), "127.0.0.1", 5001, False),
        (observed(), "127.0.0.1", 5002, False),
        (observed(), "0.0.0.0", 5001, False),
    ],
)
def test_holds(found: Observed, address: str, port: int, holds: bool) -> None:
    assert registry._holds(found, {"listen_address": address, "port": port}) is holds


@pytest.mark.parametrize(
    ("mount", "volume", "moves"),
    [
        (("volume", "hub-data"), None, False),
        (("volume", "hub-data"), "hub-data", False),
        (("volume", "hub-data"), "other", True),
        (("bind", "/host"), None, False),
        (("bind", "/host"), "other", True),
        (None, None, True),
    ],
)
def test_moves(mount: tuple[str, str] | None, volume: str | None, moves: bool) -> None:
    assert registry._moves(Spec("hub", volume=volume), observed(mount=mount)) is moves


@pytest.mark.parametrize(
    ("data", "lies"),
    [
        (Data("volume", "v", "/r", "/r"), True),
        (Data("volume", "other", "/r", "/r"), False),
        (Data("volume", "v", "/r", "/r/part"), False),
    ],
)
def test_lies_in(data: Data, lies: bool) -> None:
    assert registry._lies_in(data, "v") is lies


@pytest.mark.parametrize(
    ("mode", "networks", "cut", "home"),
    [
        ("default", ("bridge",), False, "bridge"),
        ("default", (), True, "bridge"),
        ("kind", (), True, "kind"),
        ("host", (), False, "host"),
        ("none", (), False, "none"),
        ("container:1", (), False, "container:1"),
    ],
)
def test_cut_off(mode: str, networks: tuple[str, ...], cut: bool, home: str) -> None:
    found = observed(mode=mode, networks=networks)
    assert (registry._cut_off(found), registry._home(found)) == (cut, home)


GUARDED = b"version: 0.1\nauth: {htpasswd: {realm: x}}\n"


@pytest.mark.parametrize(
    ("spec", "found", "refused"),
    [
        (Spec("hub"), observed("0.0.0.0", own=GUARDED), True),
        (Spec("hub", insecure=True), observed("0.0.0.0", own=GUARDED), False),
        (Spec("hub", port=0), observed("0.0.0.0", own=GUARDED), False),
        (Spec("hub", users={"ada": "x"}), observed("0.0.0.0", own=GUARDED), False),
        (Spec("hub", https=Https("c", "k")), observed("0.0.0.0", own=GUARDED), False),
        (Spec("hub"), observed("127.0.0.1", own=GUARDED), False),
        # as somebody else made it: taken as it is
        (Spec("hub"), observed("0.0.0.0"), False),
    ],
)
def test_taking_the_guard_away(spec: Spec, found: Observed, refused: bool) -> None:
    values = plan.wanted(spec, found)
    if not refused:
        registry._check_exposure(spec, found, values)
        return
    with pytest.raises(ExpectedError, match=r"would be open on 0\.0\.0\.0"):
        registry._check_exposure(spec, found, values)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (Spec("hub", port=5002), {"port": 5002, "host": "localhost:5002"}),
        (Spec("hub", port=0), {"port": 0, "host": None}),
        (Spec("hub", listen_address="127.0.0.2"), {"listen_address": "127.0.0.2", "host": "127.0.0.2:5001"}),
        (Spec("hub", networks=("kind",)), {"networks": ["bridge", "kind"]}),
        (Spec("hub", users={"ada": "x"}), {"users": True}),
        (Spec("hub", https=Https("c", "k")), {"https": True}),
        (Spec("hub", restart_policy="always"), {"restart_policy": "always"}),
    ],
)
def test_foretold(spec: Spec, expected: dict[str, Any]) -> None:
    found = observed()
    if spec.users or spec.https:
        changes = [plan.Change("users" if spec.users else "https", None, None)]
    else:
        changes = plan.changes(spec, found, plan.wanted(spec, found), {})
    assert registry._predicted(spec, plan.wanted(spec, found), found, changes).items() >= expected.items()


def test_secrets_that_a_log_may_hold() -> None:
    spec = Spec(
        "hub",
        upstream=Upstream("https://up", "me", "s3cr3t-up"),
        users={"ada": "s3cr3t", "bob": "s3cr3t-bob"},
        config={"http": {"secret": "s3cr3t-http", "addr": ":5000"}},
    )
    # one that begins another comes after it
    assert registry._secrets(spec) == tuple(sorted(registry._secrets(spec), key=len, reverse=True))
    assert set(registry._secrets(spec)) == {"s3cr3t-up", "s3cr3t", "s3cr3t-bob", "s3cr3t-http"}
    assert registry._secrets(Spec("hub")) == ()
