# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""up, status and down of a cluster by the real k3d, where it is on PATH; what can be told without one, everywhere."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
import yaml

from tests.support import k3d
from tests.support.caches import cache, remove_caches
from tests.support.certificates import Authority
from tests.support.cluster import Cluster
from tests.support.modules import run_module
from tests.support.names import Names
from tests.support.playbooks import PlaybookResult, run_playbook
from tests.support.pods import pull_on_every_node
from tests.support.registry import pull, push_image
from tests.support.testbed import Testbed
from tests.support.upstream import Upstream
from tests.support.waiting import wait_for

UP, DOWN, STATUS = "kubelocal.registry.up", "kubelocal.registry.down", "kubelocal.registry.status"
HOSTING = ("configmap", "local-registry-hosting", "--namespace", "kube-public")
PASSWORD = "hush-hush-1234"


class Job:
    """What is declared of one cluster and its registry, and what is looked at again and again."""

    def __init__(self, engine: docker.DockerClient, testbed: Testbed, names: Names, port: int, folder: Path) -> None:
        self.engine, self.testbed, self.names, self.port, self.folder = engine, testbed, names, port, folder
        self.cluster, self.registry = names("k"), names("r")
        self.kubeconfig, self.status_file = folder / "kubeconfig", folder / "status.json"
        programs = [str(Path(testbed.kubectl).parent)]
        self.environment = {
            "PATH": os.pathsep.join([*programs, os.environ["PATH"]]),
            "XDG_CACHE_HOME": str(folder / "cache"),
        }
        self.variables: dict[str, Any] = {
            "cluster_provider": "k3d",
            "cluster_name": self.cluster,
            "cluster_kubeconfig": str(self.kubeconfig),
            "k3d_image": k3d.IMAGE or "",
            "k3d_config": {"options": {"k3d": {"disableLoadbalancer": True}}},
            "registry_name": self.registry,
            "registry_port": port,
            "registry_image": testbed.registry_image,
        }

    @property
    def host(self) -> str:
        return f"localhost:{self.port}"

    def run(
        self, playbook: str, *arguments: str, check: bool = False, fails: bool = False, **more: Any
    ) -> PlaybookResult:
        result = run_playbook(
            playbook, {**self.variables, **more}, *arguments, check=check, fails=fails, environment=self.environment
        )
        assert PASSWORD not in result.stdout + result.stderr
        return result

    def again(self, **more: Any) -> PlaybookResult:
        result = self.run(UP, **more)
        assert result.changed == {"localhost": 0}, result.stdout
        return result

    def broken(self, **more: Any) -> dict[str, str]:
        """What status finds wrong, with a pull on every node; it fails exactly when there is something."""
        self.status_file.unlink(missing_ok=True)
        result = run_playbook(
            STATUS,
            {**self.variables, "status_file": str(self.status_file), **more},
            fails=None,
            environment=self.environment,
        )
        links = json.loads(self.status_file.read_text())["links"]
        broken = {link["link"]: link["detail"] for link in links if link["ok"] is False}
        assert (result.rc != 0) == bool(broken), result.stdout
        return broken

    def k3d(self, *arguments: str) -> None:
        process = subprocess.run(
            [str(k3d.PROGRAM), *arguments],
            env={**os.environ, "KUBECONFIG": str(self.kubeconfig)},
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )
        assert process.returncode == 0, process.stdout + process.stderr

    def k3d_create(self, *arguments: str) -> None:
        image = ["--image", k3d.IMAGE] if k3d.IMAGE else []
        self.k3d("cluster", "create", self.cluster, "--no-lb", *image, *arguments)

    def nodes(self) -> list[Any]:
        found = self.engine.containers.list(
            all=True, ignore_removed=True, filters={"label": f"k3d.cluster={self.cluster}"}
        )
        return sorted(
            (node for node in found if node.labels["k3d.role"] in ("server", "agent")), key=lambda one: one.name
        )

    def described(self) -> Cluster:
        names = [node.name for node in self.nodes()]
        return Cluster(self.cluster, self.kubeconfig, f"k3d-{self.cluster}", names, self.testbed.kubectl, "k3d")

    def pull(self, *images: str, nodes: int) -> None:
        """By the kubelet of every node."""
        cluster = self.described()
        assert len(cluster.nodes) == nodes
        pull_on_every_node(cluster, self.names("pod"), *images)

    def file(self, node: Any, path: str) -> str:
        code, output = node.exec_run(["cat", path])
        assert code == 0, output
        return str(output.decode())

    def hosting(self) -> dict[str, str]:
        """What the cluster says about its registry."""
        data = self.described().get(*HOSTING)["data"]["localRegistryHosting.v1"]
        found: dict[str, str] = yaml.safe_load(data)
        return found

    def has_hosting_of_ours(self) -> None:
        found = self.hosting()
        assert found.pop("help")
        assert found == {
            "host": self.host,
            "hostFromContainerRuntime": self.host,
            "hostFromClusterNetwork": f"{self.registry}:5000",
        }

    def exists(self) -> list[str]:
        """Whatever of ours Docker has."""
        found = [container.name for container in self.engine.containers.list(all=True, ignore_removed=True)]
        found += [network.name for network in self.engine.networks.list()]
        found += [volume.name for volume in self.engine.volumes.list()]
        ours = (self.cluster, self.registry, f"k3d-{self.cluster}")
        return sorted(name for name in found if name.startswith(ours))


