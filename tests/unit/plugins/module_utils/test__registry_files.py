# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration file: merging, what the registry makes of variables, and what counts as a difference."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils import _registry_files as files
from ansible_collections.kubelocal.registry.plugins.module_utils._docker import File
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_spec import Https, Spec, Upstream

BASE: dict[str, Any] = {
    "version": 0.1,
    "storage": {"filesystem": {"rootdirectory": "/var/lib/registry"}, "cache": {"blobdescriptor": "inmemory"}},
    "http": {"addr": ":5000", "headers": {"X-Content-Type-Options": ["nosniff"]}},
}


@pytest.mark.parametrize(
    ("base", "change", "expected"),
    [
        ({}, {"a": {"b": 1}}, {"a": {"b": 1}}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}}, {"a": {"b": 3, "c": 2}}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": None}}, {"a": {"c": 2}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"a": "text"}, {"a": {"b": 1}}, {"a": {"b": 1}}),
    ],
)
def test_merge(base: dict[str, Any], change: dict[str, Any], expected: dict[str, Any]) -> None:
    assert files.merge(base, change) == expected


@pytest.mark.parametrize(
    ("environment", "folder", "port"),
    [
        ({}, "/var/lib/registry", 5000),
        ({"REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY": "/data/"}, "/data", 5000),
        ({"REGISTRY_HTTP_ADDR": "0.0.0.0:80"}, "/var/lib/registry", 80),
        ({"REGISTRY_HTTP_ADDR": "[::]:443"}, "/var/lib/registry", 443),
        ({"REGISTRY_STORAGE": "s3"}, None, 5000),
        ({"OTHER": "x"}, "/var/lib/registry", 5000),
    ],
)
def test_variables(environment: dict[str, str], folder: str | None, port: int) -> None:
    found = files.effective(BASE, environment)
    assert files.data_folder(found) == folder
    assert files.inner_port(found) == port


def test_variable_below_a_scalar() -> None:
    found = files.effective({}, {"REGISTRY_AUTH": "htpasswd", "REGISTRY_AUTH_HTPASSWD_PATH": "/auth/htpasswd"})
    assert files.dig(found, "auth", "htpasswd", "path") == "/auth/htpasswd"


def test_another_driver_takes_the_place_of_the_images_own() -> None:
    found = files.declared(BASE, Spec("x", config={"storage": {"s3": {"bucket": "b"}}}), 3)
    assert found["storage"] == {"s3": {"bucket": "b"}, "cache": {"blobdescriptor": "inmemory"}}
    with pytest.raises(ExpectedError, match="filesystem, s3"):
        files.check({"storage": {"s3": {}, "filesystem": {}, "delete": {}}}, "the file")


@pytest.mark.parametrize(("version", "secret_in_config"), [(3, False), (2, True)])
def test_upstream(version: int, secret_in_config: bool) -> None:
    spec = Spec("x", upstream=Upstream("https://up/", "me", "s3cr3t", "0", None))
    made = files.files(BASE, spec, version, {}, (7, 8))
    assert (b"s3cr3t" in made[files.CONFIG].content) is secret_in_config
    proxy = files.load(made[files.CONFIG].content)["proxy"]
    assert (proxy["remoteurl"], proxy["ttl"]) == ("https://up", 0)
    assert {(file.uid, file.gid) for file in made.values()} == {(7, 8)}
    assert all(file.mode & 0o077 == 0 for file in made.values())
    if version == 3:
        assert made[files.HELPER].mode == 0o700
        assert b"s3cr3t" not in made[files.HELPER].content


def made(spec: Spec) -> dict[str, File]:
    return files.files(BASE, spec, 3, {}, (0, 0))


HTTPS = Https("certificate\n", "key\n")
UPSTREAM = Upstream("https://up", "me", "one", None, "ca\n")


def upstream(**different: str | None) -> Spec:
    return Spec("x", upstream=replace(UPSTREAM, **different))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (Spec("x", config={"log": {"level": "debug"}}), Spec("x", config={"log": {"level": "debug"}}), []),
        (Spec("x", config={"log": {"level": "debug"}}), Spec("x", config={"log": {"level": "info"}}), ["config"]),
        (Spec("x", config={"log": {"level": "debug"}}), Spec("x"), ["config"]),
        (Spec("x", users={"a": "b"}), Spec("x", users={"a": "b"}), []),
        (Spec("x", users={"a": "b"}), Spec("x", users={"a": "other"}), ["users"]),
        (Spec("x", users={"a": "b"}), Spec("x"), ["users"]),
        (Spec("x", https=HTTPS), Spec("x", https=HTTPS), []),
        (Spec("x", https=HTTPS), Spec("x", https=Https("other\n", "key\n")), ["https"]),
        (Spec("x", https=HTTPS), Spec("x", https=HTTPS, config={"http": {"relativeurls": True}}), ["config"]),
        (Spec("x", https=HTTPS), Spec("x"), ["https"]),
        (upstream(), upstream(), []),
        (
            Spec("x", upstream=UPSTREAM),
            upstream(password="two"),
            ["upstream"],
        ),
        (
            Spec("x", upstream=UPSTREAM),
            upstream(ca=None),
            ["upstream"],
        ),
        (
            Spec("x", upstream=UPSTREAM),
            upstream(ttl="1h"),
            ["upstream"],
        ),
        (Spec("x", users={"a": "b"}), Spec("x", users={"a": "b"}, https=HTTPS), ["https"]),
    ],
)
def test_differing(before: Spec, after: Spec, expected: list[str]) -> None:
    assert files.differing(made(before), BASE, after, 3) == expected


def test_hashes_are_kept() -> None:
    first = made(Spec("x", users={"a": "b"}))
    second = files.files(BASE, Spec("x", users={"a": "b", "c": "d"}), 3, first, (0, 0))
    assert first[files.HTPASSWD].content in second[files.HTPASSWD].content


def test_what_cannot_be_read_counts_as_default() -> None:
    for content in (None, b"", b"- a\n", b"a: [", b"\xff"):
        assert files.data_folder(files.load(content)) == "/var/lib/registry"
