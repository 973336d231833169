# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a registry's options to hosts.toml: the text, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils import _hosts_toml as hosts
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError

CA = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"
KEY = "-----BEGIN PRIVATE KEY-----\nBBBB\n-----END PRIVATE KEY-----"


def registry(**endpoint: Any) -> dict[str, Any]:
    return {"host": "localhost:5001", "endpoints": [{"url": "https://reg:5000", **endpoint}]}


def test_a_plain_registry() -> None:
    (found,) = hosts.parse(
        [{"host": "localhost:5001", "server": "http://reg:5000/", "endpoints": [{"url": "http://reg:5000/"}]}]
    )
    rendered = hosts.render(found)
    assert rendered.mode == 0o644
    assert rendered.files == {}
    assert rendered.text == (
        hosts.MARKER
        + '\nserver = "http://reg:5000"\n\n[host."http://reg:5000"]\n  capabilities = ["pull", "resolve"]\n'
    )
    assert hosts.ours(rendered.text)
    assert not hosts.ours("server = 'x'")


def test_everything_at_once_is_toml_and_private() -> None:
    tomllib = pytest.importorskip("tomllib")
    (found,) = hosts.parse(
        [
            registry(
                capabilities=["pull", "resolve", "push"],
                ca=CA,
                client={"certificate": CA, "key": KEY},
                skip_verify=True,
                override_path=True,
                dial_timeout="3s",
                headers={"Authorization": 'Basic "x"', "X-B": "1"},
            )
        ]
    )
    rendered = hosts.render(found, "/certs/h")
    data = tomllib.loads(rendered.text)
    assert data == {
        "server": "https://localhost:5001",
        "host": {
            "https://reg:5000": {
                "capabilities": ["pull", "resolve", "push"],
                "ca": "/certs/h/ca-1.crt",
                "client": [["/certs/h/client-1.crt", "/certs/h/client-1.key"]],
                "skip_verify": True,
                "override_path": True,
                "dial_timeout": "3s",
                "header": {"Authorization": 'Basic "x"', "X-B": "1"},
            }
        },
    }
    assert rendered.mode == 0o600
    assert {name: mode for name, (_content, mode) in rendered.files.items()} == {
        "ca-1.crt": 0o644,
        "client-1.crt": 0o644,
        "client-1.key": 0o600,
    }


def test_a_server_that_is_an_endpoint_too_is_asked_in_the_same_way() -> None:
    tomllib = pytest.importorskip("tomllib")
    reg = registry(
        ca=CA, client={"certificate": CA, "key": KEY}, skip_verify=True, headers={"Authorization": "Basic x"}
    )
    (found,) = hosts.parse([{**reg, "server": "https://reg:5000"}])
    data = tomllib.loads(hosts.render(found, "/certs/h").text)
    assert data.pop("server") == "https://reg:5000"
    endpoint = data.pop("host")["https://reg:5000"]
    assert endpoint.pop("capabilities") == ["pull", "resolve"]
    assert endpoint["header"] == {"Authorization": "Basic x"}
    assert data == endpoint


def test_a_certificate_that_carries_its_key_is_private() -> None:
    (found,) = hosts.parse([registry(client={"certificate": CA + "\n" + KEY})])
    assert hosts.render(found, "/c").files["client-1.crt"][1] == 0o600


def test_paths_on_the_node_are_taken_as_they_are() -> None:
    (found,) = hosts.parse([registry(ca="/etc/ssl/ca.pem")])
    rendered = hosts.render(found, "/c")
    assert 'ca = "/etc/ssl/ca.pem"' in rendered.text
    assert not rendered.files


@pytest.mark.parametrize(
    ("host", "server"),
    [
        ("docker.io", "https://registry-1.docker.io"),
        ("_default", ""),
        ("a.b:1", "https://a.b:1"),
        ("[::1]:5000", "https://[::1]:5000"),
    ],
)
def test_the_server_when_none_is_given(host: str, server: str) -> None:
    (found,) = hosts.parse([{"host": host}])
    assert found.server == server


def test_the_order_of_items_does_not_matter_and_that_of_endpoints_does() -> None:
    one, two = {"host": "a"}, {"host": "b", "endpoints": [{"url": "http://y"}, {"url": "http://x"}]}
    assert hosts.parse([one, two]) == hosts.parse([two, one])
    assert [endpoint.url for endpoint in hosts.parse([two])[0].endpoints] == ["http://y", "http://x"]


