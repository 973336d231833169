# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import itertools
from typing import Any

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils import _hosts_toml
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._mirrors import (
    container_name,
    hidden,
    items_of,
    parse,
    registry_item,
)

PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
CACHE = {"capabilities": ["pull", "resolve"]}


def test_names_never_collide() -> None:
    pieces = ["a", "b", ".", "-", ":5000", "foo-bar", "foo"]
    hosts = {"".join(some) for length in range(1, 5) for some in itertools.product(pieces, repeat=length)}
    # in a host, a label neither begins nor ends with a dash and no mark follows another
    hosts = {
        host
        for host in hosts
        if host[0] not in ".-:" and host[-1] not in ".-" and not any(x + y in host for x in ".-:" for y in ".-:")
    }
    assert len({container_name(host) for host in hosts}) == len(hosts) > 100


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("docker.io", "mirror-docker-io"),
        ("registry.k8s.io", "mirror-registry-k8s-io"),
        ("foo", "mirror-foo"),
        ("foo-bar", "mirror-foo--bar"),
        ("foo.bar", "mirror-foo-bar"),
        ("up:5000", "mirror-up---5000"),
        ("_default", "mirror-default"),
    ],
)
def test_container_name(host: str, name: str) -> None:
    assert container_name(host) == name


def test_a_long_name_stays_a_label_of_dns() -> None:
    first, second = ("a" * 60 + ".example." + end for end in ("one", "two"))
    assert len(container_name(first)) <= 63
    assert container_name(first) != container_name(second)


def test_order_does_not_matter() -> None:
    assert parse(["quay.io", "docker.io"]) == parse(["docker.io", {"host": "quay.io"}])


def test_defaults() -> None:
    (mirror,) = parse(["docker.io"])
    assert (mirror.upstream, mirror.ttl, mirror.volume_name) == (
        "https://registry-1.docker.io",
        "0",
        "mirror-docker-io-data",
    )
    assert not mirror.closed


@pytest.mark.parametrize(
    ("ttl", "text"),
    [(None, "0"), (0, "0"), ("0", "0"), ("0s", "0"), (3600, "3600s"), ("60", "60s"), ("1h30m", "1h30m")],
)
def test_ttl(ttl: Any, text: str) -> None:
    assert parse([{"host": "docker.io", "ttl": ttl}])[0].ttl == text


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"host": "docker.io"}, "must be a list"),
        ([3], r"mirrors\[0\] is '3'"),
        ([{}], "no 'host'"),
        ([{"host": ""}], "no 'host'"),
        ([{"host": "docker.io", "usrname": "me"}], "unknown key 'usrname'; did you mean 'username'"),
        (["docker.io", "docker.io"], "'docker.io' twice"),
        ([{"host": "a.io", "volume": "vol"}, {"host": "b.io", "volume": "vol"}], "volume 'vol' twice"),
        ([{"host": "docker.io", "username": "me"}], "'username' without 'password'"),
        ([{"host": "docker.io", "password": "hush"}], "'password' without 'username'"),
        ([{"host": "docker.io", "username": "me", "password": " "}], "password is empty"),
        ([{"host": "docker.io", "username": "a:b", "password": "hush"}], "can't hold ':'"),
        ([{"host": "docker.io", "username": "me", "password": "hush\nx"}], "control characters"),
        ([{"host": "docker.io", "upstream": "nowhere"}], "no URL"),
        ([{"host": "docker.io", "ttl": "a week"}], "'a week'"),
        ([{"host": "docker.io", "ttl": "-1"}], "'-1'"),
        ([{"host": "docker.io", "volume": "a/b"}], "no name of a Docker volume"),
        ([{"host": "docker.io", "ca": "/nowhere/ca.pem"}], "can't be read"),
        ([{"host": "docker.io", "ca": "-----BEGIN PRIVATE KEY-----"}], "no certificate"),
        ([{"host": "docker.io", "headers": {"X-Key": "hush"}}], "needs 'endpoint'"),
        ([{"host": "docker.io", "override_path": True}], "needs 'endpoint'"),
        ([{"host": "_default"}], "needs 'upstream' or 'endpoint'"),
        ([{"host": "docker.io", "endpoint": "https://c.example", "upstream": "https://u.example"}], "leave 'upstream'"),
        ([{"host": "docker.io", "endpoint": "https://c.example", "ttl": "1h"}], "leave 'ttl'"),
        ([{"host": "docker.io", "endpoint": "https://c.example", "username": "me"}], "without 'password'"),
        ([{"host": "docker.io", "endpoint": "https://c.example/path"}], "without the path"),
        ([{"host": "docker.io", "endpoint": "https://c.example", "headers": {"a b": "x"}}], "no name of a header"),
        ([{"host": "docker.io", "endpoint": "https://c.example", "headers": {"X-Key": "hush\r\n"}}], "control char"),
        ([{"host": "docker.io", "image": 3}], "must be text"),
    ],
)
def test_refused(value: Any, said: str) -> None:
    with pytest.raises(ExpectedError, match=said) as caught:
        parse(value)
    assert "hush" not in str(caught.value)


