# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Role connect and the module that it calls, against a real cluster and a real registry."""

from __future__ import annotations

import datetime
import ipaddress
import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.cluster import Cluster
from tests.support.modules import run_module
from tests.support.names import Names
from tests.support.playbooks import run_playbook
from tests.support.registry import push_image
from tests.support.testbed import Testbed

pytestmark = pytest.mark.cluster

CONFIGMAP = ("configmap", "local-registry-hosting", "--namespace", "kube-public")
CERTS = "/etc/containerd/certs.d"
PLAYBOOK = """
- hosts: localhost
  connection: local
  gather_facts: false
  vars:
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
  roles:
    - role: kubelocal.registry.connect
"""


@dataclass
class Pair:
    """The shared cluster and a registry of our own."""

    engine: docker.DockerClient
    cluster: Cluster
    name: str
    port: int
    image: str

    def registry(self, **options: Any) -> dict[str, Any]:
        options = {"image": self.image, "port": self.port, **options}
        return run_module("registry_container", name=self.name, **options)

    def connect(self, **options: Any) -> dict[str, Any]:
        options = {"cluster_name": self.cluster.name, "kubeconfig": str(self.cluster.kubeconfig), **options}
        return run_module("registry_connection", registry_name=self.name, **options)

    def run(self, node: str, *command: str) -> str:
        code, output = self.engine.containers.get(node).exec_run(list(command))
        assert code == 0, output.decode()
        return str(output.decode())

    def file(self, node: str, host: str) -> str:
        return self.run(node, "cat", f"{CERTS}/{host}/hosts.toml")

    def mode(self, node: str, host: str) -> str:
        return self.run(node, "stat", "-c", "%a", f"{CERTS}/{host}/hosts.toml").strip()

    def pulled(self, nodes: list[str], references: list[str]) -> None:
        """The kubelet of each node pulls each image and runs it."""
        pods = [
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": f"{self.name}-{number}", "labels": {"kltest": self.name}},
                "spec": {
                    "nodeName": node,
                    "restartPolicy": "Never",
                    "terminationGracePeriodSeconds": 0,
                    "automountServiceAccountToken": False,
                    "containers": [
                        {"name": "app", "image": reference, "imagePullPolicy": "Always", "command": ["true"]}
                    ],
                },
            }
            for number, (node, reference) in enumerate(itertools.product(nodes, references))
        ]
        self.cluster.kubectl("apply", "-f", "-", input=json.dumps({"apiVersion": "v1", "kind": "List", "items": pods}))
        try:
            chosen = ("pods", "-l", f"kltest={self.name}")
            self.cluster.kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=60s", *chosen)
        finally:
            self.cluster.kubectl("delete", "--wait=false", *chosen)

    def networks(self) -> list[str]:
        return sorted(self.engine.containers.get(self.name).attrs["NetworkSettings"]["Networks"])

    def document(self) -> dict[str, str] | None:
        text = self.cluster.kubectl("get", *CONFIGMAP, "--ignore-not-found", "-o", "json")
        return yaml.safe_load(json.loads(text)["data"]["localRegistryHosting.v1"]) if text else None


@pytest.fixture
def pair(
    engine: docker.DockerClient, cluster: Cluster, testbed: Testbed, names: Names, free_port: Callable[[], int]
) -> Iterator[Pair]:
    """No registry yet. The cluster is disconnected afterwards."""
    before = cluster.kubectl("get", *CONFIGMAP, "--ignore-not-found", "-o", "yaml")
    cluster.kubectl("delete", *CONFIGMAP, "--ignore-not-found")
    found = Pair(engine, cluster, names("reg"), free_port(), testbed.registry_image)
    yield found
    found.connect(state="absent")
    cluster.kubectl("delete", *CONFIGMAP, "--ignore-not-found")
    if before:
        content = yaml.safe_load(before)
        for field in ("resourceVersion", "uid", "creationTimestamp"):
            content["metadata"].pop(field, None)
        cluster.kubectl("apply", "-f", "-", input=json.dumps(content))


