# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a new container is asked for, and what it takes over from an old one."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils import _registry_body as body
from ansible_collections.kubelocal.registry.plugins.module_utils import _registry_files as files
from ansible_collections.kubelocal.registry.plugins.module_utils import _registry_plan as plan
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
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


def test_another_driver_leaves_no_image_behind() -> None:
    found = observed()
    found.attrs["Mounts"] = []
    made = make(Spec("hub", config={"storage": {"s3": {"bucket": "b"}}}), found)
    assert (made.move, made.volume) == (True, "hub-data")
    assert made.body["HostConfig"]["Binds"] == ["hub-data:/var/lib/registry"]
    kept = make(Spec("hub", config={"storage": {"s3": {"bucket": "b"}}}), observed())
    assert (kept.move, kept.volume) == (False, None)
    assert kept.body["HostConfig"]["Binds"][0] == f"{ANONYMOUS}:/var/lib/registry"


def test_a_part_of_a_volume_is_no_volume_of_its_own() -> None:
    found = observed()
    found.attrs["Mounts"][0]["Destination"] = "/var/lib"
    assert make(Spec("hub", port=5002), found).body["HostConfig"]["Binds"][0] == f"{ANONYMOUS}:/var/lib"
    with pytest.raises(ExpectedError, match="leave volume out"):
        make(Spec("hub", volume="other"), found)


@pytest.mark.parametrize(
    ("mount", "expected"),
    [
        ({"Type": "volume", "Name": "v", "RW": True}, "v:/d"),
        ({"Type": "volume", "Name": "v", "RW": False}, "v:/d:ro"),
        ({"Type": "volume", "Name": "v", "RW": True, "Mode": "z"}, "v:/d:z"),
        ({"Type": "bind", "Source": "/s", "RW": True, "Propagation": "rprivate"}, "/s:/d"),
        ({"Type": "bind", "Source": "/s", "RW": False, "Propagation": "rslave", "Mode": "Z"}, "/s:/d:Z,ro,rslave"),
        ({"Type": "tmpfs"}, None),
    ],
)
def test_mounts(mount: dict[str, Any], expected: str | None) -> None:
    found = observed()
    found.attrs["Mounts"] = [{**mount, "Destination": "/d"}]
    assert body._mounts(found) == ({"/d": expected} if expected else {})


@pytest.mark.parametrize(
    ("name", "endpoint", "expected"),
    [
        ("kind", {}, {}),
        ("kind", {"Aliases": None, "IPAMConfig": None, "IPAddress": "10.0.0.9"}, {}),
        ("kind", {"Aliases": ["hub", "abcdefabcdef"]}, {"Aliases": ["hub"]}),
        ("bridge", {"Aliases": ["hub"]}, {}),
        ("kind", {"IPAMConfig": {"IPv4Address": "10.0.0.9"}}, {"IPAMConfig": {"IPv4Address": "10.0.0.9"}}),
        ("kind", {"Links": ["a:b"], "DriverOpts": {"k": "v"}}, {"Links": ["a:b"], "DriverOpts": {"k": "v"}}),
    ],
)
def test_endpoint(name: str, endpoint: dict[str, Any], expected: dict[str, Any]) -> None:
    assert body._endpoint(name, endpoint, "abcdefabcdef" + "0" * 52) == expected


@pytest.mark.parametrize(
    ("mode", "networks", "port", "expected"),
    [
        ("default", {"bridge": {}}, 5001, ("bridge", [])),
        ("default", {"bridge": {}, "kind": {}}, 5001, ("bridge", ["kind"])),
        ("kind", {"kind": {}, "bridge": {}}, 5001, ("kind", ["bridge"])),
        ("kind", {"bridge": {}}, 5001, ("bridge", [])),  # the first one was removed
        ("host", {"host": {}}, 5000, ("host", [])),
        ("host", {"host": {}}, 5001, ("bridge", [])),  # no port can be published there
        ("none", {"none": {}}, 5001, ("none", [])),
        ("container:1", {}, 5001, ("container:1", [])),
    ],
)
def test_networks(mode: str, networks: dict[str, Any], port: int, expected: tuple[str, list[str]]) -> None:
    found = observed()
    found.attrs["HostConfig"]["NetworkMode"] = mode
    found.attrs["NetworkSettings"]["Networks"] = networks
    made = make(Spec("hub", port=port), found)
    assert (made.body["HostConfig"]["NetworkMode"], list(made.networks)) == expected


@pytest.mark.parametrize(
    ("variable", "overridden"),
    [
        ("REGISTRY_HTTP_ADDR", True),
        ("REGISTRY_HTTP_TLS_KEY", False),
        ("REGISTRY_LOG_LEVEL", False),
        ("OTHER_HTTP_ADDR", False),
    ],
)
def test_what_is_declared_wins_over_variables(variable: str, overridden: bool) -> None:
    assert body._overridden(variable, {"http": {"addr": ":5000"}}) is overridden


@pytest.mark.parametrize(
    ("variable", "other"),
    [
        ("REGISTRY_STORAGE", True),
        ("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", True),
        ("REGISTRY_STORAGE_INMEMORY", True),
        ("REGISTRY_STORAGE_S3_BUCKET", False),
        ("REGISTRY_STORAGE_DELETE_ENABLED", False),
        ("REGISTRY_HTTP_ADDR", False),
        ("STORAGE", False),
    ],
)
def test_variables_of_another_driver(variable: str, other: bool) -> None:
    assert body._of_another_driver(variable, ["s3"]) is other


def test_what_goes_with_the_old_one_is_not_asked_for_again() -> None:
    found = observed()
    found.attrs["HostConfig"].update(AutoRemove=True, VolumesFrom=["other"], Memory=5, Binds=["gone:/x"])
    host = make(Spec("hub", port=5002), found).body["HostConfig"]
    assert "AutoRemove" not in host
    assert "VolumesFrom" not in host
    assert host["Memory"] == 5
    assert "gone:/x" not in host["Binds"]