HOSTS = [
    "",
    " ",
    "http://a",
    "a/b",
    "a b",
    "a\n",
    "../x",
    "a..b",
    "-a",
    "a:0",
    "a:70000",
    "a:x",
    "é.com",
    "a;b",
    "$(id)",
    'a"b',
    ".",
]


@pytest.mark.parametrize("host", HOSTS)
def test_hosts_that_are_refused(host: str) -> None:
    with pytest.raises(ExpectedError, match=r"registries\[0\]\.host: "):
        hosts.parse([{"host": host}])


URLS = [
    "",
    "reg:5000",
    "ftp://a",
    "http://",
    "http://a b",
    "http://a/\n",
    "http://u:p@a",
    "http://a?x=1",
    "http://a#x",
    "http://a:0",
]
URLS += ["http://a:99999", "http://a/../b", 'http://a/"', "http://é", "http:/a", "http://a;b", "http://a/é"]


@pytest.mark.parametrize("url", URLS)
def test_urls_that_are_refused(url: str) -> None:
    with pytest.raises(ExpectedError, match=r"registries\[0\]\.endpoints\[0\]\.url: ") as error:
        hosts.parse([{"host": "a", "endpoints": [{"url": url}]}])
    assert "u:p" not in str(error.value)


@pytest.mark.parametrize(
    ("endpoint", "named"),
    [
        ({"capabilities": ["pull", "delete"]}, r"capabilities: 'delete'"),
        ({"capabilities": []}, r"capabilities: is empty"),
        ({"ca": "no pem"}, r"\.ca: is neither"),
        ({"ca": "/a/../b"}, r"\.ca: the path"),
        ({"client": {"key": KEY}}, r"\.client: has a key"),
        ({"client": {"certificate": CA, "key": CA}}, r"\.client\.key: is neither"),
        ({"dial_timeout": "3"}, r"dial_timeout: '3'"),
        ({"dial_timeout": "0s"}, r"dial_timeout: '0s'"),
        ({"headers": {"a b": "x"}}, r"headers: 'a b'"),
        ({"headers": {"X": "sec\nret"}}, r"headers\.X: "),
        ({"headers": {"X": None}}, r"headers\.X: "),
        ({"url": "http://a", "ca": CA}, r"\.ca: is for HTTPS"),
        ({"url": "http://a", "skip_verify": True}, r"\.skip_verify: is for HTTPS"),
        ({"url": "http://a", "client": {"certificate": CA}}, r"\.client: is for HTTPS"),
    ],
)
def test_endpoints_that_are_refused(endpoint: dict[str, Any], named: str) -> None:
    with pytest.raises(ExpectedError, match=named) as error:
        hosts.parse([registry(**endpoint)])
    assert "ret" not in str(error.value).replace("retr", "")


def test_doubles_are_refused() -> None:
    with pytest.raises(ExpectedError, match="'a' is listed twice"):
        hosts.parse([{"host": "a"}, {"host": "a"}])
    with pytest.raises(ExpectedError, match="'http://x' is listed twice"):
        hosts.parse([{"host": "a", "endpoints": [{"url": "http://x"}, {"url": "http://x/"}]}])


@pytest.mark.parametrize(
    "text",
    [
        '[host."http://a".header]\n  Authorization = "Basic TOPSECRET"\n',
        '[host."http://a".header]\n  x = ["TOPSECRET",\n "TOPSECRET"]\n',
        '[host."http://a"]\nheader = {Authorization = "TOPSECRET"}\n',
        "configs:\n  a:\n    auth:\n      username: u\n      password: TOPSECRET\n",
        '  identitytoken = "TOPSECRET"\n',
        '[header]\n  "X-Any" = "TOPSECRET"\n',
        'endpoint = "https://u:TOPSECRET@host/"\n',
        "-----BEGIN PRIVATE KEY-----\nTOPSECRET\n",
    ],
)
def test_no_secret_is_shown(text: str) -> None:
    assert "TOPSECRET" not in hosts.mask(text)


def test_what_is_no_secret_is_shown() -> None:
    text = 'server = "https://a"\n[host."http://a"]\n  capabilities = ["pull"]\n'
    assert hosts.mask(text) == text
