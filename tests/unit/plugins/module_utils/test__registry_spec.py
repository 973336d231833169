# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is refused before anything is touched, and what options become."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils import _registry_spec as spec
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"name": ""}, ["name"]),
        ({"name": "a b"}, ["name", "a b"]),
        ({"name": "../x"}, ["name", "../x"]),
        ({"name": "$(id)"}, ["name"]),
        ({"name": "name\n"}, ["name"]),
        ({"name": "büro"}, ["name", "büro"]),
        ({"name": "x" * 64}, ["name"]),
        ({"image": "registry:3; id"}, ["registry:3; id"]),
        ({"image": ""}, ["image"]),
        ({"port": -1}, ["port", "-1"]),
        ({"port": 65536}, ["port", "65536"]),
        ({"listen_address": "localhost"}, ["listen_address", "localhost"]),
        ({"listen_address": "127.0.0.1; id"}, ["listen_address"]),
        ({"listen_address": "0.0.0.0"}, ["listen_address", "0.0.0.0", "insecure"]),
        ({"listen_address": "::"}, ["listen_address", "insecure"]),
        ({"volume": "/data"}, ["volume", "/data"]),
        ({"volume": "a:b"}, ["volume", "a:b"]),
        ({"networks": ["host"]}, ["networks", "host"]),
        ({"networks": ["a\nb"]}, ["networks"]),
        ({"environment": {"A=B": "x"}}, ["environment", "A=B"]),
        ({"environment": {"A": "x\0"}}, ["environment", "NUL"]),
        ({"environment": {"A": ["x"]}}, ["environment", "A", "list"]),
        ({"environment": {"REGISTRY_HTTP_SECRET": "x"}}, ["REGISTRY_HTTP_SECRET", "docker inspect"]),
        ({"environment": {"REGISTRY_PROXY_PASSWORD": "x"}}, ["REGISTRY_PROXY_PASSWORD"]),
        ({"environment": {"REGISTRY_STORAGE_S3_SECRETKEY": "x"}}, ["SECRETKEY"]),
        ({"labels": {" ": "x"}}, ["labels"]),
        ({"labels": {"a": {"b": "c"}}}, ["labels", "dict"]),
        ({"labels": {"kubelocal.registry.managed": "no"}}, ["kubelocal.registry.managed"]),
        ({"users": {"a:b": "x"}}, ["a:b"]),
        ({"users": {"a": ""}}, ["'a'", "empty"]),
        ({"upstream": {"url": "docker.io"}}, ["upstream.url", "docker.io"]),
        ({"upstream": {"url": "https://u:p@host"}}, ["upstream.url"]),
        ({"upstream": {"url": "https://host/path"}}, ["upstream.url"]),
        ({"upstream": {"url": "https://host", "ttl": "1 week"}}, ["upstream.ttl", "1 week"]),
        ({"upstream": {"url": "https://host", "ca": "no pem"}}, ["upstream.ca"]),
        ({"upstream": {"url": "https://host", "ca": "-----BEGIN CERTIFICATE-----\nx"}}, ["upstream.ca"]),
        ({"upstream": {"url": "https://host", "username": "a\nb", "password": "c"}}, ["upstream.username"]),
        ({"https": {"certificate": "/nowhere/tls.crt", "key": "/nowhere/tls.key"}}, ["/nowhere/tls.crt"]),
        ({"https": {"certificate": "text", "key": "text"}}, ["https.certificate"]),
        (
            {"https": {"certificate": "-----BEGIN CERTIFICATE-----", "key": "-----BEGIN PRIVATE KEY-----"}},
            ["https.certificate"],
        ),
        ({"users": {"a": "b"}, "config": {"auth": {"silly": {}}}}, ["users", "config.auth"]),
        ({"upstream": {"url": "https://h"}, "config": {"proxy": {}}}, ["upstream", "config.proxy"]),
        ({"users": {"a": "b"}, "environment": {"REGISTRY_AUTH": "silly"}}, ["users", "REGISTRY_AUTH"]),
        ({"config": {"storage": {"s3": {}, "inmemory": {}}}}, ["config.storage", "inmemory, s3"]),
        ({"config": {"http": ["x"]}}, ["config.http"]),
        ({"wait_timeout": 0}, ["wait_timeout", "0"]),
        ({"wait_timeout": 3601}, ["wait_timeout", "3601"]),
    ],
)
def test_refused(options: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(ExpectedError) as caught:
        spec.from_options({"name": "good", **options})
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    "options",
    [
        {"listen_address": "127.0.0.2"},
        {"listen_address": "::1"},
        {"listen_address": "0.0.0.0", "insecure": True},
        {"listen_address": "0.0.0.0", "users": {"a": "b"}},
        {"listen_address": "0.0.0.0", "port": 0},
        {"config": {"storage": {"filesystem": None, "s3": {}, "delete": {"enabled": True}}}},
        {"labels": {"a": "with \"quotes\" and 'others'"}},
        {"image": "a" * 64},
        {"upstream": {"url": "http://host:5000/", "ttl": "1h30m"}},
        {"state": "absent", "listen_address": "0.0.0.0", "https": {"certificate": "/no", "key": "/no"}},
    ],
)
def test_taken(options: dict[str, Any]) -> None:
    spec.from_options({"name": "good", **options})


def test_scalars_become_text() -> None:
    found = spec.from_options({"name": "good", "environment": {"A": True, "B": 5, "C": "x"}, "networks": ["a1", "a1"]})
    assert found.environment == {"A": "true", "B": "5", "C": "x"}
    assert found.networks == ("a1",)
    assert found.data_volume == "good-data"
