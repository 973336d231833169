# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A registry container as the Engine describes it: what it is, where its images lie, where it listens."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils import _registry_files as files
from ansible_collections.kubelocal.registry.plugins.module_utils import _registry_observed as seen
from ansible_collections.kubelocal.registry.plugins.module_utils._docker import File

ANONYMOUS = "a" * 64


def observed(
    config: dict[str, Any] | None = None,
    host: dict[str, Any] | None = None,
    network: dict[str, Any] | None = None,
    mounts: list[dict[str, Any]] | None = None,
    **more: Any,
) -> seen.Observed:
    attrs = {
        "Id": "f" * 64,
        "Name": "/hub",
        "Image": "sha256:1",
        "State": {"Status": "running"},
        "Config": config or {},
        "HostConfig": host or {},
        "NetworkSettings": network or {},
        "Mounts": mounts or [],
    }
    return seen.Observed(None, attrs, {}, **{"base": files.load(None), **more})


def volume(name: str, destination: str) -> dict[str, Any]:
    return {"Type": "volume", "Name": name, "Destination": destination}


@pytest.mark.parametrize(
    ("command", "path"),
    [
        ([], None),
        (["serve"], None),
        (["/etc/distribution/config.yml"], "/etc/distribution/config.yml"),
        (["registry", "serve", "/a.yaml"], "/a.yaml"),
        (["/a.yml", "/b.yml"], "/b.yml"),
    ],
)
def test_config_path(command: list[str], path: str | None) -> None:
    assert seen.config_path(command) == path


@pytest.mark.parametrize(
    ("mounts", "expected"),
    [
        ([], seen.Data("layer", folder="/var/lib/registry")),
        (
            [volume("v", "/var/lib/registry")],
            seen.Data("volume", "v", "/var/lib/registry", "/var/lib/registry"),
        ),
        ([volume("v", "/var/lib/registry/")], seen.Data("volume", "v", "/var/lib/registry", "/var/lib/registry")),
        # a part of what is mounted; the nearest mount counts, in whatever order
        ([volume("v", "/var/lib")], seen.Data("volume", "v", "/var/lib", "/var/lib/registry")),
        (
            [volume("near", "/var/lib/registry"), volume("far", "/var")],
            seen.Data("volume", "near", "/var/lib/registry", "/var/lib/registry"),
        ),
        (
            [volume("far", "/var"), volume("near", "/var/lib/registry")],
            seen.Data("volume", "near", "/var/lib/registry", "/var/lib/registry"),
        ),
        ([volume("v", "/var/lib/reg")], seen.Data("layer", folder="/var/lib/registry")),
        ([volume("v", "/var/lib/registry/docker")], seen.Data("layer", folder="/var/lib/registry")),
        ([volume("v", "/")], seen.Data("volume", "v", "/", "/var/lib/registry")),
        (
            [{"Type": "bind", "Source": "/host", "Destination": "/var/lib/registry"}],
            seen.Data("bind", "/host", "/var/lib/registry", "/var/lib/registry"),
        ),
        (
            [{"Type": "tmpfs", "Source": "", "Destination": "/var/lib/registry"}],
            seen.Data("tmpfs", "", "/var/lib/registry", "/var/lib/registry"),
        ),
    ],
)
def test_locate(mounts: list[dict[str, Any]], expected: seen.Data) -> None:
    assert seen.locate("/var/lib/registry", mounts) == expected


@pytest.mark.parametrize(
    ("environment", "host", "mounts", "kind"),
    [
        ([], {}, [], "layer"),
        ([], {"Tmpfs": {"/var/lib/registry": ""}}, [], "tmpfs"),
        ([], {"Tmpfs": {"/tmp": ""}}, [volume("v", "/var/lib/registry")], "volume"),
        (["REGISTRY_STORAGE=inmemory"], {}, [volume("v", "/var/lib/registry")], "memory"),
        (["REGISTRY_STORAGE=s3"], {}, [volume("v", "/var/lib/registry")], "elsewhere"),
        (["REGISTRY_STORAGE=filesystem"], {}, [volume("v", "/var/lib/registry")], "volume"),
        (["REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY=/x"], {}, [volume("v", "/var/lib/registry")], "layer"),
        (["REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY=/x"], {}, [volume("v", "/x")], "volume"),
    ],
)
def test_data(environment: list[str], host: dict[str, Any], mounts: list[dict[str, Any]], kind: str) -> None:
    assert observed({"Env": environment}, host, mounts=mounts).data.kind == kind


@pytest.mark.parametrize(("name", "anonymous"), [(ANONYMOUS, True), ("hub-data", False), ("a" * 63, False)])
def test_anonymous(name: str, anonymous: bool) -> None:
    assert seen.Data("volume", name).anonymous is anonymous
    assert not seen.Data("bind", name).anonymous