@pytest.fixture
def job(
    engine: docker.DockerClient, testbed: Testbed, names: Names, free_port: Callable[[], int], tmp_path: Path
) -> Iterator[Job]:
    yield Job(engine, testbed, names, free_port(), tmp_path)
    remove_caches(engine, names.prefix)


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"k3d_config": {"ports": ["80:80"]}}, "k3d_config.ports[0] is '80:80'; set it to a dictionary"),
        ({"k3d_config": {"registry": {}}}, "which k3d does not know; did you mean 'registries'?"),
        ({"k3d_config": {"agents": 2}, "k3d_agents": 1}, "k3d_config has agents: 2 and k3d_agents is 1"),
        ({"k3d_executable": "no-such-k3d"}, "no-such-k3d is not on PATH; install it with the role"),
    ],
)
def test_what_can_not_work_is_told_before_anything_is_made(job: Job, variables: dict[str, Any], told: str) -> None:
    result = job.run(UP, fails=True, **variables)
    assert told in result.failed_message
    assert job.exists() == []
    assert [path.name for path in job.folder.iterdir()] == []


@k3d.NEEDED
def test_k3d_itself_is_asked_before_anything_is_made(job: Job) -> None:
    result = job.run(UP, fails=True, k3d_config={"somethingNew": 1})
    assert "does not take k3d_config: (root): Additional property somethingNew is not allowed." in result.failed_message
    assert job.exists() == []
    assert [path.name for path in job.folder.iterdir()] == []


@k3d.NEEDED
def test_up_status_and_down(job: Job, free_port: Callable[[], int]) -> None:
    network = job.names("up")
    job.engine.networks.create(network)
    upstream = Upstream(job.engine, job.testbed.registry_image, job.names("hub"), network)
    web = free_port()
    job.variables.update(
        k3d_agents=1,
        k3d_ports=[f"127.0.0.1:{web}:30080@server:0:direct"],
        mirrors=[{"host": upstream.host, "upstream": upstream.url}],
        mirrors_networks=[network],
    )
    _check_leaves_nothing(job)
    assert "on 2 nodes worked" in job.run(UP).stdout
    _nodes_know_it_from_birth(job, upstream, web)
    job.again()
    assert job.broken() == {}
    _a_node_added_later_knows_it(job, upstream)
    _a_stopped_cluster_is_started(job)
    _down_leaves_nothing_but_data(job)
    assert cache(job.engine, upstream.host).status == "running"


def _check_leaves_nothing(job: Job) -> None:
    result = job.run(UP, "--diff", check=True)
    assert "would have this registry" in result.stdout
    assert job.exists() == []
    assert [path.name for path in job.folder.iterdir()] == []


def _nodes_know_it_from_birth(job: Job, upstream: Upstream, web: int) -> None:
    for node in job.nodes():
        born, now = job.file(node, f"{k3d.REGISTRIES}.orig"), job.file(node, k3d.REGISTRIES)
        for text in (born, now):
            assert sorted(yaml.safe_load(text)["mirrors"]) == sorted([job.host, f"{job.registry}:5000", upstream.host])
        # as k3d put it there; since then it says which mirrors are ours
        assert "kubelocal" not in born
    ports = job.engine.containers.get(f"k3d-{job.cluster}-server-0").ports
    assert ports["30080/tcp"] == [{"HostIp": "127.0.0.1", "HostPort": str(web)}]
    job.has_hosting_of_ours()
    push_image(job.host, "app", "1")
    upstream.push("team/app", "1")
    job.pull(f"{job.host}/app:1", f"{job.registry}:5000/app:1", f"{upstream.host}/team/app:1", nodes=2)


