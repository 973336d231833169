# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What counts as a difference, what a default may change, and what a new container takes over from an old one."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils import _registry_body as body
from ansible_collections.kubelocal.registry.plugins.module_utils import _registry_files as files
from ansible_collections.kubelocal.registry.plugins.module_utils import _registry_plan as plan
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_observed import Observed
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_spec import Spec

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


def make(spec: Spec, found: Observed | None) -> body.Making:
    image = body.Image(IMAGE, files.load(None))
    return body.make(spec, plan.wanted(spec, found), image, found)


def test_a_new_one() -> None:
    made = make(Spec("hub", networks=("kind",)), None)
    host = made.body["HostConfig"]
    assert host["Binds"] == ["hub-data:/var/lib/registry"]
    assert host["PortBindings"] == {"5000/tcp": [{"HostIp": "127.0.0.1", "HostPort": "5001"}]}
    assert (host["NetworkMode"], list(made.networks)) == ("bridge", ["kind"])
    assert made.volume == "hub-data"
    assert not made.files
    assert "Cmd" not in made.body


def test_one_in_place_of_another() -> None:
    made = make(Spec("hub", port=5002), observed())
    host = made.body["HostConfig"]
    assert host["Binds"] == [f"{ANONYMOUS}:/var/lib/registry", "/certs:/certs:ro"]
    assert host["PortBindings"]["5000/tcp"] == [{"HostIp": "127.0.0.1", "HostPort": "5002"}]
    assert host["RestartPolicy"]["Name"] == "always"
    assert made.networks == {"kind": {"Aliases": ["hub"], "IPAMConfig": {"IPv4Address": "10.0.0.9"}}}
    assert made.body["Env"] == ["MINE=1"]
    assert made.body["Labels"]["theirs"] == 'a "quoted" one'
    assert "of" not in made.body["Labels"]
    assert json.loads(made.body["Labels"]["kubelocal.registry.defaults"]) == {}
    assert "Hostname" not in made.body
    assert not made.move


def test_images_in_the_container_itself_are_moved() -> None:
    found = observed()
    found.attrs["Mounts"] = []
    made = make(Spec("hub", port=5002), found)
    assert made.move
    assert made.body["HostConfig"]["Binds"] == ["hub-data:/var/lib/registry"]


def test_an_image_that_looks_elsewhere_is_told_where_they_are() -> None:
    base = files.merge(files.load(None), {"storage": {"filesystem": {"rootdirectory": "/elsewhere"}}})
    found = observed()
    spec = Spec("hub", image="other")
    made = body.make(spec, plan.wanted(spec, found), body.Image(IMAGE, base), found)
    assert f"{body.ROOT_VARIABLE}=/var/lib/registry" in made.body["Env"]
    assert made.body["HostConfig"]["Binds"][0] == f"{ANONYMOUS}:/var/lib/registry"


def test_secrets_are_files_only() -> None:
    made = make(Spec("hub", users={"ada": "s3cr3t"}, config={"http": {"secret": "s3cr3t"}}), observed())
    assert "s3cr3t" not in json.dumps(made.body)
    assert made.body["Cmd"] == [f"{files.FOLDER}/{files.CONFIG}"]
    assert made.files


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"http": {"secret": "x", "addr": ":1"}}, {"http": {"secret": "********", "addr": ":1"}}),
        ({"tls": {"key": "/path"}}, {"tls": {"key": "/path"}}),
        ({"headers": {"Authorization": ["x"]}}, {"headers": {"Authorization": ["********"]}}),
        ({"s3": {"accesskey": "x", "secretkey": ""}}, {"s3": {"accesskey": "********", "secretkey": ""}}),
    ],
)
def test_mask(value: Any, shown: Any) -> None:
    assert plan.mask(value) == shown
