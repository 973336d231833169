# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role mirrors, and a kubelet that pulls through what it made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import docker
import pytest

from tests.support.caches import cache, remove_caches
from tests.support.cluster import Cluster
from tests.support.modules import run_module
from tests.support.names import Names
from tests.support.playbooks import run_playbook
from tests.support.pods import pull_on_every_node
from tests.support.testbed import Testbed
from tests.support.upstream import Upstream

PLAYBOOK = "tests/integration/playbooks/mirrors.yml"
PASSWORD = "hush-hush-1234"


@pytest.fixture
def upstream(engine: docker.DockerClient, testbed: Testbed, names: Names, cluster: Cluster) -> Iterator[Upstream]:
    yield Upstream(engine, testbed.registry_image, names("up"), cluster.network, users={"robot": PASSWORD})
    remove_caches(engine, names.prefix)


@pytest.mark.cluster
@pytest.mark.long  # molecule/mirrors does the same
def test_a_kubelet_pulls_what_its_upstream_no_longer_has(
    engine: docker.DockerClient, testbed: Testbed, names: Names, cluster: Cluster, upstream: Upstream
) -> None:
    upstream.push("team/app", "1")
    image = f"{upstream.host}/team/app:1"
    item = {"host": upstream.host, "upstream": upstream.url, "username": "robot", "password": PASSWORD}
    variables: dict[str, Any] = {
        "mirrors_list": [item],
        "mirrors_networks": [cluster.network],
        "mirrors_image": testbed.registry_image,
        "mirrors_cluster_name": cluster.name,
        # others' caches on the shared network are none of this test's business
        "mirrors_exclusive": False,
    }
    check = run_playbook(PLAYBOOK, variables, "--diff", check=True)
    assert check.changed["localhost"] == 1
    made = run_playbook(PLAYBOOK, {**variables, "mirrors_preload": [image]}, "--diff", "-vvv")
    assert made.changed["localhost"] == 2
    assert PASSWORD not in made.stdout
    assert run_playbook(PLAYBOOK, {**variables, "mirrors_preload": [image]}).changed["localhost"] == 0

    registries = run_module("registry_mirrors_info", mirrors=[item])["registries"]
    run_module("containerd_hosts", nodes=cluster.nodes, registries=registries)
    upstream.stop()
    cache(engine, upstream.host).restart(timeout=1)
    try:
        pull_on_every_node(cluster, names("pod"), image)
        nodes = run_module("image_preload", images=[image], nodes=cluster.nodes)
        assert nodes["present"] == 1
    finally:
        run_module("containerd_hosts", nodes=cluster.nodes, registries=registries, state="absent")

    bad = run_playbook(PLAYBOOK, {**variables, "mirrors_list": [{**item, "usrname": "x"}]}, fails=True)
    assert "did you mean 'username'" in bad.stdout
    bad = run_playbook(PLAYBOOK, {**variables, "mirrors_list": [{"host": "docker.io", "username": "x"}]}, fails=True)
    assert "'username' without 'password'" in bad.failed_message
    gone = run_playbook(PLAYBOOK, {**variables, "mirrors_state": "absent", "mirrors_purge": "true"})
    assert gone.changed["localhost"] == 1
