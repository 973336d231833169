# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a container's own files is looked at when it is replaced."""

from __future__ import annotations

import socket
import time
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils import _registry_apply as apply
from ansible_collections.kubelocal.registry.plugins.module_utils import _registry_files as files
from ansible_collections.kubelocal.registry.plugins.module_utils import _run_mark
from ansible_collections.kubelocal.registry.plugins.module_utils._docker import File
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_image import RUN_LABEL
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_observed import Observed


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        ([], []),
        (["/a"], ["/a"]),
        (["/a", "/a/b", "/a/b/c", "/d"], ["/a/b/c", "/d"]),
        (["/a/b", "/a", "/a"], ["/a/b"]),
        (["/a", "/ab"], ["/a", "/ab"]),
    ],
)
def test_leaves(paths: list[str], expected: list[str]) -> None:
    assert apply.leaves(paths) == expected


@pytest.mark.parametrize(
    ("path", "kind", "carried"),
    [
        ("/auth/htpasswd", 1, True),
        ("/etc/distribution/config.yml", 0, True),
        ("/etc/distribution/config.yml", 2, False),  # removed
        ("/etc/hosts", 0, False),
        ("/run/pid", 1, False),
        ("/tmp/x", 1, False),
        ("/tmpx", 1, True),
        ("/certs/tls.key", 1, False),  # in a mount
        ("/var/lib/registry/docker", 1, False),  # images
        (f"{files.FOLDER}/htpasswd", 1, False),  # made anew
        ("/folder", 1, False),  # an empty folder has no content
    ],
)
def test_carried(monkeypatch: pytest.MonkeyPatch, path: str, kind: int, carried: bool) -> None:
    def read_tree(_container: Any, read: str) -> dict[str, File]:
        return {} if read == "/folder" else {"": File(b"content")}

    monkeypatch.setattr(apply._docker, "read_tree", read_tree)
    client: Any = SimpleNamespace(api=SimpleNamespace(diff=lambda _id: [{"Path": path, "Kind": kind}]))
    attrs = {"Id": "1", "Name": "/hub", "Mounts": [{"Type": "bind", "Source": "/c", "Destination": "/certs/"}]}
    found = apply.Work(client, "hub", 1)._carried(Observed(None, attrs, {}, base=files.load(None)))
    assert found == ({path: File(b"content")} if carried else {})


def test_names_of_others_are_not_ours() -> None:
    asked: list[Any] = []

    def containers(**arguments: Any) -> list[dict[str, Any]]:
        asked.append(arguments["filters"]["name"])
        return [{"Names": ["/a.b", "/linked/a.b"], "Created": 5}, {"Names": None}]

    client: Any = SimpleNamespace(api=SimpleNamespace(containers=containers))
    assert set(apply.Work(client, "a.b", 1).named()) == {"a.b", "linked/a.b"}
    assert asked == [r"^/?a\.b"]


@pytest.mark.parametrize(
    ("whose", "age", "left"),
    [
        ("nobody", 1, False),
        ("nobody", 61, True),
        ("elsewhere", 1, False),
        ("elsewhere", 61, True),
        ("this run", 1, False),
        ("a dead run", 1, True),
    ],
)
def test_whose_probe_it_is(whose: str, age: float, left: bool) -> None:
    # one beyond the largest that a process can have
    dead = f"{socket.gethostname()}/{2**22 + 1}"
    mark = {"this run": _run_mark.mark(), "a dead run": dead, "elsewhere": "elsewhere/1"}.get(whose)
    probe = {"Created": time.time() - age, "Labels": {RUN_LABEL: mark} if mark else None}
    assert apply._left_behind(probe) is left