def _a_node_added_later_knows_it(job: Job, upstream: Upstream) -> None:
    job.k3d("node", "create", f"{job.cluster}-late", "--cluster", job.cluster, "--role", "agent", "--wait")
    late = f"k3d-{job.cluster}-late-0"
    cluster = job.described()
    wait_for("the node to be ready", lambda: late in _ready(cluster), 120, 1)
    push_image(job.host, "late", "1")
    upstream.push("team/late", "1")
    images = [f"{job.host}/late:1", f"{job.registry}:5000/late:1", f"{upstream.host}/team/late:1"]
    job.pull(*images, nodes=3)
    for node in job.nodes():
        node.restart(timeout=1)
    wait_for("all nodes to be ready", lambda: len(_ready(cluster)) == 3, 120, 1)
    job.pull(*images, nodes=3)
    assert "it has 2 agents, 1 declared" in job.again().stderr.replace("\n", " ")
    job.variables["k3d_agents"] = 2
    assert "WARNING" not in job.again().stderr
    assert job.broken() == {}


def _ready(cluster: Cluster) -> list[str]:
    try:
        nodes = cluster.get("nodes")["items"]
    except AssertionError:
        return []  # the API server has just been started
    return [
        node["metadata"]["name"]
        for node in nodes
        if any(one["type"] == "Ready" and one["status"] == "True" for one in node["status"].get("conditions", []))
    ]


def _a_stopped_cluster_is_started(job: Job) -> None:
    job.k3d("cluster", "stop", job.cluster)
    assert "is exited" in job.broken()["cluster"]
    assert "on 3 nodes worked" in job.run(UP).stdout
    job.again()
    assert job.broken() == {}


def _down_leaves_nothing_but_data(job: Job) -> None:
    job.run(DOWN)
    assert job.exists() == [f"{job.registry}-data"]
    assert job.cluster not in job.kubeconfig.read_text()
    assert job.run(DOWN).changed == {"localhost": 0}


@k3d.NEEDED
@pytest.mark.parametrize("together", [False, True], ids=["k3d registry create", "--registry-create"])
def test_what_k3d_made_is_adopted(job: Job, together: bool) -> None:
    if together:
        # k3d takes the image of such a registry from here
        job.registry = job.names("r")
        file = job.folder / "k3d.yaml"
        create = {"name": job.registry, "hostPort": str(job.port), "image": job.testbed.registry_image}
        file.write_text(
            json.dumps({"apiVersion": "k3d.io/v1alpha5", "kind": "Simple", "registries": {"create": create}})
        )
        job.k3d_create("--config", str(file))
    else:
        job.k3d(
            "registry", "create", job.registry, "--port", f"127.0.0.1:{job.port}", "--image", job.testbed.registry_image
        )
        job.registry = job.variables["registry_name"] = f"k3d-{job.registry}"
        job.k3d_create("--registry-use", f"{job.registry}:5000")
    assert job.hosting()["hostFromContainerRuntime"] == f"{job.registry}:5000", "k3d's own, which has no localhost"
    container = job.engine.containers.get(job.registry)
    digest = push_image(job.host, "kept", "1")
    assert "on 1 node worked" in job.run(UP).stdout
    job.has_hosting_of_ours()
    assert job.engine.containers.get(job.registry).id == container.id
    job.again()
    assert job.broken() == {}
    job.pull(f"{job.host}/kept:1", f"{job.registry}:5000/kept:1", nodes=1)
    job.run(DOWN)
    assert job.nodes() == []
    run_module("registry_container", name=job.registry, port=job.port, image=job.testbed.registry_image)
    assert pull(job.host, "kept:1") == digest


@k3d.NEEDED
def test_users_and_https(job: Job) -> None:
    authority = Authority()
    certificate, key = authority.issue(job.registry, "localhost")
    job.variables.update(
        registry_users={"dev": PASSWORD},
        registry_https={"certificate": certificate, "key": key},
        connect_registry_ca=authority.certificate,
    )
    assert "on 1 node worked" in job.run(UP).stdout
    job.again()
    assert job.broken() == {}
    (server,) = job.nodes()
    assert PASSWORD not in json.dumps(server.attrs) + job.file(server, "/proc/1/environ")
    code, mode = server.exec_run(["stat", "-c", "%a", k3d.REGISTRIES, f"{k3d.CERTS}/{job.host}/hosts.toml"])
    assert (code, mode.split()) == (0, [b"600", b"600"])
    server.restart(timeout=1)
    wait_for("the node to be ready", lambda: _ready(job.described()) == [server.name], 120, 1)
    assert "on 1 node worked" in job.run(UP).stdout
    job.again()
    job.run(DOWN, registry_purge=True)
    assert job.exists() == []
