# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""k3d clusters: up to the command line with a recording fake, and by the real k3d where it is on PATH."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import docker
import pytest
import yaml

from ansible_collections.kubelocal.registry.plugins.module_utils import _k3d_leftovers
from tests.support import k3d
from tests.support.modules import run_module
from tests.support.names import Names
from tests.support.testbed import Testbed
from tests.support.waiting import wait_for

# is no k3d: it writes down how it was called and what it was handed
RECORDING_FAKE = """#!/bin/sh
{ for word in "$@"; do echo "arg $word"; done; echo "KUBECONFIG $KUBECONFIG"; } > "$RECORD.calls"
[ "$4" = --config ] && cp "$5" "$RECORD.config"
echo 'time="10:00:00Z" level=info msg="Prep: Network"'
sleep "${LASTS:-0}"
echo 'time="10:00:01Z" level=fatal msg="this is a recording fake"'
exit 1
"""


@pytest.fixture
def fake_k3d(tmp_path: Path) -> Path:
    program = tmp_path / "recording-fake-k3d"
    program.write_text(RECORDING_FAKE)
    program.chmod(0o755)
    return program


def recorded(tmp_path: Path, fake: Path, name: str, lasts: str = "0", **options: Any) -> dict[str, Any]:
    environment = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "RECORD": str(tmp_path / "record"), "LASTS": lasts}
    return run_module("k3d_cluster", name=name, executable=str(fake), environment=environment, **options)


def test_what_k3d_is_handed(engine: docker.DockerClient, names: Names, tmp_path: Path, fake_k3d: Path) -> None:
    assert engine.ping()
    name = names("k3d")
    kubeconfig = tmp_path / "kubeconfig"
    options: dict[str, Any] = {
        "agents": 2,
        "image": "rancher/k3s:v1",
        "ports": ["8080:80@loadbalancer"],
        "registries": 'mirrors:\n  "localhost:5001":\n    endpoint: ["http://local-registry:5000"]\n',
        "config": {"options": {"k3d": {"disableImageVolume": True}}},
        "kubeconfig": str(kubeconfig),
    }
    check = recorded(tmp_path, fake_k3d, name, check=True, **options)
    assert check["actions"] == [f"Create the k3d cluster '{name}' with 3 nodes."]
    assert list(tmp_path.iterdir()) == [fake_k3d]
    begun = recorded(tmp_path, fake_k3d, name, lasts="1.5", wait=False, **options)
    assert (begun["changed"], begun["pending"]) == (True, True)
    config_file = tmp_path / "record.config"
    wait_for("k3d to be called", config_file.exists)
    config = yaml.safe_load(config_file.read_text())
    assert config["apiVersion"] == "k3d.io/v1alpha5"
    assert config["metadata"] == {"name": name}
    assert config["registries"] == {"config": options["registries"]}
    assert config["options"]["k3d"] == {"disableImageVolume": True}
    calls = (tmp_path / "record.calls").read_text().splitlines()
    assert calls[:4] == ["arg cluster", "arg create", f"arg {name}", "arg --config"]
    assert f"KUBECONFIG {kubeconfig}" in calls
    assert "local-registry" not in str(begun), "the registries' text may hold passwords"
    # the next run waits for this one, and hears how it ended
    failed = recorded(tmp_path, fake_k3d, name, fails=True, **options)
    assert "could not be created: this is a recording fake" in failed["msg"]
    assert recorded(tmp_path, fake_k3d, name, state="absent", kubeconfig=str(kubeconfig))["changed"] is False


def test_a_cluster_that_does_not_come_up_is_begun_anew(
    engine: docker.DockerClient, testbed: Testbed, names: Names, tmp_path: Path, fake_k3d: Path
) -> None:
    # a container with k3d's labels stands for a server that a killed k3d left
    name = names("k3d")
    engine.containers.run(
        testbed.busybox_image,
        ["sleep", "600"],
        name=f"k3d-{name}-server-0",
        labels={"k3d.cluster": name, "k3d.role": "server"},
        detach=True,
    )
    result = recorded(tmp_path, fake_k3d, name, lasts="1", wait=False)
    assert result["actions"] == [
        f"Delete the half-made k3d cluster '{name}', whose control plane never came up.",
        f"Create the k3d cluster '{name}' with 1 node.",
    ]
    assert engine.containers.list(all=True, filters={"label": f"k3d.cluster={name}"}) == []
    time.sleep(1)


