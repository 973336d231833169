# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Image references, against what Docker's own reference package makes of them."""

from __future__ import annotations

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils._image_ref import (
    ImageRef,
    ImageRefError,
    parse,
    same_image,
    valid_host,
)

DIGEST = "sha256:" + "ab" * 32


@pytest.mark.parametrize(
    ("text", "whole", "familiar"),
    [
        ("nginx", "docker.io/library/nginx:latest", "nginx:latest"),
        ("nginx:1.27", "docker.io/library/nginx:1.27", "nginx:1.27"),
        ("docker.io/nginx", "docker.io/library/nginx:latest", "nginx:latest"),
        ("index.docker.io/library/nginx", "docker.io/library/nginx:latest", "nginx:latest"),
        ("me/app", "docker.io/me/app:latest", "me/app:latest"),
        ("library/a/b", "docker.io/library/a/b:latest", "library/a/b:latest"),
        ("localhost/app", "localhost/app:latest", "localhost/app:latest"),
        ("localhost:5001/app:v1", "localhost:5001/app:v1", "localhost:5001/app:v1"),
        ("local-registry:5000/a/b", "local-registry:5000/a/b:latest", "local-registry:5000/a/b:latest"),
        ("[::1]:5001/app", "[::1]:5001/app:latest", "[::1]:5001/app:latest"),
        ("ghcr.io/a/b@" + DIGEST, "ghcr.io/a/b@" + DIGEST, "ghcr.io/a/b@" + DIGEST),
        ("ghcr.io/a/b:v1@" + DIGEST, "ghcr.io/a/b:v1@" + DIGEST, "ghcr.io/a/b:v1@" + DIGEST),
        ("Uppercase/app", "Uppercase/app:latest", "Uppercase/app:latest"),
        ("a__b/c--d", "docker.io/a__b/c--d:latest", "a__b/c--d:latest"),
    ],
)
def test_parse(text: str, whole: str, familiar: str) -> None:
    found = parse(text)
    assert str(found) == whole
    assert found.familiar == familiar
    assert parse(found.familiar) == found


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "nginx:",
        ":v1",
        "App",
        "a//b",
        "a/",
        "-a",
        "a_-b",
        "nginx:v1\n",
        "nginx; id",
        "$(id)",
        "nginx@sha256:12",
        "ex ample/a",
        "host:70000/a",
        "host:0/a",
        "ho_.st:1/a",
        "a:" + "x" * 129,
        "über/app",
        "../a",
        "a/../b",
        "http://host/a",
        "a" * 256,
    ],
)
def test_parse_refuses(text: str) -> None:
    with pytest.raises(ImageRefError, match="is no image reference"):
        parse(text)


def test_reference_and_host() -> None:
    assert parse("a:v1@" + DIGEST).reference == DIGEST
    assert parse("a:v1").reference == "v1"
    assert parse("a").on("localhost:5001") == ImageRef("localhost:5001", "library/a", "latest")


def test_same_image() -> None:
    assert same_image("registry:3", "docker.io/library/registry:3")
    assert not same_image("registry:3", "registry:2")
    assert same_image("NOT VALID", "NOT VALID")


@pytest.mark.parametrize(
    ("text", "fine"),
    [
        ("localhost", True),
        ("a.b:5000", True),
        ("[::1]:5000", True),
        ("[::1]", True),
        ("a/b", False),
        ("a:b", False),
        ("", False),
        ("a:0", False),
    ],
)
def test_valid_host(text: str, fine: bool) -> None:
    assert valid_host(text) is fine
