# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from email.message import Message
from typing import Any

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils import _mirror_status as status
from ansible_collections.kubelocal.registry.plugins.module_utils._distribution_errors import LIMITED, RegistryError
from ansible_collections.kubelocal.registry.plugins.module_utils._distribution_http import Answer


def _error(code: str, message: str, detail: str = "") -> str:
    return json.dumps({"errors": [{"code": code, "message": message, **({"detail": detail} if detail else {})}]})


def _unknown(detail: str) -> str:
    return _error("UNKNOWN", "unknown error", detail)


# as distribution 3.1.2 answered, its upstream being broken in each way
@pytest.mark.parametrize(
    ("code", "text", "credentials", "cause"),
    [
        (404, _error("MANIFEST_UNKNOWN", "manifest unknown"), False, status.OK),
        (
            500,
            _unknown('Get "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused'),
            False,
            status.UPSTREAM_DOWN,
        ),
        (
            500,
            _unknown('Get "http://no.invalid/v2/": dial tcp: lookup no.invalid on 10.0.0.1:53: no such host'),
            False,
            status.NAME,
        ),
        (
            500,
            _unknown('Get "http://up/v2/": dial tcp: lookup up on 127.0.0.11:53: read: connection refused'),
            False,
            status.NAME,
        ),
        (
            500,
            _unknown('Get "https://a/v2/": x509: certificate signed by unknown authority'),
            False,
            status.TLS,
        ),
        (500, _unknown('Get "https://a/v2/": http: server gave HTTP response to HTTPS client'), False, status.TLS),
        (500, _unknown('Get "http://a/v2/p/manifests/sha256:00": no basic auth credentials'), False, status.REFUSED),
        (500, _unknown('Get "http://a/v2/p/manifests/sha256:00": unauthorized: wrong password'), True, status.REFUSED),
        (401, _error("UNAUTHORIZED", "authentication required"), True, status.REFUSED),
        # without credentials Docker Hub and quay.io say so for any name that they don't show
        (401, _error("UNAUTHORIZED", "authentication required"), False, status.OK),
        (403, _error("DENIED", "requested access to the resource is denied"), False, status.OK),
        (429, _error("TOOMANYREQUESTS", "You have reached your pull rate limit."), False, status.LIMIT),
        (500, _unknown('Get "https://a/v2/": toomanyrequests: too many'), False, status.LIMIT),
        (500, _unknown('Get "https://a/v2/": dial tcp 10.0.0.9:443: i/o timeout'), False, status.UPSTREAM_DOWN),
        (503, "", False, status.UPSTREAM_DOWN),
    ],
)
def test_classify(code: int, text: str, credentials: bool, cause: str) -> None:
    assert status.classify(code, text, credentials)[0] == cause


def test_what_was_said_names_the_host_and_no_path() -> None:
    _cause, said = status.classify(500, _unknown('Get "https://a.example/v2/x/manifests/y": EOF'), False)
    assert said == 'Get "https://a.example": EOF'


def test_metrics() -> None:
    text = """# TYPE registry_proxy_hits_total counter
registry_proxy_hits_total{type="blob"} 3
registry_proxy_hits_total{type="manifest"} 4
registry_proxy_misses_total{type="blob"} 1
registry_proxy_pulled_bytes_total{type="blob"} 1.5e+06
"""
    assert status.metrics(text) == {"hits": 7, "misses": 1, "pulled_bytes": 1500000}


@pytest.mark.parametrize(
    ("limit", "remaining", "numbers"),
    [("100;w=21600", "76;w=21600", (100, 76)), ("100", "0", (100, 0)), ("", "", None), ("many", "0", None)],
)
def test_limit_of(limit: str, remaining: str, numbers: Any) -> None:
    assert status.limit_of(limit, remaining) == numbers


class _Hub:
    def __init__(self, answer: dict[str, str] | RegistryError) -> None:
        self.answer = answer

    def request(self, method: str, _path: str, headers: Any) -> Answer:
        assert method == "HEAD", "a GET would count as a pull"
        assert headers
        if isinstance(self.answer, RegistryError):
            raise self.answer
        message = Message()
        for name, value in self.answer.items():
            message[name] = value
        return Answer(200, message, b"")


def test_hub_limit() -> None:
    hub: Any = _Hub({"ratelimit-limit": "100;w=21600", "ratelimit-remaining": "7;w=21600"})
    assert status.hub_limit("docker.io", hub) == (100, 7)
    limited: Any = _Hub(RegistryError("too many", LIMITED, 429))
    assert status.hub_limit("docker.io", limited) == (0, 0)
    away: Any = _Hub(RegistryError("nothing there"))
    assert status.hub_limit("docker.io", away) is None
    assert status.hub_limit("quay.io") is None


def test_a_stopped_cache_is_told_without_asking_it() -> None:
    class Stopped:
        name = "mirror-docker-io"
        status = "exited"

    answer = status.mirror_status(Stopped(), "docker.io", "https://registry-1.docker.io")
    assert (answer.cause, answer.ok) == (status.CACHE_DOWN, False)
    assert "docker start mirror-docker-io" in answer.cure
