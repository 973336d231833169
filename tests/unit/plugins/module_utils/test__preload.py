# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils import _preload as preload
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError

ONE, TWO = "sha256:" + "1" * 64, "sha256:" + "2" * 64
INDEX = {
    "manifests": [
        {"digest": ONE, "platform": {"os": "linux", "architecture": "amd64"}},
        {"digest": TWO, "platform": {"os": "linux", "architecture": "arm64", "variant": "v8"}},
        {"digest": TWO, "platform": {"os": "unknown", "architecture": "unknown"}},
    ]
}


@pytest.mark.parametrize(("platform", "digest"), [("linux/amd64", ONE), ("linux/arm64", TWO), ("linux/arm64/v8", TWO)])
def test_choose(platform: str, digest: str) -> None:
    assert preload.choose(INDEX, platform, "x") == digest


def test_a_wrong_architecture_is_told() -> None:
    with pytest.raises(preload.WrongPlatform, match=r"is not made for linux/s390x, only for linux/amd64, linux/arm64"):
        preload.choose(INDEX, "linux/s390x", "x")
    with pytest.raises(preload.WrongPlatform, match="only for linux/arm64"):
        preload.check_platform({"os": "linux", "architecture": "arm64"}, "linux/amd64", "x")
    preload.check_platform({}, "linux/amd64", "x")
    preload.check_platform({"os": "linux", "architecture": "arm", "variant": "v7"}, "linux/arm", "x")


def test_blobs_of() -> None:
    manifest = {
        "config": {"digest": ONE},
        "layers": [{"digest": TWO}, {"digest": TWO}, {"digest": ONE.replace("1", "3"), "urls": ["https://elsewhere"]}],
    }
    assert preload.blobs_of(manifest) == [ONE, TWO]
    assert preload.blobs_of({"config": {"digest": "sha256:../../etc"}}) == []


def test_platform_of() -> None:
    class Engine:
        def version(self) -> dict[str, str]:
            return {"Os": "linux", "Arch": "aarch64"}

    assert preload.platform_of(Engine(), None) == "linux/arm64"
    assert preload.platform_of(Engine(), "linux/arm/v7") == "linux/arm/v7"
    with pytest.raises(ExpectedError, match="'amd64'"):
        preload.platform_of(Engine(), "amd64")


def test_references_once_each() -> None:
    assert [str(ref) for ref in preload.references(["nginx", "docker.io/library/nginx:latest", "ghcr.io/a/b:1"])] == [
        "docker.io/library/nginx:latest",
        "ghcr.io/a/b:1",
    ]
    with pytest.raises(ExpectedError, match="no image reference"):
        preload.references(["nginx:$(id)"])


class _Container:
    def __init__(self, answers: dict[str, tuple[int, str]], name: str = "node", status: str = "running") -> None:
        self.answers, self.name, self.status = answers, name, status
        self.ran: list[list[str]] = []

    def exec_run(self, argv: list[str], environment: Any = None) -> tuple[int, bytes]:
        assert environment == {}
        self.ran.append(argv)
        for words, (code, output) in self.answers.items():
            if words in " ".join(argv):
                return code, output.encode()
        return 1, b""


def test_a_node_pulls_as_its_kubelet_would() -> None:
    (ref,) = preload.references(["ghcr.io/a/b:1"])
    node = _Container({"crictl pull": (0, ""), "command -v crictl": (0, "/bin/crictl")})
    assert preload.onto_node(node, ref, "linux/amd64", "/certs", False) == (preload.LOADED, "")
    assert node.ran[-1] == ["crictl", "pull", "ghcr.io/a/b:1"]
    node = _Container({"images pull": (1, "\x1b[1mghcr.io/a/b:1: resolving\nctr: failed to resolve: not found\n")})
    assert preload.onto_node(node, ref, "linux/amd64", "/certs", False) == (
        preload.FAILED,
        "ctr: failed to resolve: not found",
    )
    assert "--hosts-dir" in node.ran[-1]
    node = _Container({"images ls": (0, "ghcr.io/a/b:1\n")})
    assert preload.onto_node(node, ref, "linux/amd64", "/certs", False) == (preload.PRESENT, "")
    assert preload.onto_node(_Container({}), ref, "linux/amd64", "/certs", True) == (preload.LOADED, "")
    assert preload.onto_node(_Container({}, status="exited"), ref, "linux/amd64", "/certs", False)[0] == preload.FAILED


def test_counts() -> None:
    refs = preload.references(["ghcr.io/a/b:1", "ghcr.io/a/b:2"])
    outcomes = preload.preload(refs[:1], {}, [], "linux/amd64")
    outcomes += [preload.Outcome("x", cache=preload.LOADED)]
    assert preload.summary(outcomes) == (
        "1 of 2 images were not loaded, 1 are there: ghcr.io/a/b:1: there is no cache for ghcr.io; add it to 'mirrors'."
    )
