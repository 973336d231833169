# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens to a kind cluster and its creation, each caused for real, and repaired by the next run.

The tests share one cluster, and stand in the order in which its life goes on.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.support.modules import run_module
from tests.support.names import Names
from tests.support.pausing import pause
from tests.support.testbed import Testbed
from tests.support.waiting import wait_for

# test_up.py and test_up_killed.py cause the same from the playbook
pytestmark = [pytest.mark.cluster, pytest.mark.long]


class Lab:
    def __init__(self, engine: docker.DockerClient, testbed: Testbed, name: str, folder: Path) -> None:
        self.engine = engine
        self.testbed = testbed
        self.name = name
        self.folder = folder
        self.kubeconfig = folder / "kubeconfig"

    def run(self, **options: Any) -> dict[str, Any]:
        return run_module(
            "kind_cluster",
            name=self.name,
            image=self.testbed.node_image or None,
            config=self.testbed.variables.get("kind_config") or {},
            kubeconfig=str(self.kubeconfig),
            executable=self.testbed.kind,
            environment={"XDG_CACHE_HOME": str(self.folder / "cache")},
            **options,
        )

    def nodes(self) -> dict[str, Any]:
        found = self.engine.containers.list(
            all=True, ignore_removed=True, filters={"label": f"io.x-k8s.kind.cluster={self.name}"}
        )
        return {str(node.name): node for node in found}

    def creators(self) -> list[int]:
        """The processes of this cluster's creation: kind, and who started it."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    words = (entry / "cmdline").read_bytes().decode(errors="replace")
                except OSError:
                    continue
                # the record's path, or kind's own arguments
                if str(self.folder / "cache") in words:
                    found.append(int(entry.name))
        return found


@pytest.fixture(scope="module")
def lab(
    engine: docker.DockerClient, testbed: Testbed, module_names: Names, tmp_path_factory: pytest.TempPathFactory
) -> Lab:
    return Lab(engine, testbed, module_names("faults"), tmp_path_factory.mktemp("faults"))


def test_kind_is_killed_and_what_it_left_is_made_anew(lab: Lab) -> None:
    assert lab.run(wait=False)["pending"]
    wait_for("a node", lab.nodes, timeout=120)
    lock = Path(f"{lab.kubeconfig}.lock")
    for process in lab.creators():
        os.kill(process, signal.SIGKILL)
    wait_for("kind to be gone", lambda: not lab.creators())
    before = {node.id for node in lab.nodes().values()}
    # as kind leaves it when it is killed while it writes the kubeconfig
    lock.touch()
    check = lab.run(check=True)
    result = lab.run(wait=False)
    sentence = f"Delete the half-made kind cluster '{lab.name}', whose control plane never came up."
    assert sentence in check["actions"]
    assert sentence in result["actions"]
    assert f"Remove the lock {lock} that a killed run left behind." in result["actions"]
    assert result["actions"][-1] == f"Create the kind cluster '{lab.name}' with 1 node."
    assert not lock.exists()
    assert before.isdisjoint(node.id for node in lab.nodes().values())


def test_a_creation_outlives_its_play_and_the_next_run_waits_for_it(lab: Lab) -> None:
    # the module has ended long ago, as after a kill of the play
    assert lab.creators()
    assert lab.run(check=True)["actions"] == ["Wait until kind has created the cluster, which is under way."]
    result = lab.run()
    assert result["cluster"]["complete"]
    assert result["actions"] == [f"Complete the kind cluster '{lab.name}', whose creation an earlier run began."]
    assert lab.run()["changed"] is False


@pytest.mark.parametrize("fault", ["stop", "pause", "kill"])
def test_a_node_does_not_run(lab: Lab, fault: str) -> None:
    (node,) = lab.nodes().values()
    {"stop": lambda: node.stop(timeout=1), "pause": lambda: pause(node), "kill": node.kill}[fault]()
    result = lab.run()
    assert result["changed"]
    assert result["cluster"]["nodes"][0]["running"]
    assert lab.run()["changed"] is False


def test_a_worker_is_added_by_hand(lab: Lab) -> None:
    (control_plane,) = lab.nodes().values()
    join = control_plane.exec_run(["kubeadm", "token", "create", "--print-join-command"])
    assert join.exit_code == 0, join.output
    name = f"{lab.name}-worker"
    network = next(iter(control_plane.attrs["NetworkSettings"]["Networks"]))
    command = ["docker", "run", "--detach", "--tty", "--privileged", "--name", name, "--hostname", name]
    command += ["--label", f"io.x-k8s.kind.cluster={lab.name}", "--label", "io.x-k8s.kind.role=worker"]
    command += ["--net", network, "--tmpfs", "/tmp", "--tmpfs", "/run", "--volume", "/var", "--cgroupns=private"]
    command += ["--volume", "/lib/modules:/lib/modules:ro", str(control_plane.attrs["Config"]["Image"])]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    worker = lab.nodes()[name]
    wait_for("containerd on the new node", lambda: worker.exec_run(["ctr", "version"]).exit_code == 0, timeout=60)
    # the join configuration that kind would have written has the kubelet settings; the patch is the testbed's
    argv = [*join.output.decode().split(), "--ignore-preflight-errors=all"]
    joined = worker.exec_run(argv)
    assert joined.exit_code == 0, joined.output.decode()[-2000:]
    result = lab.run()
    assert result["changed"] is False
    assert result["differences"] == ["it has 1 worker, 0 declared"]
    assert [node["name"] for node in result["cluster"]["nodes"]] == [control_plane.name, name]


def test_a_cluster_is_deleted_behind_our_back(lab: Lab) -> None:
    for node in lab.nodes().values():
        node.remove(force=True, v=True)
    info = run_module("cluster_info", name=lab.name, kubeconfig=str(lab.kubeconfig))["cluster"]
    assert (info["exists"], info["complete"]) == (False, False)
    check = lab.run(check=True)
    assert check["actions"] == [f"Create the kind cluster '{lab.name}' with 1 node."]
    # what is left of it is a context, and that goes
    assert lab.run(state="absent")["actions"] == [
        f"Remove the context kind-{lab.name} from the kubeconfig {lab.kubeconfig}."
    ]
    assert lab.run(state="absent")["changed"] is False
    assert json.dumps(lab.name) not in lab.kubeconfig.read_text()
