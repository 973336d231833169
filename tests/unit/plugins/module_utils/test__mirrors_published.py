# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils import _mirrors_published as published
from ansible_collections.kubelocal.registry.plugins.module_utils import _mirrors_run as run
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._mirrors import parse, registry_item
from ansible_collections.kubelocal.registry.plugins.module_utils._mirrors_found import Found

PEM = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
OPTIONS: dict[str, Any] = {
    "address": "store.example",
    "prefix": "reg-",
    "listen_address": "0.0.0.0",
    "first_port": 5100,
    "certificate": PEM,
    "key": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    "ca": PEM,
    "users": {"team": "word"},
    "authorization": "Basic x",
}


class _Engine:
    """Has one container with a port."""

    api: Any = None

    def __init__(self, *ports: int) -> None:
        self.api = self
        self.ports = ports

    def containers(self, **_options: Any) -> list[dict[str, Any]]:
        return [{"Ports": [{"PrivatePort": 1, "PublicPort": port} for port in self.ports] + [{"PrivatePort": 2}]}]


class _Container:
    def __init__(self, port: int) -> None:
        self.attrs = {"HostConfig": {"PortBindings": {"5000/tcp": [{"HostIp": "", "HostPort": str(port)}]}}}


def _publish(**options: Any) -> published.Publish:
    found = published.parse({**OPTIONS, **options})
    assert found is not None
    return found


def test_an_existing_cache_keeps_its_port_and_a_new_one_gets_a_free_one() -> None:
    engine, mirrors = _Engine(5100, 5102), parse(["docker.io", "ghcr.io", "quay.io"])
    old = Found("quay.io", _Container(5101), "https://quay.io")
    placed = published.placed(engine, _publish(), mirrors, [old])
    assert {mirror.host: mirror.place.port for mirror in placed if mirror.place} == {
        "docker.io": 5103,
        "ghcr.io": 5104,
        "quay.io": 5101,
    }
    assert placed[0].name == "reg-mirror-docker-io"
    assert placed[0].volume_name == "reg-mirror-docker-io-data"
    # whatever the order of the list, and whatever is taken off it
    assert published.placed(engine, _publish(), mirrors[2:], [old])[0] == placed[2]


def test_nodes_are_told_of_the_port_with_authority_and_login() -> None:
    (mirror,) = published.placed(_Engine(), _publish(), parse(["docker.io"]), [])
    item = registry_item(mirror, "Basic x")
    assert item["server"] == "https://registry-1.docker.io"
    assert item["endpoints"] == [
        {
            "url": "https://store.example:5100",
            "capabilities": ["pull", "resolve"],
            "headers": {"Authorization": "Basic x"},
            "ca": PEM,
        }
    ]


def test_its_container_has_port_tls_and_users() -> None:
    (mirror,) = published.placed(_Engine(), _publish(), parse(["docker.io"]), [])
    wanted = run.Wanted([mirror], publish=_publish(listen_address="192.0.2.1"))
    users, new = run._users(mirror, None, wanted.publish)
    assert new is None
    spec = run.spec_of(mirror, wanted, users)
    assert (spec.port, spec.listen_address, spec.users, spec.role) == (
        5100,
        "192.0.2.1",
        {"team": "word"},
        "published-mirror",
    )
    assert spec.https is not None


def test_a_long_name_is_cut_and_stays_its_own() -> None:
    hosts = [f"{'x' * 50}.example:{port}" for port in (5000, 5001)]
    placed = published.placed(_Engine(), _publish(prefix="a-registry-"), parse(hosts), [])
    names = {mirror.name for mirror in placed}
    assert len(names) == 2
    assert all(len(name) <= 63 and name.startswith("a-registry-mirror-x") for name in names)


def test_caches_that_somebody_else_runs_have_no_port() -> None:
    mirrors = parse([{"host": "docker.io", "endpoint": "https://cache.example"}])
    assert published.placed(_Engine(), _publish(), mirrors, []) == mirrors


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"address": "http://store"}, "publish.address is 'http://store'"),
        ({"address": "a b"}, "publish.address is 'a b'"),
        ({"first_port": 0}, "publish.first_port is 0"),
        ({"first_port": 65536}, "publish.first_port is 65536"),
        ({"users": {}}, "publish.users is empty"),
        ({"certificate": "nothing"}, "publish.certificate 'nothing' is neither PEM text"),
    ],
)
def test_what_can_not_be_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ExpectedError, match=message):
        _publish(**options)


def test_no_port_left() -> None:
    with pytest.raises(ExpectedError, match="no port from there on is free"):
        published.placed(_Engine(65535), _publish(first_port=65535), parse(["docker.io"]), [])


def test_nothing_is_published_without_being_asked() -> None:
    assert published.parse(None) is None
