# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""up, status and down with mirrors: what was pulled once is had while its upstream is away."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.errors import NotFound

from tests.support import cluster as clusters
from tests.support.caches import cache, remove_caches
from tests.support.names import Names
from tests.support.playbooks import PlaybookResult, run_playbook
from tests.support.pods import pull_on_every_node
from tests.support.testbed import Testbed
from tests.support.upstream import Upstream

UP, DOWN, STATUS = "kubelocal.registry.up", "kubelocal.registry.down", "kubelocal.registry.status"
PASSWORD = "hush-hush-1234"


class Job:
    """One cluster of one node, declared in a file of variables, and two upstreams: one for all, one with a password."""

    def __init__(self, engine: docker.DockerClient, testbed: Testbed, names: Names, port: int, folder: Path) -> None:
        self.engine, self.testbed, self.names = engine, testbed, names
        self.network = names("n")
        engine.networks.create(self.network)
        self.free = Upstream(engine, testbed.registry_image, names("free"), self.network)
        self.guarded = Upstream(
            engine, testbed.registry_image, names("guarded"), self.network, users={"robot": PASSWORD}
        )
        self.mirrors: list[dict[str, Any]] = [
            {"host": self.free.host, "upstream": self.free.url},
            {"host": self.guarded.host, "upstream": self.guarded.url, "username": "robot", "password": PASSWORD},
        ]
        self.kubeconfig, self.status_file = folder / "kubeconfig", folder / "status.json"
        self.cluster = names("c")
        programs = [str(Path(program).parent) for program in (testbed.kind, testbed.kubectl)]
        self._environment = {
            "KIND_EXPERIMENTAL_DOCKER_NETWORK": self.network,
            "PATH": os.pathsep.join([*programs, os.environ["PATH"]]),
        }
        self._variables = {
            **testbed.variables,
            "cluster_name": self.cluster,
            "cluster_kubeconfig": str(self.kubeconfig),
            "registry_name": names("r"),
            "registry_port": port,
            "up_proof": False,
            "status_proof": False,
            "status_file": str(self.status_file),
        }

    def run(self, playbook: str, mirrors: list[dict[str, Any]] | None = None, **more: Any) -> PlaybookResult:
        fails = more.pop("fails", False)
        variables = {**self._variables, "mirrors": self.mirrors if mirrors is None else mirrors, **more}
        result = run_playbook(playbook, variables, fails=fails, environment=self._environment)
        assert PASSWORD not in result.stdout + result.stderr
        return result

    def status(self, mirrors: list[dict[str, Any]] | None = None, fails: bool = False) -> dict[str, dict[str, Any]]:
        """What is told of each mirror, by host."""
        self.status_file.unlink(missing_ok=True)
        shown = self.run(STATUS, mirrors, fails=fails).stdout
        told = json.loads(self.status_file.read_text())
        assert {f"mirror {one['host']}" for one in told["mirrors"]} == {
            link["link"] for link in told["links"] if link["link"].startswith("mirror ")
        }
        for one in told["mirrors"]:
            assert f"mirror {one['host']}" in shown
        return {one["host"]: one for one in told["mirrors"]}

    def pull(self, *images: str) -> None:
        """By the kubelet of every node."""
        found = clusters.describe(self.engine, self.testbed, self.cluster, self.kubeconfig)
        assert len(found.nodes) == 1
        pull_on_every_node(found, self.names("pod"), *images)

    def hosts(self) -> list[str]:
        """Those that the node is told about."""
        node = self.engine.containers.get(f"{self.cluster}-control-plane")
        return sorted(node.exec_run(["ls", "/etc/containerd/certs.d"]).output.decode().split())

    def attached(self, upstream: Upstream) -> bool:
        networks = cache(self.engine, upstream.host).attrs["NetworkSettings"]["Networks"]
        return self.network in networks


@pytest.fixture
def job(
    engine: docker.DockerClient, testbed: Testbed, names: Names, free_port: Callable[[], int], tmp_path: Path
) -> Iterator[Job]:
    yield Job(engine, testbed, names, free_port(), tmp_path)
    remove_caches(engine, names.prefix)