def test_what_k3d_leaves_is_removed_when_nobody_needs_it(
    engine: docker.DockerClient, testbed: Testbed, names: Names, tmp_path: Path, fake_k3d: Path
) -> None:
    name = names("k3d")
    options = {"state": "absent", "kubeconfig": str(tmp_path / "kubeconfig")}
    network = engine.networks.create(f"k3d-{name}", labels={"app": "k3d"})
    engine.volumes.create(f"k3d-{name}-images", labels={"app": "k3d"})

    def sleeper(suffix: str, labels: dict[str, str]) -> Any:
        return engine.containers.create(
            testbed.busybox_image, ["sleep", "600"], name=names(suffix), labels=labels, network=network.name
        )

    # a node of another cluster needs the network
    other = sleeper("other", {"k3d.cluster": names("other"), "k3d.role": "agent"})
    assert recorded(tmp_path, fake_k3d, name, **options)["actions"] == [
        f"Remove the volume k3d-{name}-images that k3d left."
    ]
    assert recorded(tmp_path, fake_k3d, name, **options)["changed"] is False
    other.remove()
    registry = sleeper("registry", {"kubelocal.registry.managed": "true"})
    told = [f"Remove the network k3d-{name} that k3d left."]
    assert recorded(tmp_path, fake_k3d, name, check=True, **options)["actions"] == told
    assert recorded(tmp_path, fake_k3d, name, **options)["actions"] == told
    assert recorded(tmp_path, fake_k3d, name, **options)["changed"] is False
    # it was on no other network, and has to be on one to be started
    registry.start()
    registry.reload()
    assert list(registry.attrs["NetworkSettings"]["Networks"]) == ["bridge"]


def test_a_registry_made_with_a_cluster_is_out_of_k3ds_reach(
    engine: docker.DockerClient, testbed: Testbed, names: Names
) -> None:
    name = names("k3d")
    network = engine.networks.create(f"k3d-{name}", labels={"app": "k3d"})
    registry = engine.containers.run(
        testbed.busybox_image,
        ["sleep", "600"],
        name=names("registry"),
        labels={"k3d.cluster": name, "k3d.role": "registry"},
        network=network.name,
        detach=True,
        init=True,
    )

    def networks() -> list[str]:
        registry.reload()
        return sorted(registry.attrs["NetworkSettings"]["Networks"])

    spared = _k3d_leftovers.spare_registries(engine, name)
    # k3d deletes one that is on no other network than the cluster's and Docker's own
    assert networks() == ["bridge", network.name, f"{network.name}-kubelocal"]
    network.disconnect(registry)
    spared()
    assert networks() == ["bridge"]
    registry.restart(timeout=0)
    assert networks() == ["bridge"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"name": "A"}, "no name for a k3d cluster"),
        ({"servers": 0}, "servers is 0"),
        ({"ports": ["x;id"]}, "ports has 'x;id'"),
        ({"config": {"kind": "Pod"}}, "config has kind"),
        ({"wait_timeout": 0}, "wait_timeout is 0"),
    ],
)
def test_bad_input(tmp_path: Path, fake_k3d: Path, options: dict[str, Any], told: str) -> None:
    result = run_module("k3d_cluster", **{"name": "dev", "executable": str(fake_k3d), **options}, fails=True)
    assert told in result["msg"]
    assert not (tmp_path / "record.calls").exists()


@k3d.NEEDED
def test_a_real_cluster(engine: docker.DockerClient, testbed: Testbed, names: Names, tmp_path: Path) -> None:
    name, cache = names("k"), names("cache")
    engine.containers.create(testbed.busybox_image, ["sleep", "600"], name=cache)
    kubeconfig = tmp_path / "kubeconfig"
    options: dict[str, Any] = {
        "name": name,
        "image": k3d.IMAGE,
        "kubeconfig": str(kubeconfig),
        "config": {"options": {"k3d": {"disableImageVolume": True}}},
        "registries": 'mirrors:\n  "localhost:5001":\n    endpoint: ["http://local-registry:5000"]\n',
        "join": [cache, names("nowhere")],
        "environment": {"XDG_CACHE_HOME": str(tmp_path / "cache")},
    }

    def run(**more: Any) -> dict[str, Any]:
        return run_module("k3d_cluster", **{**options, **more})

    try:
        made = run()
        assert made["actions"] == [
            f"Create the k3d cluster '{name}' with 1 node.",
            f"Joined {cache} to the network k3d-{name}.",
        ]
        assert made["cluster"]["complete"]
        server = engine.containers.get(f"k3d-{name}-server-0")
        assert "local-registry:5000" in server.exec_run(["cat", "/etc/rancher/k3s/registries.yaml"]).output.decode()
        assert run()["changed"] is False
        assert run(check=True)["changed"] is False
        server.stop(timeout=1)
        assert run()["actions"] == [f"Start the node {server.name}."]
        kubeconfig.unlink()
        assert run()["actions"] == [f"Write the context k3d-{name} into the kubeconfig {kubeconfig}."]
        assert run(agents=1)["actions"] == [f"Add 1 agent to the k3d cluster '{name}'."]
        again = run(agents=1)
        assert (again["changed"], again["differences"]) == (False, [])
        assert run()["differences"] == ["it has 1 agent, 0 declared"]
        info = run_module("cluster_info", provider="k3d", name=name, kubeconfig=str(kubeconfig))["cluster"]
        assert [node["role"] for node in info["nodes"]] == ["control-plane", "worker"]
        gone = run(state="absent")
        assert gone["changed"]
        assert run(state="absent")["changed"] is False
        assert json.dumps(name) not in kubeconfig.read_text()
    finally:
        subprocess.run([str(k3d.PROGRAM), "cluster", "delete", name], check=False, capture_output=True)
