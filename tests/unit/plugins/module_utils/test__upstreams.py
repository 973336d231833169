# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._upstreams import check_host, check_url, url_of


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("docker.io", "https://registry-1.docker.io"),
        ("ghcr.io", "https://ghcr.io"),
        ("quay.io", "https://quay.io"),
        ("registry.k8s.io", "https://registry.k8s.io"),
        ("registry.example:5000", "https://registry.example:5000"),
    ],
)
def test_url_of(host: str, url: str) -> None:
    assert url_of(host) == url


@pytest.mark.parametrize("host", ["docker.io", "a.b-c.example", "up:5000", "localhost", "[::1]:5000", "_default"])
def test_check_host(host: str) -> None:
    check_host(host, "host")


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("", "no registry host"),
        (" ghcr.io", "no registry host"),
        ("ghcr.io\n", "no registry host"),
        ("https://ghcr.io", "more than a host"),
        ("ghcr.io/team", "more than a host"),
        ("../etc", "more than a host"),
        ("$(id)", "no registry host"),
        ("a;b", "no registry host"),
        ("Ghcr.io", "no registry host"),
        ("ghcr.io:0", "no registry host"),
        ("ghcr.io:70000", "no registry host"),
        ("ümlaut.de", "no registry host"),
        ("ghcr", "a dot or a port"),
        ("index.docker.io", "call it 'docker.io'"),
    ],
)
def test_check_host_refuses(host: str, said: str) -> None:
    with pytest.raises(ExpectedError, match=said):
        check_host(host, "mirrors[0].host")


def test_check_url() -> None:
    assert check_url("https://registry.example/", "upstream") == "https://registry.example"
    assert check_url("http://10.0.0.1:5000", "upstream") == "http://10.0.0.1:5000"
    assert check_url("https://harbor.example/v2/hub", "endpoint", path=True) == "https://harbor.example/v2/hub"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "no URL"),
        ("registry.example", "no URL"),
        ("ftp://registry.example", "no URL"),
        ("https://", "no URL"),
        ("https://a b", "no URL"),
        ("https://a.example:99999", "no URL"),
        ("https://a.example/$(id)\n", "no URL"),
        ("https://a.example/team", "without the path"),
        ("https://a.example?x=1", "no '\\?'"),
        ("https://me:secret@a.example", "holds credentials"),
    ],
)
def test_check_url_refuses(url: str, said: str) -> None:
    with pytest.raises(ExpectedError, match=said) as caught:
        check_url(url, "mirrors[0].upstream")
    assert "secret" not in str(caught.value)