@pytest.mark.cluster
@pytest.mark.long  # molecule/mirrors does the same
def test_up_status_and_down_with_mirrors(job: Job) -> None:
    _every_node_pulls_through_the_caches(job)
    _status_tells_causes_apart(job)
    _what_is_no_longer_listed_is_detached(job)
    _down_keeps_the_caches(job)
    _purged_when_told(job)


@pytest.mark.cluster
@pytest.mark.long
def test_a_cluster_made_anew_offline_has_what_was_pulled_before(job: Job) -> None:
    images = _every_node_pulls_through_the_caches(job)
    assert job.run(DOWN).changed["localhost"] > 0
    job.free.stop()
    job.guarded.stop()
    for upstream in (job.free, job.guarded):
        cache(job.engine, upstream.host).restart(timeout=1)
    job.run(UP)
    job.pull(*images)


def _every_node_pulls_through_the_caches(job: Job) -> list[str]:
    digest = job.free.push("team/app", "1")
    job.guarded.push("team/app", "1")
    job.free.push("team/later", "1")
    images = [f"{job.free.host}/team/app:1", f"{job.free.host}/team/app@{digest}", f"{job.guarded.host}/team/app:1"]
    later = f"{job.free.host}/team/later:1"
    # caches are loaded while the cluster is being created; these upstreams are on its network only
    early: dict[str, Any] = {"mirrors_preload": [later], "mirrors_networks": [job.network]}
    job.run(UP, **early)
    job.pull(*images)
    told = job.status()
    assert [one["cause"] for one in told.values()] == ["ok", "ok"], told
    assert all(one["misses"] > 0 and one["pulled_bytes"] > 0 and one["volume_bytes"] > 0 for one in told.values())
    # again, and in another order
    again = job.run(UP, job.mirrors[::-1], **early)
    assert again.changed == {"localhost": 0}, again.stdout
    # upstream away: what no node has had yet comes out of the cache
    job.free.stop()
    job.pull(later)
    assert job.status(fails=True)[job.free.host]["cause"] == "name_not_found"
    job.free.start()
    return [*images, later]


def _status_tells_causes_apart(job: Job) -> None:
    stopped = cache(job.engine, job.guarded.host)
    stopped.stop(timeout=1)
    job.engine.networks.get(job.network).disconnect(cache(job.engine, job.free.host))
    told = job.status(fails=True)
    assert told[job.guarded.host]["cause"] == "cache_down"
    assert told[job.free.host]["cause"] == "cache_detached"
    job.run(UP)
    assert [one["cause"] for one in job.status().values()] == ["ok", "ok"]


def _what_is_no_longer_listed_is_detached(job: Job) -> None:
    result = job.run(UP, job.mirrors[:1])
    assert result.changed["localhost"] == 1
    assert job.free.host in job.hosts()
    assert job.guarded.host not in job.hosts()
    assert (job.attached(job.free), job.attached(job.guarded)) == (True, False)
    # only what this cluster was declared to have
    assert list(job.status(job.mirrors[:1])) == [job.free.host]
    assert job.run(UP, []).changed["localhost"] == 1
    assert not job.attached(job.free)
    assert not {job.free.host, job.guarded.host} & set(job.hosts())
    assert job.run(UP, []).changed == {"localhost": 0}
    for upstream in (job.free, job.guarded):
        name = cache(job.engine, upstream.host).name
        assert job.engine.volumes.get(f"{name}-data")


def _down_keeps_the_caches(job: Job) -> None:
    result = job.run(DOWN)
    assert "caches of its mirrors stay" in result.stdout
    for upstream in (job.free, job.guarded):
        assert cache(job.engine, upstream.host).status == "running"


def _purged_when_told(job: Job) -> None:
    assert job.run(DOWN, mirrors_purge=True).changed["localhost"] == 1
    for upstream in (job.free, job.guarded):
        with pytest.raises(NotFound):
            cache(job.engine, upstream.host)
    volumes = [volume.name for volume in job.engine.volumes.list()]
    assert not [name for name in volumes if "mirror-" in name and job.names.owns(name)]