def test_ca_from_a_file() -> None:
    (mirror,) = parse([{"host": "docker.io", "ca": "~/ca.pem"}], read=lambda _path: PEM)
    assert mirror.ca == PEM


def test_what_containerd_is_told() -> None:
    (mirror,) = parse(["docker.io"])
    assert registry_item(mirror) == {
        "host": "docker.io",
        "server": "https://registry-1.docker.io",
        "endpoints": [{"url": "http://mirror-docker-io:5000", **CACHE}],
    }


def test_a_closed_cache_is_opened_by_a_header() -> None:
    (mirror,) = parse([{"host": "docker.io", "username": "me", "password": "hush"}])
    assert mirror.closed
    item = registry_item(mirror, "Basic abc")
    assert item["endpoints"][0]["headers"] == {"Authorization": "Basic abc"}
    assert "hush" not in repr(mirror)


def test_an_upstream_with_its_own_authority_is_reached_without_its_cache() -> None:
    (mirror,) = parse([{"host": "up.example", "ca": PEM}])
    cache, upstream = registry_item(mirror)["endpoints"]
    assert "ca" not in cache
    assert upstream == {"url": "https://up.example", "ca": PEM, **CACHE}


def test_an_external_cache() -> None:
    (mirror,) = parse(
        [
            {
                "host": "docker.io",
                "endpoint": "https://harbor.example/v2/hub",
                "override_path": True,
                "ca": PEM,
                "username": "me",
                "password": "hush",
            }
        ]
    )
    assert mirror.external
    assert not mirror.closed
    assert registry_item(mirror)["endpoints"] == [
        {
            "url": "https://harbor.example/v2/hub",
            "headers": {"Authorization": "Basic bWU6aHVzaA=="},
            "override_path": True,
            "ca": PEM,
            **CACHE,
        }
    ]


def test_default_falls_back_to_the_host_that_was_asked_for() -> None:
    (mirror,) = parse([{"host": "_default", "upstream": "https://all.example"}])
    assert "server" not in registry_item(mirror)


def test_containerd_hosts_takes_what_is_made() -> None:
    mirrors = parse(
        ["docker.io", {"host": "_default", "upstream": "https://all.example"}, {"host": "up:5000", "ca": PEM}]
    )
    assert len(_hosts_toml.parse([registry_item(mirror, "Basic x") for mirror in mirrors])) == 3


def test_hidden() -> None:
    items = items_of(["docker.io", {"host": "a.io", "password": "hush", "headers": {"X": "hush"}, "username": "me"}])
    assert "hush" not in str(hidden(items))
    assert hidden(items)[0] == {"host": "docker.io"}
