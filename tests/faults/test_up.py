# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What breaks between a host, its registry and a cluster, each caused for real: status names it, ``up`` mends it.

All tests share one cluster; each leaves it whole.
"""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest
import requests

from tests.faults.repair import CERTS, CONFIGMAP, PROVED, STATUS, UP, Home
from tests.support.names import Names
from tests.support.pausing import pause
from tests.support.playbooks import run_playbook
from tests.support.ports import free_port
from tests.support.registry import pull, push_image
from tests.support.waiting import wait_for

pytestmark = pytest.mark.cluster

CONFIG = "/etc/containerd/config.toml"


@dataclass(frozen=True)
class Fault:
    """What is done, and the link that status finds broken; {node} is the worker's name, {main} the control plane's."""

    cause: Callable[[Home], Any]
    link: str
    text: str


def _on(node: int, script: str) -> Callable[[Home], Any]:
    return lambda home: home.on_node(node, script.format(hosts=f"{CERTS}/{home.host}"))


def _edit_configmap(home: Home) -> None:
    patch = {"data": {"localRegistryHosting.v1": "host: localhost:1\n"}}
    home.kubectl("patch", *CONFIGMAP, "-p", json.dumps(patch))


def _disconnect(home: Home) -> None:
    home.engine.networks.get(home.network).disconnect(home.registry)


FAULTS = {
    "registry stopped": Fault(lambda home: home.container().stop(timeout=1), "container", "is exited"),
    "registry paused": Fault(lambda home: pause(home.container()), "container", "is paused"),
    "registry killed": Fault(lambda home: home.container().kill(), "container", "is exited"),
    "registry removed, its volume kept": Fault(
        lambda home: home.container().remove(force=True), "container", "there is no container"
    ),
    "registry renamed": Fault(
        lambda home: home.container().rename(f"{home.registry}-other"), "container", "-other' now"
    ),
    "registry disconnected": Fault(_disconnect, "network", "is not on"),
    "hosts.toml deleted": Fault(_on(1, "rm {hosts}/hosts.toml"), "hosts.toml {node}", "is not there"),
    "hosts.toml corrupted": Fault(
        _on(0, "echo '[host.' > {hosts}/hosts.toml"), "hosts.toml {main}", "is not valid TOML"
    ),
    "hosts.toml replaced": Fault(
        _on(1, "printf '[host.\"http://elsewhere:5000\"]\n' > {hosts}/hosts.toml"),
        "hosts.toml {node}",
        "leads to http://elsewhere:5000",
    ),
    "its folder replaced by a file": Fault(
        _on(0, "rm -r {hosts}; echo x > {hosts}"), "hosts.toml {main}", "is a file, no folder"
    ),
    "config_path pointing nowhere": Fault(
        _on(1, f"sed -i 's#certs.d#nowhere#' {CONFIG}; systemctl restart containerd"),
        "containerd {node}",
        "sets config_path to '/etc/containerd/nowhere'",
    ),
    "containerd not restarted after its file changed": Fault(
        _on(0, f"sleep 1.1; touch {CONFIG}"), "containerd {main}", "was not restarted since"
    ),
    "ConfigMap deleted": Fault(lambda home: home.kubectl("delete", *CONFIGMAP), "configmap", "local-registry-hosting"),
    "ConfigMap edited": Fault(_edit_configmap, "configmap", "host is localhost:1, not"),
}

# caused together, where each of them is still named
ROWS = [
    ("registry stopped", "ConfigMap deleted"),
    ("registry paused", "config_path pointing nowhere"),
    ("registry killed", "containerd not restarted after its file changed"),
    ("registry removed, its volume kept",),
    ("registry renamed",),
    ("registry disconnected", "ConfigMap edited"),
    ("hosts.toml deleted", "hosts.toml corrupted"),
    ("hosts.toml replaced", "its folder replaced by a file"),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: " and ".join(row))
def test_a_fault_is_named_and_mended(home: Home, row: tuple[str, ...]) -> None:
    faults = [FAULTS[name] for name in row]
    for fault in faults:
        fault.cause(home)
    broken = home.broken()
    named = {fault.link.format(main=home.nodes[0], node=home.nodes[1]): fault.text for fault in faults}
    # a renamed or missing registry is off its network too, and the like: what is named may be more, never less
    for link, text in named.items():
        assert text in broken.get(link, ""), broken
    home.mended()


def test_every_fault_is_in_a_row() -> None:
    assert sorted(name for row in ROWS for name in row) == sorted(FAULTS)


def test_status_says_what_mends_and_that_mends(home: Home, tmp_path: Path) -> None:
    """Once as a person does it: by the playbook, whose proof tells which node does not pull."""
    home.on_node(1, f"rm -r {CERTS}")
    file = tmp_path / "status.json"
    told = run_playbook(STATUS, {**home.variables, "status_file": str(file)}, fails=True, environment=home.environment)
    links = {link["link"]: link for link in json.loads(file.read_text())["links"]}
    broken = {name for name, link in links.items() if link["ok"] is False}
    assert broken == {f"hosts.toml {home.nodes[1]}", f"pull {home.nodes[1]}"}
    assert f"2 of {len(links)} links are broken" in told.failed_message
    assert links[f"hosts.toml {home.nodes[1]}"]["mend"].startswith(f"ansible-playbook {UP} ")
    home.mended()


def test_the_port_is_changed_and_changed_back(home: Home) -> None:
    before, home.port = home.port, free_port()
    assert home.broken()["port"] == f"{before} is published, not {home.port}"
    home.mended()
    home.port = before
    assert "port" in home.broken()
    home.mended()


@pytest.mark.long
@pytest.mark.parametrize("number", [0, 1], ids=["control-plane", "worker"])
def test_a_node_is_restarted(home: Home, number: int) -> None:
    home.node(number).stop(timeout=2)
    assert f"'{home.nodes[number]}' is exited" in home.broken()["cluster"]
    home.mended()
    home.node(number).restart(timeout=2)
    home.mended(changes=False)


def test_access_is_forbidden(home: Home) -> None:
    """The kubeconfig's user may do everything but what the ConfigMap needs."""
    binding, role = "kubeadm:cluster-admins", home.registry
    admin = "kubectl --kubeconfig /etc/kubernetes/super-admin.conf"
    resources = "nodes,pods,namespaces,serviceaccounts,leases.coordination.k8s.io"
    home.on_node(
        0,
        f"{admin} create clusterrole {role} --verb='*' --resource={resources}"
        f" && {admin} delete clusterrolebinding {binding}"
        f" && {admin} create clusterrolebinding {binding} --clusterrole={role} --group={binding}",
    )
    try:
        # the API server hears of it a moment later
        wait_for("it is forbidden", lambda: "forbid" in home.broken().get("configmap", ""), 20, 0.5)
        home.on_node(1, f"rm -r {CERTS}/{home.host}")
        failed = home.up(fails=True)
        assert "local-registry-hosting" in failed.failed_message
        assert failed.failed_message.count("forbids it") == 1, failed.failed_message
        assert "Traceback" not in failed.stdout
        # what it does not concern is mended all the same
        assert set(home.broken()) == {"configmap"}
    finally:
        home.on_node(
            0,
            f"{admin} delete clusterrolebinding {binding}; {admin} delete clusterrole {role};"
            f" {admin} create clusterrolebinding {binding} --clusterrole=cluster-admin --group={binding}",
        )
    wait_for("it is allowed", lambda: not home.broken(), 20, 0.5)
    home.mended(changes=False)