def test_connected_repaired_and_disconnected(pair: Pair, tmp_path: Path) -> None:
    missing = pair.connect(fails=True)
    assert f"there is no container '{pair.name}'" in missing["msg"]
    planned = pair.connect(check=True, diff=True)
    assert planned["changed"]
    assert "when both are there" in planned["actions"][0]
    pair.registry()
    planned = pair.connect(check=True, diff=True)
    assert pair.networks() == ["bridge"]
    assert pair.document() is None

    # the role alone, as a person runs it
    (tmp_path / "connect.yml").write_text(PLAYBOOK)
    variables = {
        "connect_cluster_name": pair.cluster.name,
        "connect_kubeconfig": str(pair.cluster.kubeconfig),
        "connect_registry_name": pair.name,
        "connect_help": "https://example.com/help",
    }
    assert run_playbook(tmp_path / "connect.yml", variables).changed == {"localhost": 1}
    again = pair.connect(help="https://example.com/help", diff=True)
    assert (again["changed"], again["actions"], again["diff"]) == (False, [], [])
    own, inner = f"localhost:{pair.port}", f"{pair.name}:5000"
    assert again["registry"] == {
        "name": pair.name,
        "host": own,
        "host_from_cluster_network": inner,
        "url": f"http://{inner}",
    }
    assert pair.document() == {
        "host": own,
        "hostFromContainerRuntime": own,
        "hostFromClusterNetwork": inner,
        "help": "https://example.com/help",
    }
    assert pair.networks() == sorted(["bridge", pair.cluster.network])
    push_image(own, "app", "1")
    for node in pair.cluster.nodes:
        for host in (own, inner):
            assert f'server = "http://{inner}"' in pair.file(node, host)
    pair.pulled(pair.cluster.nodes, [f"{own}/app:1", f"{inner}/app:1"])

    # any cluster of a kubeconfig is as good as one that is known by its labels
    existing = {"provider": "existing", "cluster_name": None, "context": pair.cluster.context}
    assert not pair.connect(help="https://example.com/help", **existing)["changed"]

    # broken in four places at once, and repaired in one run
    node = pair.cluster.nodes[1]
    pair.run(node, "rm", "-r", f"{CERTS}/{own}")
    pair.run(node, "sh", "-c", f"echo 'server = \"broken' >> {CERTS}/{inner}/hosts.toml")
    pair.engine.networks.get(pair.cluster.network).disconnect(pair.name)
    pair.cluster.kubectl("patch", *CONFIGMAP, "-p", '{"data": {"localRegistryHosting.v1": "host: other:1"}}')
    planned = pair.connect(help="https://example.com/help", check=True)
    repaired = pair.connect(help="https://example.com/help", diff=True)
    assert planned["actions"] == repaired["actions"]
    assert len(repaired["actions"]) == 4
    assert [node for node, result in repaired["nodes"].items() if result["changed"]] == [node]
    assert not pair.connect(help="https://example.com/help")["changed"]
    push_image(own, "app", "2")
    pair.pulled([node], [f"{own}/app:2"])

    # a ConfigMap that names another registry is not ours to remove, the rest is
    pair.cluster.kubectl("patch", *CONFIGMAP, "-p", '{"data": {"localRegistryHosting.v1": "host: other:1"}}')
    assert pair.connect(state="absent", check=True)["changed"]
    assert pair.networks() == sorted(["bridge", pair.cluster.network])
    assert pair.connect(state="absent")["changed"]
    assert pair.networks() == ["bridge"]
    assert pair.document() == {"host": "other:1"}
    for node in pair.cluster.nodes:
        assert pair.name not in pair.run(node, "ls", CERTS)
    assert not pair.connect(state="absent")["changed"]
    pair.connect()
    assert pair.connect(state="absent")["changed"]
    assert pair.document() is None


def certificate(name: str) -> tuple[str, str]:
    """A certificate that vouches for itself, for a registry of this name, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.timezone.utc)
    names: list[x509.GeneralName] = [x509.DNSName(name), x509.DNSName("localhost")]
    names.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return made.public_bytes(serialization.Encoding.PEM).decode(), private.decode()


def test_certificate_and_credentials_reach_the_nodes(pair: Pair, tmp_path: Path) -> None:
    shown, key = certificate(pair.name)
    pair.registry(https={"certificate": shown, "key": key}, users={"me": "s3cret-Word"})
    refused = pair.connect(fails=True)
    assert "lets only its users in" in refused["msg"]
    assert pair.networks() == ["bridge"]
    login = {"registry_username": "me", "registry_password": "s3cret-Word"}
    done = pair.connect(diff=True, **login)
    assert "s3cret-Word" not in json.dumps(done)
    assert done["registry"]["url"] == f"https://{pair.name}:5000"
    again = pair.connect(**login)
    assert not again["changed"]
    (tmp_path / "ca.pem").write_text(shown)
    own = f"localhost:{pair.port}"
    push_image(own, "app", "1", user="me", password="s3cret-Word", ca=str(tmp_path / "ca.pem"))
    for node in pair.cluster.nodes:
        assert pair.mode(node, own) == "600"
    pair.pulled(pair.cluster.nodes, [f"{own}/app:1", f"{pair.name}:5000/app:1"])
    # another password is another file, and nothing else
    changed = pair.connect(registry_username="me", registry_password="other-Word", diff=True, check=True)
    assert len(changed["actions"]) == 2 * len(pair.cluster.nodes)
    assert "other-Word" not in json.dumps(changed)
    # disconnecting takes no password
    assert pair.connect(state="absent")["changed"]
    assert pair.networks() == ["bridge"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"help": "no url"}, "help is 'no url'"),
        ({"registry_ca": "neither"}, "registry_ca"),
        ({"registry_username": "a:b", "registry_password": "x"}, "registry_username is 'a:b'"),
        ({"registry_username": "a"}, "registry_password"),
        ({"node_agent": True, "node_agent_image": "$(id)"}, "node_agent_image: '$(id)'"),
        ({"mirrors": [{"host": "../x"}]}, "mirrors[0].host"),
        ({"readers": [{"namespace": "A", "service_account": "x"}]}, "readers[0].namespace is 'A'"),
        ({"cluster_name": "nobody-made-this"}, "there is no kind cluster 'nobody-made-this'"),
        ({"mirrors": [{"host": "quay.io"}]}, "there is no"),
    ],
)
def test_errors_name_option_and_value(pair: Pair, options: dict[str, Any], told: str) -> None:
    failed = pair.connect(fails=True, **options)
    assert told in failed["msg"]
    assert failed.get("actions", []) == []
