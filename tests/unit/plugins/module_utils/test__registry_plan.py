# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What counts as a difference, what a default may change, and how it is shown."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils import _registry_files as files
from ansible_collections.kubelocal.registry.plugins.module_utils import _registry_plan as plan
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_observed import Observed
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_spec import Spec, Upstream

ANONYMOUS = "a" * 64
IMAGE: dict[str, Any] = {
    "Id": "sha256:1",
    "Config": {"Cmd": ["/etc/distribution/config.yml"], "Env": ["PATH=/bin"], "Labels": {"of": "image"}},
}
ATTRS: dict[str, Any] = {
    "Id": "f" * 64,
    "Name": "/hub",
    "Image": "sha256:1",
    "State": {"Status": "running"},
    "Config": {
        "Image": "registry:3",
        "Cmd": ["/etc/distribution/config.yml"],
        "Env": ["PATH=/bin", "MINE=1"],
        "Labels": {"of": "image", "theirs": 'a "quoted" one'},
        "Hostname": "f" * 12,
    },
    "HostConfig": {
        "NetworkMode": "default",
        "RestartPolicy": {"Name": "always", "MaximumRetryCount": 0},
        "PortBindings": {"5000/tcp": [{"HostIp": "127.0.0.1", "HostPort": "5001"}]},
    },
    "Mounts": [
        {"Type": "volume", "Name": ANONYMOUS, "Destination": "/var/lib/registry", "RW": True},
        {"Type": "bind", "Source": "/certs", "Destination": "/certs", "RW": False, "Propagation": "rprivate"},
    ],
    "NetworkSettings": {
        "Networks": {
            "bridge": {},
            "kind": {"Aliases": ["hub", "f" * 12], "IPAMConfig": {"IPv4Address": "10.0.0.9"}, "NetworkID": "n"},
        },
        "Ports": {"5000/tcp": [{"HostIp": "127.0.0.1", "HostPort": "5001"}]},
    },
}


def observed(defaults: dict[str, Any] | None = None, notes: dict[str, Any] | None = None, **config: Any) -> Observed:
    attrs = copy.deepcopy(ATTRS)
    attrs["Config"].update(config)
    if defaults is not None:
        attrs["Config"]["Labels"]["kubelocal.registry.defaults"] = json.dumps(defaults)
    if notes is not None:
        attrs["Config"]["Labels"]["kubelocal.registry.declared"] = json.dumps(notes)
    return Observed(None, attrs, IMAGE, base=files.load(None))


def differing(spec: Spec, found: Observed, image: dict[str, Any] | None = None) -> list[str]:
    return [change.option for change in plan.changes(spec, found, plan.wanted(spec, found), image or {})]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (Spec("hub"), []),
        (Spec("hub", port=5001, listen_address="127.0.0.1", restart_policy="always"), []),
        (Spec("hub", image="docker.io/library/registry:3"), []),
        (Spec("hub", image="registry:2"), ["image"]),
        (Spec("hub", port=5002), ["port"]),
        (Spec("hub", port=0), ["port"]),
        (Spec("hub", listen_address="127.0.0.2"), ["listen_address"]),
        (Spec("hub", restart_policy="no"), ["restart_policy"]),
        (Spec("hub", networks=("kind",)), []),
        (Spec("hub", networks=("kind", "more")), ["networks"]),
        (Spec("hub", volume=ANONYMOUS), []),
        (Spec("hub", volume="hub-data"), ["volume"]),
        (Spec("hub", environment={"MINE": "1"}), []),
        (Spec("hub", environment={"MINE": "2"}), ["environment"]),
        (Spec("hub", labels={"theirs": 'a "quoted" one'}), []),
        (Spec("hub", labels={"other": "x"}), ["labels"]),
        (Spec("hub", config={"http": {"addr": ":5000"}}), []),
        (Spec("hub", config={"log": {"level": "debug"}}), ["config"]),
    ],
)
def test_changes(spec: Spec, expected: list[str]) -> None:
    assert differing(spec, observed()) == expected


