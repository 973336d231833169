# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils import _mirrors_run as run
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._mirrors import parse
from ansible_collections.kubelocal.registry.plugins.module_utils._mirrors_found import Found


class _Container:
    name, status = "mirror-docker-io", "running"

    def __init__(self, volume: str = "mirror-docker-io-data", labels: dict[str, str] | None = None) -> None:
        self.labels = labels or {}
        self.attrs = {"Mounts": [{"Type": "volume", "Name": volume}]}


def test_a_cache_is_a_registry_without_a_port() -> None:
    (mirror,) = parse([{"host": "docker.io", "username": "me", "password": "hush", "ttl": "1h"}])
    wanted = run.Wanted([mirror], networks=("kind",), image="registry:3")
    spec = run.spec_of(mirror, wanted, {"mirror": "word"})
    assert (spec.name, spec.port, spec.networks, spec.image, spec.role) == (
        "mirror-docker-io",
        0,
        ("kind",),
        "registry:3",
        "mirror",
    )
    assert spec.upstream is not None
    assert (spec.upstream.url, spec.upstream.username, spec.upstream.ttl) == (
        "https://registry-1.docker.io",
        "me",
        "1h",
    )
    assert spec.volume == "mirror-docker-io-data"
    assert spec.config is not None
    assert spec.config["http"]["debug"]["addr"].startswith("127.0.0.1:"), "counters are for the container alone"


def test_an_image_that_an_item_no_longer_gives_is_noticed() -> None:
    given, plain = (parse([{"host": "docker.io", **more}])[0] for more in ({"image": "mine:1"}, {}))
    labels = run.spec_of(given, run.Wanted([given]), None).labels or {}
    noted = Found("docker.io", _Container(labels=dict(labels)), "https://registry-1.docker.io")
    other = Found("docker.io", _Container(), "https://registry-1.docker.io")
    assert run.spec_of(plain, run.Wanted([plain]), None, noted).image == "docker.io/library/registry:3"
    assert run.spec_of(plain, run.Wanted([plain], image="all:1"), None, noted).image == "all:1"
    assert run.spec_of(plain, run.Wanted([plain]), None, other).image is None, "it stays as it is"


@pytest.mark.parametrize(
    ("provider", "name", "labels", "own"),
    [
        ("kind", "foo", {"io.x-k8s.kind.cluster": "foo"}, True),
        ("kind", "foo", {"io.x-k8s.kind.cluster": "foo-bar"}, False),
        ("k3d", "foo", {"io.x-k8s.kind.cluster": "foo"}, False),
        ("k3d", "foo", {"k3d.cluster": "foo"}, True),
        ("existing", "foo", {"k3d.cluster": "foo"}, False),
        ("kind", None, {}, False),
    ],
)
def test_own(provider: str, name: str | None, labels: dict[str, str], own: bool) -> None:
    assert run.Wanted([], cluster_provider=provider, cluster_name=name).own(labels) is own


def test_what_opens_a_cache_is_kept() -> None:
    (mirror,) = parse([{"host": "docker.io", "username": "me", "password": "hush"}])
    container: Any = _Container()
    known = Found("docker.io", container, "https://registry-1.docker.io", closed=True, password="word")
    assert run._users(mirror, known) == ({"mirror": "word"}, None)
    users, new = run._users(mirror, None)
    assert users == {"mirror": new}
    assert run._users(parse(["docker.io"])[0], known) == (None, None)


def test_two_caches_never_share_a_volume() -> None:
    (mirror,) = parse([{"host": "quay.io", "volume": "mirror-docker-io-data"}])
    container: Any = _Container()
    existing = {"docker.io": Found("docker.io", container, "https://registry-1.docker.io")}
    with pytest.raises(ExpectedError, match=r"already holds the cache of docker\.io"):
        run._refuse_shared_volumes([mirror], existing)


def test_one_that_fails_does_not_keep_the_others() -> None:
    outcome = run.Outcome()

    def fine() -> dict[str, Any]:
        return {"actions": ["Made it."], "before": {}, "after": {}}

    def broken() -> dict[str, Any]:
        raise ExpectedError("there is no such image.", ["Tried."])

    with pytest.raises(ExpectedError, match=r"1 of 2 mirrors can't be made: a\.io: there is no such image") as caught:
        run._side_by_side([("a.io", broken), ("b.io", fine)], outcome)
    assert caught.value.actions == ["Tried.", "Made it."]
