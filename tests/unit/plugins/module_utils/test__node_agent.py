# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils import _node_agent as agent
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._kubernetes import Answer, Client

FOLDER = "/etc/containerd/certs.d"
ITEM = {
    "host": "localhost:5001",
    "server": "https://reg:5000",
    "endpoints": [
        {
            "url": "https://reg:5000",
            "ca": "-----BEGIN CERTIFICATE-----\nYQ==\n-----END CERTIFICATE-----\n",
            "headers": {"Authorization": "Basic eDp5"},
        }
    ],
}
NAMESPACE = "/api/v1/namespaces/kubelocal-registry"


class Server:
    """An API server that keeps what is applied, counts versions, and lets a DaemonSet run at once."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.changes: list[str] = []

    def send(self, method: str, target: str, data: bytes | None, headers: dict[str, str], timeout: float) -> Answer:
        assert headers
        assert timeout
        path = target.partition("?")[0]
        if method != "GET":
            self.changes.append(f"{method} {path}")
        if method in ("PATCH", "PUT"):
            content = json.loads(data or b"")
            content["metadata"] = {**content["metadata"], "resourceVersion": str(len(self.changes)), "generation": 1}
            status = {"desiredNumberScheduled": 2, "numberReady": 2, "updatedNumberScheduled": 2}
            self.objects[path] = {**content, "status": {**status, "observedGeneration": 1}}
        if method == "DELETE":
            self.objects = {key: value for key, value in self.objects.items() if not key.startswith(path)}
            return Answer(200, b"{}")
        found = self.objects.get(path)
        return Answer(404, b"{}") if found is None else Answer(200, json.dumps(found).encode())

    def ensure(self, *items: dict[str, Any], check: bool = False, gone: bool = False) -> list[str]:
        client = Client(self, "the API server")
        return agent.ensure(client, None if gone else list(items), "busybox", FOLDER, check)


def test_it_has_the_least_rights_that_can_do_it() -> None:
    namespace, secret, daemon_set = agent.objects([ITEM], "busybox", FOLDER)
    assert namespace["metadata"]["name"] == secret["metadata"]["namespace"]
    spec = daemon_set["spec"]["template"]["spec"]
    assert spec["automountServiceAccountToken"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC", "serviceAccountName"} & set(spec)
    assert [volume["hostPath"]["path"] for volume in spec["volumes"] if "hostPath" in volume] == [FOLDER]
    (container,) = spec["containers"]
    context = container["securityContext"]
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert context["readOnlyRootFilesystem"] is True
    assert (context["allowPrivilegeEscalation"], context["privileged"]) == (False, False)


def test_secrets_are_in_the_secret_alone_and_mounted_for_root_only() -> None:
    _namespace, secret, daemon_set = agent.objects([ITEM], "busybox", FOLDER)
    assert "eDp5" not in json.dumps(daemon_set)
    texts = {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}
    (volume,) = [v for v in daemon_set["spec"]["template"]["spec"]["volumes"] if "secret" in v]
    paths = {item["path"]: item for item in volume["secret"]["items"]}
    assert paths["localhost:5001/hosts.toml"]["mode"] == 0o600
    assert paths["localhost:5001/ca-1.crt"]["mode"] == 0o644
    hosts = texts[paths["localhost:5001/hosts.toml"]["key"]]
    assert "eDp5" in hosts
    assert f'ca = "{FOLDER}/localhost:5001/ca-1.crt"' in hosts


def test_created_left_updated_and_removed() -> None:
    server = Server()
    planned = server.ensure(ITEM, check=True)
    assert (len(planned), server.changes) == (3, [])
    assert server.ensure(ITEM) == planned
    assert server.ensure(ITEM) == []
    assert server.ensure(ITEM, check=True) == []
    other = {**ITEM, "endpoints": [{"url": "https://reg:5000", "headers": {"Authorization": "Basic other"}}]}
    before = list(server.changes)
    assert server.ensure(other, check=True)
    assert server.changes == before
    assert [action.split()[2] for action in server.ensure(other)] == ["Secret", "DaemonSet"]
    assert server.ensure(other) == []
    assert server.ensure(gone=True, check=True)
    assert len(server.objects) == 3
    assert server.ensure(gone=True) == ["Removed the node agent (the namespace kubelocal-registry)."]
    assert server.objects == {}
    assert server.ensure(gone=True) == []


@pytest.mark.parametrize(
    "add",
    [
        lambda spec: spec["containers"][0]["securityContext"]["capabilities"].update(add=["SYS_ADMIN"]),
        lambda spec: spec["containers"][0]["securityContext"].update(privileged=True),
        lambda spec: spec["containers"][0]["securityContext"].update(procMount="Unmasked"),
        lambda spec: spec["containers"].append({"name": "other"}),
        lambda spec: spec["volumes"].append({"name": "root", "hostPath": {"path": "/"}}),
        lambda spec: spec.update(hostPID=True),
        lambda spec: spec.update(serviceAccountName="admin"),
        lambda spec: spec.update(automountServiceAccountToken=True),
        lambda spec: spec["containers"][0].update(image="other"),
    ],
)
def test_added_rights_are_taken_back(add: Callable[[dict[str, Any]], Any]) -> None:
    server = Server()
    server.ensure(ITEM)
    (path,) = [path for path in server.objects if "daemonsets" in path]
    spec = server.objects[path]["spec"]["template"]["spec"]
    # the API server's own defaults are no difference
    spec.update(dnsPolicy="ClusterFirst", securityContext={})
    spec["containers"][0].update(terminationMessagePath="/dev/termination-log")
    assert server.ensure(ITEM) == []
    add(spec)
    assert server.ensure(ITEM) == ["Updated the DaemonSet node-agent of the node agent."]
    assert server.ensure(ITEM) == []


@pytest.mark.parametrize("image", ["", " ", "a b", "-x", "$(id)", "a;b", "ä", "x\n"])
def test_images_that_are_wrong(image: str) -> None:
    with pytest.raises(ExpectedError, match="node_agent_image is "):
        agent.check_image(image)


def test_a_namespace_that_is_not_ours_is_left() -> None:
    server = Server()
    server.objects[NAMESPACE] = {"metadata": {"name": "kubelocal-registry"}}
    with pytest.raises(ExpectedError, match="is not ours"):
        server.ensure(ITEM)
    assert server.ensure(gone=True) == []
    assert server.changes == []


@pytest.mark.skipif(shutil.which("sh") is None, reason="no shell")
def test_the_script_writes_repairs_and_keeps_foreign_files(tmp_path: Path) -> None:
    wanted, certs = tmp_path / "wanted", tmp_path / "certs.d"
    (wanted / "localhost:5001").mkdir(parents=True)
    (certs / "localhost:5001").mkdir(parents=True)
    (wanted / "localhost:5001" / "hosts.toml").write_text("# Written by kubelocal.registry\nours\n")
    (wanted / "localhost:5001" / "hosts.toml").chmod(0o600)
    target = certs / "localhost:5001" / "hosts.toml"
    target.write_text("foreign\n")
    (wanted / "reg:5000").mkdir()
    (wanted / "reg:5000" / "hosts.toml").write_text("second")
    (certs / "reg:5000").write_text("a file where a folder belongs")
    script = agent._SCRIPT.replace("/wanted", str(wanted)).replace("/certs.d", str(certs))
    process = subprocess.Popen(["sh", "-c", script], env={"PATH": "/usr/bin:/bin", "SECONDS_BETWEEN": "0.2"})

    def eventually(path: Path, text: str, mode: int) -> None:
        deadline = time.monotonic() + 10
        while not (path.is_file() and path.read_text() == text and path.stat().st_mode & 0o777 == mode):
            assert time.monotonic() < deadline, path
            time.sleep(0.05)

    ours = "# Written by kubelocal.registry\nours\n"
    try:
        eventually(target, ours, 0o600)
        assert (certs / "localhost:5001" / "hosts.toml.orig").read_text() == "foreign\n"
        eventually(certs / "reg:5000" / "hosts.toml", "second", 0o644)
        target.write_text("# Written by kubelocal.registry\nedited")
        eventually(target, ours, 0o600)
        shutil.rmtree(certs / "localhost:5001")
        eventually(target, ours, 0o600)
        assert not (certs / "localhost:5001" / "hosts.toml.orig").exists()
        target.chmod(0o644)
        eventually(target, ours, 0o600)
    finally:
        process.terminate()
        process.wait(5)
    assert sorted(path.name for path in certs.iterdir() if path.name.startswith(".")) == []
