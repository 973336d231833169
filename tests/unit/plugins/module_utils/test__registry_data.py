# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can't be moved and is better left alone, and which volume nobody misses."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils import _registry_data as data
from ansible_collections.kubelocal.registry.plugins.module_utils import _registry_files as files
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_observed import Observed

ANONYMOUS = "a" * 64
FOLDER = "/var/lib/registry"


def observed(
    mount: tuple[str, str] | None, destination: str = FOLDER, remove: bool = False, status: str = "running", **env: str
) -> Observed:
    kind, name = mount or ("", "")
    attrs = {
        "Id": "f" * 64,
        "Name": "/hub",
        "State": {"Status": status},
        "Config": {"Env": [f"{key}={value}" for key, value in env.items()]},
        "HostConfig": {"AutoRemove": remove},
        "Mounts": [{"Type": kind, "Name": name, "Source": name, "Destination": destination}] if mount else [],
    }
    return Observed(None, attrs, {}, base=files.load(None))


@pytest.mark.parametrize(
    ("found", "gone", "words"),
    [
        (observed(None), False, ""),
        (observed(("volume", "v")), False, ""),
        (observed(("bind", "/host")), False, ""),
        (observed(None, remove=True), False, "would lose them"),
        (observed(None, remove=True), True, "would lose them"),
        (observed(("volume", ANONYMOUS), remove=True), True, "would lose them"),
        (observed(("volume", "v"), remove=True), False, "the volume 'v'"),
        (observed(("volume", "v"), remove=True), True, ""),
        (observed(("bind", "/host"), remove=True), False, "the folder /host"),
        (observed(None, REGISTRY_STORAGE="s3", remove=True), False, ""),
        (observed(("tmpfs", "")), False, "in memory"),
        (observed(None, REGISTRY_STORAGE="inmemory"), False, "in memory"),
        (observed(("volume", "v"), REGISTRY_STORAGE="inmemory"), True, "in memory"),
        (observed(None, REGISTRY_STORAGE="inmemory", status="paused"), False, "in memory"),
        (observed(None, REGISTRY_STORAGE="inmemory", status="exited"), False, ""),
    ],
)
def test_refuse_loss(found: Observed, gone: bool, words: str) -> None:
    if not words:
        data.refuse_loss(found, "doing it", gone)
        return
    with pytest.raises(ExpectedError, match=words) as caught:
        data.refuse_loss(found, "doing it", gone)
    assert "'hub'" in str(caught.value)
    assert "doing it" in str(caught.value)


@pytest.mark.parametrize(
    ("paths", "stray"),
    [
        ([], ""),
        ([(FOLDER, 0), (f"{FOLDER}/docker", 1), (f"{FOLDER}/docker/registry/v2", 1)], ""),
        ([("/x/docker/registry/v2", 1), ("/x/docker/registry/v2/blobs", 1)], "/x"),
        ([("/docker/registry/v2", 1)], "/"),
        ([("/linked/docker/registry/v2", 1)], ""),  # where the folder of the images leads
        ([("/x/docker/registry/v2", 2)], ""),
        ([("/x/docker/registry/v2beta", 1)], ""),
    ],
)
def test_refuse_strays(paths: list[tuple[str, int]], stray: str) -> None:
    changes = [{"Path": path, "Kind": kind} for path, kind in paths]
    told: dict[str, str] = {"linkTarget": "/linked"}
    client: Any = SimpleNamespace(
        api=SimpleNamespace(diff=lambda _container: changes or None, get_archive=lambda _container, _path: ([], told))
    )
    if not stray:
        data.refuse_strays(client, observed(None))
        return
    with pytest.raises(ExpectedError, match=f"holds images in {stray},"):
        data.refuse_strays(client, observed(None))


@pytest.mark.parametrize(
    ("found", "can"),
    [
        (observed(("volume", ANONYMOUS)), True),
        (observed(("volume", "named")), False),
        (observed(("bind", "/host")), False),
        (observed(None), False),
        (observed(("volume", ANONYMOUS), "/var/lib"), False),  # only a part of it was copied
    ],
)
def test_can_go(found: Observed, can: bool) -> None:
    assert data.can_go(found) is can


def test_users_of() -> None:
    listed = [
        {"Id": "1", "Names": ["/hub"], "Mounts": [{"Name": "hub-data"}]},
        {"Id": "2", "Names": ["/b"], "Mounts": [{"Name": "other"}, {"Name": "hub-data"}]},
        {"Id": "3", "Names": ["/a"], "Mounts": [{"Name": "hub-data"}]},
        {"Id": "4", "Names": ["/c"], "Mounts": [{"Name": "my-hub-data"}]},
        {"Id": "5", "Names": ["/d"], "Mounts": None},
    ]
    client: Any = SimpleNamespace(api=SimpleNamespace(containers=lambda **_arguments: listed))
    assert data.users_of(client, "hub-data", but="1") == ["a", "b"]