def bound(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"HostIp": address, "HostPort": port} for address, port in pairs]


@pytest.mark.parametrize(
    ("host", "network", "expected"),
    [
        ({}, {}, []),
        ({"NetworkMode": "host"}, {}, [("0.0.0.0", 5000)]),
        ({}, {"Ports": {"5000/tcp": bound(("127.0.0.1", "5001"))}}, [("127.0.0.1", 5001)]),
        # stopped: as it would be; the Engine's own choice of a port has no number then
        ({"PortBindings": {"5000/tcp": bound(("127.0.0.1", "5001"))}}, {"Ports": {}}, [("127.0.0.1", 5001)]),
        ({"PortBindings": {"5000/tcp": bound(("", ""))}}, {"Ports": {}}, [("0.0.0.0", 0)]),
        # what runs counts more than what was asked for
        (
            {"PortBindings": {"5000/tcp": bound(("", "0"))}},
            {"Ports": {"5000/tcp": bound(("0.0.0.0", "32768"), ("::", "32768"))}},
            [("0.0.0.0", 32768), ("::", 32768)],
        ),
        ({}, {"Ports": {"5001/tcp": bound(("127.0.0.1", "5001")), "5000/tcp": None}}, []),
    ],
)
def test_bindings(host: dict[str, Any], network: dict[str, Any], expected: list[tuple[str, int]]) -> None:
    found = observed(host=host, network=network)
    assert found.bindings == expected
    assert (found.listen_address, found.port) == (expected[0] if expected else ("", 0))


def test_the_port_inside_follows_the_configuration() -> None:
    network = {"Ports": {"80/tcp": bound(("127.0.0.1", "5001"))}}
    assert observed({"Env": ["REGISTRY_HTTP_ADDR=:80"]}, network=network).port == 5001
    own = {files.CONFIG: File(b"http: {addr: ':80', tls: {certificate: /c}}\nauth: {htpasswd: {}}\n")}
    found = observed(network=network, own=own)
    assert (found.port, found.https, found.users) == (5001, True, True)


@pytest.mark.parametrize(
    ("image", "labels", "ports", "environment", "expected"),
    [
        ("registry:2", {}, [], {}, True),
        ("docker.io/library/registry:3@sha256:1", {}, [], {}, True),
        ("mirror.example:5000/team/registry", {}, [], {}, True),
        ("ghcr.io/distribution/distribution:3", {}, [], {}, True),
        ("k3d-registry", {}, [], {}, True),
        ("sha256:1", {"dev.tilt.ctlptl.role": "registry"}, [], {}, True),
        ("sha256:1", {"k3d.role": "registry"}, [], {}, True),
        ("sha256:1", {"kubelocal.registry.managed": "true"}, [], {}, True),
        ("sha256:1", {}, ["5000/tcp"], {"REGISTRY_HTTP_ADDR": ":5000"}, True),
        ("sha256:1", {}, ["5000/tcp"], {}, False),
        ("postgres:16", {"k3d.role": "server"}, [], {}, False),
        ("registry.example/postgres:16", {}, ["5432/tcp"], {}, False),
        ("", {}, [], {}, False),
    ],
)
def test_is_registry(
    image: str, labels: dict[str, str], ports: list[str], environment: dict[str, str], expected: bool
) -> None:
    assert seen.is_registry(image, labels, ports, environment) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [(None, {}), ("", {}), ("{", {}), ("[1]", {}), ('{"port": 5001}', {"port": 5001})],
)
def test_labels_of_ours_that_somebody_broke(text: str | None, expected: dict[str, Any]) -> None:
    labels = {} if text is None else {"kubelocal.registry.defaults": text, "kubelocal.registry.declared": text}
    found = observed({"Labels": labels})
    assert found.defaults == expected
    assert found.notes == expected


def test_to_dict() -> None:
    assert seen.to_dict(["A=1", "B=x=y", "C=", "D"]) == {"A": "1", "B": "x=y", "C": "", "D": ""}


@pytest.mark.parametrize(
    ("labels", "tag", "expected"),
    [
        ({"org.opencontainers.image.version": "v3.0.0"}, "registry:3", "3.0.0"),
        ({"org.opencontainers.image.version": "edge"}, "registry:2.8.3", "2.8.3"),
        ({}, "host:5000/registry:3.1.2-rc.1", "3.1.2-rc.1"),
        ({}, "registry:3", None),
    ],
)
def test_version(labels: dict[str, str], tag: str, expected: str | None) -> None:
    found = observed({"Image": tag})
    found.image = {"Config": {"Labels": labels}}
    found.attrs["State"]["Status"] = "exited"  # so that the program itself can't be asked
    assert seen.program_version(found) == expected