def test_the_images_id_counts_more_than_its_name() -> None:
    assert differing(Spec("hub", image="registry:2"), observed(), {"Id": "sha256:1"}) == []
    assert differing(Spec("hub", image="registry:3"), observed(), {"Id": "sha256:2"}) == ["image"]


@pytest.mark.parametrize(
    ("defaults", "option", "value"),
    [
        (None, "port", 5001),
        ({"port": 5001}, "port", 5001),
        ({"image": "registry:3"}, "image", "docker.io/library/registry:3"),
        ({"restart_policy": "always"}, "restart_policy", "unless-stopped"),
        ({"restart_policy": "no"}, "restart_policy", "always"),
        (None, "restart_policy", "always"),
        (None, "volume", ANONYMOUS),
    ],
)
def test_a_default_changes_only_our_old_default(defaults: dict[str, Any] | None, option: str, value: Any) -> None:
    assert plan.wanted(Spec("hub"), observed(defaults))[option] == value


def test_what_we_declared_and_is_declared_no_more_goes() -> None:
    found = observed(notes={"environment": ["MINE"], "labels": ["theirs"]})
    assert differing(Spec("hub"), found) == ["environment", "labels"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"http": {"secret": "x", "addr": ":1"}}, {"http": {"secret": "********", "addr": ":1"}}),
        ({"tls": {"key": "/path"}}, {"tls": {"key": "/path"}}),
        ({"headers": {"Authorization": ["x"]}}, {"headers": {"Authorization": ["********"]}}),
        ({"s3": {"accesskey": "x", "secretkey": ""}}, {"s3": {"accesskey": "********", "secretkey": ""}}),
        # base64 may begin with a slash
        ({"s3": {"secretkey": "/aBc"}}, {"s3": {"secretkey": "********"}}),
        ({"gcs": {"keyfile": "/path"}}, {"gcs": {"keyfile": "/path"}}),
        ({"redis": {"password": 5, "tls": True}}, {"redis": {"password": "********", "tls": True}}),
        ({"token": {"realm": "https://r"}}, {"token": {"realm": "https://r"}}),
        ({"remoteurl": "https://me:pw@up/x"}, {"remoteurl": "https://********@up/x"}),
        (
            {"endpoints": [{"url": "https://pw@up", "name": "a@b"}]},
            {"endpoints": [{"url": "https://********@up", "name": "a@b"}]},
        ),
    ],
)
def test_mask(value: Any, shown: Any) -> None:
    assert plan.mask(value) == shown


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (None, []),
        ({"http": {"secret": "x", "addr": ":5000", "tls": {"key": "/path"}}}, ["x"]),
        ({"headers": {"Authorization": ["a", "b"]}}, ["a", "b"]),
        ({"redis": {"password": 5}}, ["5"]),
    ],
)
def test_covered(config: Any, expected: list[str]) -> None:
    assert plan.covered(config) == expected


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("", "-"),
        (None, "-"),
        ([], "-"),
        (["a", "b"], "a, b"),
        ({}, "-"),
        ({"b": 1, "a": 2, "c": {}}, "a=2, b=1"),
        (5001, "5001"),
        (0, "0"),
    ],
)
def test_a_change_in_words(value: Any, shown: str) -> None:
    assert str(plan.Change("option", value, "x")) == f"option: {shown} -> x"


def test_secrets_that_a_log_may_hold() -> None:
    spec = Spec(
        "hub",
        upstream=Upstream("https://up", "me", "s3cr3t-up"),
        users={"ada": "s3cr3t", "bob": "s3cr3t-bob"},
        config={"http": {"secret": "s3cr3t-http", "addr": ":5000"}},
    )
    # one that begins another comes after it
    assert plan.secrets(spec) == tuple(sorted(plan.secrets(spec), key=len, reverse=True))
    assert set(plan.secrets(spec)) == {"s3cr3t-up", "s3cr3t", "s3cr3t-bob", "s3cr3t-http"}
    assert plan.secrets(Spec("hub")) == ()