def test_the_cluster_is_deleted_and_two_make_it_anew_at_once(home: Home) -> None:
    home.delete_cluster()
    assert f"there is no kind cluster '{home.cluster}'" in home.broken()["cluster"]
    plays = [home.begin_up(), home.begin_up()]
    results = [play.result() for play in plays]
    for result in results:
        assert result.rc == 0, result.stdout
        assert PROVED in result.stdout
        assert "Traceback" not in result.stdout
    assert sorted(node.name for node in home.node_containers()) == sorted(home.nodes)
    home.is_whole()


@pytest.mark.long
def test_two_at_once_where_the_registry_is_gone(home: Home) -> None:
    home.forget_registry()
    plays = [home.begin_up(), home.begin_up()]
    for play in plays:
        result = play.result()
        assert result.rc == 0, result.stdout
        assert "Traceback" not in result.stdout
    home.is_whole()


def test_a_push_goes_on_while_the_registry_is_made_anew(home: Home) -> None:
    """A push that is cut may fail; what was answered with 201 is there afterwards."""
    taken: dict[str, str] = {}
    refused = 0
    end = threading.Event()

    def push() -> None:
        nonlocal refused
        while not end.is_set():
            tag = f"n{len(taken) + refused}"
            try:
                taken[tag] = push_image(home.host, "many", tag, size=500_000)
            except (requests.RequestException, AssertionError):
                refused += 1
                time.sleep(0.05)

    thread = threading.Thread(target=push)
    thread.start()
    try:
        made = home.container().id
        wait_for("a push before", lambda: taken)
        home.up(registry_environment={"OTEL_TRACES_EXPORTER": "none", "KUBELOCAL_TEST": "1"}, up_proof=False)
        assert home.container().id != made
        before = len(taken)
        wait_for("a push after", lambda: len(taken) > before)
    finally:
        end.set()
        thread.join()
    for tag, digest in taken.items():
        assert pull(home.host, f"many:{tag}") == digest
    home.mended(changes=False)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 32 MB on a loop device."""
    image, place = tmp_path / "disk", tmp_path / "place"
    place.mkdir()
    with image.open("wb") as file:
        file.truncate(32_000_000)
    for argv in (["mkfs.ext4", "-q", "-F", "-m", "0", str(image)], ["mount", "-o", "loop", str(image), str(place)]):
        if subprocess.run(argv, capture_output=True, check=False).returncode != 0:
            pytest.skip("no loop device can be mounted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=False)


def test_the_disk_is_full_under_the_registry_while_pushing(
    home: Home, engine: docker.DockerClient, names: Names, small_disk: Path
) -> None:
    """A registry beside the usual one, which comes back after it."""
    usual = home.registry, home.port, home.digest
    home.registry, home.port, home.digest = names("full"), free_port(), ""
    try:
        options = {"type": "none", "o": "bind", "device": str(small_disk)}
        engine.volumes.create(f"{home.registry}-data", driver="local", driver_opts=options)
        home.up(up_proof=False)
        home.keep()
        with pytest.raises((AssertionError, requests.RequestException)):
            push_image(home.host, "big", "v1", size=40_000_000)
        filler = small_disk / "filler"
        _fill(filler)
        assert "is full" in home.broken()["disk"]
        home.container().stop(timeout=1)
        failed = home.up(fails=True)
        assert "is full" in failed.failed_message, failed.failed_message
        filler.unlink()
        for left in small_disk.glob("docker/registry/v2/repositories/big/_uploads/*/data"):
            left.unlink()
        home.mended(changes=False)
    finally:
        home.remove_registry()
        home.registry, home.port, home.digest = usual
    home.mended()


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        while True:
            try:
                file.write(b"\0" * 4096)
            except OSError:
                return


@pytest.mark.long
def test_a_worker_is_added_by_hand(home: Home) -> None:
    name = f"{home.cluster}-worker2"
    main = home.node(0)
    command = ["docker", "run", "--detach", "--tty", "--privileged", "--name", name, "--hostname", name]
    command += ["--label", f"io.x-k8s.kind.cluster={home.cluster}", "--label", "io.x-k8s.kind.role=worker"]
    command += ["--net", home.network, "--tmpfs", "/tmp", "--tmpfs", "/run", "--volume", "/var", "--cgroupns=private"]
    command += ["--volume", "/lib/modules:/lib/modules:ro", str(main.attrs["Config"]["Image"])]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    added = home.engine.containers.get(name)
    try:
        wait_for("containerd on it", lambda: added.exec_run(["ctr", "version"]).exit_code == 0)
        join = home.on_node(0, "kubeadm token create --print-join-command").split()
        code, output = added.exec_run([*join, "--ignore-preflight-errors=all"])
        assert code == 0, output.decode()[-2000:]
        assert f"hosts.toml {name}" in home.broken()
        first = home.up()
        assert "a push and a pull on 3 nodes worked" in first.stdout
        home.is_whole()
    finally:
        home.kubectl("delete", "node", name, "--ignore-not-found")
        added.remove(force=True, v=True)
