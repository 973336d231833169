# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A kind cluster from its creation to its deletion, by the real kind."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import docker
import pytest
import yaml

from tests.support.modules import run_module
from tests.support.names import Names
from tests.support.pausing import pause
from tests.support.testbed import Testbed


class Made:
    """One cluster that all tests here share, in the order in which they stand."""

    def __init__(self, testbed: Testbed, name: str, folder: Path) -> None:
        self.name = name
        self.folder = folder
        self.kubeconfig = folder / "kube" / "config"
        self._kubectl = testbed.kubectl
        config = {
            **(testbed.variables.get("kind_config") or {}),
            "containerdConfigPatches": ["[debug]\n  level = 'info'"],
        }
        self.options: dict[str, Any] = {
            "name": name,
            "workers": 1,
            "image": testbed.node_image or None,
            "config": config,
            "kubeconfig": str(self.kubeconfig),
            "executable": testbed.kind,
        }

    def run(self, **options: Any) -> dict[str, Any]:
        environment = {"XDG_CACHE_HOME": str(self.folder / "cache"), **options.pop("environment", {})}
        return run_module("kind_cluster", environment=environment, **{**self.options, **options})

    def kubectl(self, *arguments: str) -> str:
        command = [self._kubectl, "--kubeconfig", str(self.kubeconfig), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout

    def ready(self) -> list[bool]:
        nodes = yaml.safe_load(self.kubectl("get", "nodes", "-o", "yaml"))["items"]
        return [
            condition["status"] == "True"
            for node in nodes
            for condition in node["status"]["conditions"]
            if condition["type"] == "Ready"
        ]


@pytest.fixture(scope="module")
def made(testbed: Testbed, module_names: Names, tmp_path_factory: pytest.TempPathFactory) -> Made:
    return Made(testbed, module_names("kind"), tmp_path_factory.mktemp("kind"))


def containers(engine: docker.DockerClient, name: str) -> list[Any]:
    found: list[Any] = engine.containers.list(
        all=True, ignore_removed=True, filters={"label": f"io.x-k8s.kind.cluster={name}"}
    )
    return sorted(found, key=lambda container: str(container.name))


def test_check_mode_leaves_nothing(made: Made, engine: docker.DockerClient) -> None:
    result = made.run(check=True, diff=True)
    assert result["changed"]
    assert result["actions"] == [f"Create the kind cluster '{made.name}' with 2 nodes."]
    assert result["diff"]["before"] == {"exists": False}
    assert set(result["diff"]["after"]["nodes"]) == {f"{made.name}-control-plane", f"{made.name}-worker"}
    assert list(made.folder.iterdir()) == []
    assert containers(engine, made.name) == []
    assert made.run(check=True, state="absent")["changed"] is False
    assert list(made.folder.iterdir()) == []


def test_a_proxy_in_the_environment_and_creation(made: Made, engine: docker.DockerClient) -> None:
    # nothing is pulled, so that the proxy need not be there
    proxy = {"HTTPS_PROXY": "http://192.0.2.1:3128", "NO_PROXY": "127.0.0.1"}
    result = made.run(no_proxy=["local-registry"], environment=proxy, diff=True)
    assert result["changed"]
    assert result["actions"] == [f"Create the kind cluster '{made.name}' with 2 nodes."]
    assert result["cluster"]["complete"]
    assert not result["pending"]
    assert set(result["diff"]["after"]["nodes"].values()) == {"running"}
    assert made.ready() == [True, True]
    for container in containers(engine, made.name):
        (no_proxy,) = [entry for entry in container.attrs["Config"]["Env"] if entry.startswith("NO_PROXY=")]
        assert "local-registry" in no_proxy.partition("=")[2].split(",")
        file = container.exec_run(["cat", "/etc/containerd/config.toml"]).output.decode()
        assert 'config_path = "/etc/containerd/certs.d"' in file.replace("'", '"')
        assert 'level = "info"' in file.replace("'", '"'), "ours and the given patch"


@pytest.mark.parametrize("check", [False, True])
def test_again_changes_nothing(made: Made, check: bool) -> None:
    result = made.run(check=check, diff=True)
    assert (result["changed"], result["actions"], result["differences"]) == (False, [], [])
    assert result["diff"]["before"] == result["diff"]["after"]


def test_what_differs_is_told_and_left(made: Made, engine: docker.DockerClient) -> None:
    before = [container.id for container in containers(engine, made.name)]
    result = made.run(workers=2)
    assert not result["changed"]
    assert result["differences"] == ["it has 1 worker, 2 declared"]
    assert f"kind delete cluster --name {made.name}" in str(result["warnings"])
    config = {**made.options["config"], "networking": {"podSubnet": "10.55.0.0/16"}}
    message = made.run(config=config, on_difference="fail", fails=True)["msg"]
    assert "networking is another than it was created with" in message
    assert [container.id for container in containers(engine, made.name)] == before


def test_the_kubeconfig_is_mended(made: Made) -> None:
    content = yaml.safe_load(made.kubeconfig.read_text())
    content["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    made.kubeconfig.write_text(yaml.safe_dump(content))
    check = made.run(check=True)
    assert check["actions"] == [f"Write the context kind-{made.name} into the kubeconfig {made.kubeconfig}."]
    assert made.run()["actions"] == check["actions"]
    assert made.ready() == [True, True]
    made.kubeconfig.unlink()
    assert made.run()["changed"]
    assert made.run()["changed"] is False


def test_a_certificate_of_an_earlier_cluster_is_mended(made: Made) -> None:
    content = yaml.safe_load(made.kubeconfig.read_text())
    # a sound certificate that has not signed the API server's
    another = content["users"][0]["user"]["client-certificate-data"]
    content["clusters"][0]["cluster"]["certificate-authority-data"] = another
    made.kubeconfig.write_text(yaml.safe_dump(content))
    assert made.run()["changed"]
    assert made.ready() == [True, True]


def test_a_stopped_node_comes_back(made: Made, engine: docker.DockerClient) -> None:
    _control_plane, worker = containers(engine, made.name)
    worker.stop(timeout=1)
    assert made.run(check=True)["actions"] == [f"Start the node {worker.name}."]
    assert made.run()["actions"] == [f"Start the node {worker.name}."]
    assert made.ready() == [True, True]
    assert made.run()["changed"] is False


def test_a_paused_node_comes_back(made: Made, engine: docker.DockerClient) -> None:
    control_plane, _worker = containers(engine, made.name)
    pause(control_plane)
    assert made.run(check=True)["actions"] == [f"Unpause the node {control_plane.name}."]
    assert made.run()["actions"] == [f"Unpause the node {control_plane.name}."]
    assert made.ready() == [True, True]
    assert made.run()["changed"] is False


def test_deletion(made: Made, engine: docker.DockerClient) -> None:
    check = made.run(check=True, state="absent", diff=True)
    assert check["actions"] == [
        f"Delete the kind cluster '{made.name}'.",
        f"Remove the context kind-{made.name} from the kubeconfig {made.kubeconfig}.",
    ]
    assert check["diff"]["after"] == {"exists": False}
    assert len(containers(engine, made.name)) == 2
    result = made.run(state="absent")
    assert result["actions"] == check["actions"]
    assert containers(engine, made.name) == []
    assert made.name not in made.kubeconfig.read_text()
    assert [path for path in (made.folder / "cache").rglob("*") if path.is_file()] == []
    assert made.run(state="absent")["changed"] is False


def test_half_a_cluster_goes_without_kind(engine: docker.DockerClient, testbed: Testbed, names: Names) -> None:
    engine.containers.run(
        testbed.busybox_image,
        ["sleep", "600"],
        name=names("half-worker"),
        detach=True,
        labels={"io.x-k8s.kind.cluster": names("half"), "io.x-k8s.kind.role": "worker"},
    )
    result = run_module("kind_cluster", name=names("half"), state="absent", executable="/none/kind")
    assert result["actions"] == [f"Delete the kind cluster '{names('half')}'."]
    assert containers(engine, names("half")) == []


def test_errors_name_what_is_wrong(engine: docker.DockerClient, testbed: Testbed, names: Names, tmp_path: Path) -> None:
    environment = {"XDG_CACHE_HOME": str(tmp_path)}
    name = names("bad")
    missing = run_module("kind_cluster", name=name, executable="/none/kind", fails=True, environment=environment)
    assert missing["msg"].startswith("the program '/none/kind' is not there; install kind")
    config = {"nodes": [{"role": "control-plane"}], "nope": 1}
    options: dict[str, Any] = {"name": name, "executable": testbed.kind, "environment": environment}
    unknown = run_module("kind_cluster", config=config, fails=True, **options)
    assert "nope" in unknown["msg"]
    assert str(tmp_path) in unknown["msg"], "and where kind's log is"
    assert "Traceback" not in unknown["msg"]
    assert containers(engine, name) == []
    lock = tmp_path / "kubeconfig.lock"
    lock.touch()
    locked = run_module("kind_cluster", kubeconfig=str(tmp_path / "kubeconfig"), fails=True, **options)
    assert f"is locked by the file {lock}" in locked["msg"]
    assert lock.exists(), "it may be somebody's"
