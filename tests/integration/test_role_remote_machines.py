# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks on machines reached by SSH only: two nodes (containerd 2.2 and 1.6) and the registry's host."""

from __future__ import annotations

import base64
import json
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import docker
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from docker.errors import NotFound
from docker.models.containers import Container

from tests.support import cri, machines, nodes
from tests.support.names import Names
from tests.support.playbooks import PlaybookResult, run_playbook
from tests.support.registry import push_image
from tests.support.testbed import Testbed
from tests.support.upstream import certificates
from tests.support.watching import CommandLines

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(
        not machines.have(machines.DEBIAN_IMAGE), reason="the testbed's machine with Debian's containerd is not there"
    ),
]
SECRET = "SECRET-of-machines"
HEADER = base64.b64encode(f"team:{SECRET}".encode()).decode()
MIRRORED = "up.example:5000"


@dataclass
class World:
    """Two nodes, a machine that has the Engine, and what the playbooks are told of them."""

    engine: docker.DockerClient
    machines: machines.Machines
    first: Container
    second: Container
    store: Container
    upstream: Container
    variables: dict[str, Any]
    folder: Path

    @property
    def host(self) -> str:
        return f"{self.machines.gateway}:{self.variables['remote_registry_port']}"

    def play(
        self, name: str, *arguments: str, fails: bool | None = False, away: bool = False, **variables: Any
    ) -> PlaybookResult:
        """A playbook as a person runs it; no secret is ever printed or in a command line."""
        cluster_nodes = self.machines.group([self.first.name, self.second.name])
        if away:
            # of the same network, so that it is known at once that nobody is there
            cluster_nodes["hosts"]["away"] = {"ansible_host": self.machines.gateway.rsplit(".", 1)[0] + ".250"}
        inventory = {"cluster_nodes": cluster_nodes, "registry_host": self.machines.group([self.store.name])}
        file = self.folder / "inventory.json"
        file.write_text(json.dumps({"all": {"children": inventory}}))
        with CommandLines(SECRET, HEADER) as watched:
            done = run_playbook(
                f"kubelocal.registry.{name}",
                {**self.variables, **variables},
                "-i",
                str(file),
                "--diff",
                *arguments,
                fails=fails,
            )
        assert watched.looked > 100
        assert not watched.seen
        for word in (SECRET, HEADER):
            assert word not in done.stdout + done.stderr
        return done

    def push(self, repository: str) -> str:
        authority = self.folder / "authority.crt"
        authority.write_text(ssl.get_server_certificate(self.address))
        authority.write_text(nodes.sh(self.store, "cat /etc/kubelocal-registry/ca.crt"))
        return push_image(self.host, repository, "1", user="team", password=SECRET, ca=str(authority))

    @property
    def address(self) -> tuple[str, int]:
        return self.machines.gateway, self.variables["remote_registry_port"]

    def cache(self) -> Container:
        return self.engine.containers.get(f"{self.variables['registry_name']}-mirror-up-example---5000")

    def clean(self) -> None:
        """Nodes as they were before any of this."""
        for node in (self.first, self.second):
            nodes.sh(
                node, "rm -rf /etc/containerd/certs.d /var/lib/rancher /etc/rancher /etc/containerd/config.toml.orig"
            )
            nodes.sh(node, "cp /opt/config.toml /etc/containerd/config.toml; systemctl restart containerd")


@pytest.fixture(scope="module")
def started_world(
    engine: docker.DockerClient, testbed: Testbed, module_names: Names, tmp_path_factory: pytest.TempPathFactory
) -> World:
    folder = tmp_path_factory.mktemp("machines")
    network = engine.networks.create(module_names("net")).name
    # a bridge of its own, which machines can't get out of: what they pull comes through the registry's host
    upstream = engine.containers.run(testbed.registry_image, name=module_names("up"), detach=True)
    upstream.reload()
    address = upstream.attrs["NetworkSettings"]["Networks"]["bridge"]["IPAddress"]
    found = machines.Machines.on(engine, network, folder)
    first = found.start(module_names("first"))
    second = found.start(module_names("second"), machines.DEBIAN_IMAGE)
    store = nodes.real(
        engine,
        machines.DEBIAN_IMAGE,
        module_names("store"),
        network=network,
        mounts=[docker.types.Mount("/run/docker.sock", "/var/run/docker.sock", "bind")],
    )
    found.add(store)
    for node in (first, second):
        nodes.sh(node, "cp /etc/containerd/config.toml /opt/config.toml")
    variables = {
        "cluster_provider": "remote",
        "cluster_name": module_names("c"),
        "registry_name": module_names("r"),
        "registry_image": testbed.registry_image,
        "remote_registry_address": found.gateway,
        "remote_registry_listen_address": found.gateway,
        "remote_users": {"team": SECRET},
        "mirrors": [{"host": MIRRORED, "upstream": f"http://{address}:5000"}],
    }
    return World(engine, found, first, second, store, upstream, variables, folder)


@pytest.fixture
def world(started_world: World, free_port: Callable[[], int]) -> World:
    started_world.variables.setdefault("remote_registry_port", free_port())
    started_world.variables.setdefault("remote_mirrors_port", free_port())
    started_world.clean()
    return started_world


def started(node: Container) -> tuple[int, int]:
    """When containerd began to stop, and was there again: microseconds of one clock, the host's."""
    shown = nodes.sh(
        node, "systemctl show containerd -p InactiveExitTimestampMonotonic -p ActiveEnterTimestampMonotonic"
    )
    values = dict(line.split("=") for line in shown.split())
    return int(values["InactiveExitTimestampMonotonic"]), int(values["ActiveEnterTimestampMonotonic"])


def hosts(node: Container) -> set[str]:
    return set(nodes.sh(node, f"ls {nodes.CERTS} 2>/dev/null || true").split())


def test_limit_serial_one_after_another_and_nobody_knows_the_password(world: World) -> None:
    before = {node.name: started(node) for node in (world.first, world.second)}

    # one of them alone, though registry and controller are not named
    done = world.play("up", "--limit", world.first.name, away=True)
    assert set(done.changed) == {world.first.name}
    assert hosts(world.first) == {world.host, MIRRORED}
    assert hosts(world.second) == set()
    assert started(world.second) == before[world.second.name]

    # the rest in batches of one; one of the batches has nothing left
    done = world.play("up", fails=True, away=True, up_serial="1")
    assert "away was not configured: it is not reached by SSH" in done.failed_message
    assert done.changed[world.first.name] == 0
    assert done.changed[world.second.name] > 0
    assert hosts(world.second) == {world.host, MIRRORED}
    # each was restarted once, since neither's configuration named a folder
    after = {node.name: started(node) for node in (world.first, world.second)}
    assert all(after[name] != before[name] for name in after)
    assert set(world.play("up", "-vvv").changed.values()) == {0}
    assert {node.name: started(node) for node in (world.first, world.second)} == after

    # what kubelets do, on both
    digest = world.push("team/app")
    for node in (world.first, world.second):
        cri.pull(node, f"{world.host}/team/app:1")
        assert digest in nodes.sh(node, "ctr -n k8s.io images ls")

    _nobody_knows(world)
    assert world.play("down").recap[world.second.name]["changed"] > 0
    for node in (world.first, world.second):
        assert hosts(node) == set()
        assert started(node) == after[node.name]
    for container in (world.engine.containers.get(world.variables["registry_name"]), world.cache()):
        assert container.status == "running"


def _nobody_knows(world: World) -> None:
    """What others on the machines can read, and what Docker tells."""
    for machine in (world.first, world.second, world.store):
        for word in (SECRET, HEADER):
            readable = "find /etc /root /run /tmp /var -xdev -type f -perm /077 -size -2M"
            nodes.sh(machine, f"! {readable} -exec grep -lF -e {word} {{}} + | grep .")
            nodes.sh(machine, f"! journalctl --no-pager | grep -F -e {word}")
        modes = nodes.sh(machine, f"find {nodes.CERTS} -name hosts.toml -exec stat -c %a {{}} + 2>/dev/null || true")
        assert set(modes.split()) <= {"600"}
    assert (
        nodes.sh(world.store, "stat -c %a /etc/kubelocal-registry/ca.key /etc/kubelocal-registry/registry.key").split()
        == ["600"] * 2
    )
    for container in (world.engine.containers.get(world.variables["registry_name"]), world.cache()):
        told = json.dumps(container.attrs)
        assert SECRET not in told
        assert HEADER not in told


def test_nodes_without_internet_pull_through_caches(world: World) -> None:
    world.play("up")
    address = world.upstream.attrs["NetworkSettings"]["Networks"]["bridge"]["IPAddress"]
    push_image(f"{address}:5000", "lib/tool", "1")
    nodes.sh(world.first, f"! curl --silent --max-time 2 http://{address}:5000/v2/")
    cri.pull(world.first, f"{MIRRORED}/lib/tool:1")
    # what was pulled once is there, upstream or not, for nodes that never asked before
    world.upstream.stop(timeout=1)
    cri.pull(world.second, f"{MIRRORED}/lib/tool:1")
    world.upstream.start()

    broken = world.play("status").stdout
    assert f"caches of {MIRRORED} run as declared" in broken
    world.cache().stop(timeout=1)
    status = world.play("status", fails=True).stdout
    assert "mirrors" in status
    assert "FAILS" in status
    # another one beside it does not move its port
    port = world.cache().attrs["HostConfig"]["PortBindings"]
    both = [{"host": "another.example", "upstream": f"http://{address}:5000"}, *world.variables["mirrors"]]
    world.play("up", mirrors=both)
    assert world.cache().attrs["HostConfig"]["PortBindings"] == port
    assert hosts(world.first) == {world.host, MIRRORED, "another.example"}
    assert set(world.play("up", mirrors=both[::-1]).changed.values()) == {0}

    # no longer listed: nodes forget it and it keeps its data, until they are to be purged
    world.play("up", mirrors=[])
    assert hosts(world.first) == hosts(world.second) == {world.host}
    assert world.cache().status == "running"
    world.play("up", mirrors=world.variables["mirrors"])
    cri.pull(world.first, f"{MIRRORED}/lib/tool:1")
    world.play("up", mirrors=[], mirrors_purge=True)
    with pytest.raises(NotFound):
        world.cache()


def test_a_node_that_can_not_be_changed_is_told_and_the_others_are_done(world: World) -> None:
    table = '[plugins."io.containerd.grpc.v1.cri".registry.mirrors."a.example"]\nendpoint = ["http://a.example"]\n'
    nodes.put(world.second, "/opt/more.toml", table)
    nodes.sh(world.second, "cat /opt/more.toml >> /etc/containerd/config.toml")
    done = world.play("up", fails=True)
    assert f"{world.second.name} was not configured" in done.failed_message
    assert 'legacy table plugins."io.containerd.grpc.v1.cri".registry.mirrors."a.example"' in done.failed_message
    assert hosts(world.first) == {world.host, MIRRORED}
    assert hosts(world.second) == set()
    # the cause gone, it is repaired
    world.clean()
    world.play("up")
    assert hosts(world.second) == {world.host, MIRRORED}


@pytest.mark.parametrize("product", ["k3s", "rke2"])
def test_registries_yaml_and_the_tree_of_it(world: World, product: str) -> None:
    for node in (world.first, world.second):
        nodes.sh(node, f"mkdir -p /var/lib/rancher/{product}/agent/etc/containerd")
    before = [started(node) for node in (world.first, world.second)]
    world.play("up")
    assert set(world.play("up").changed.values()) == {0}
    world.push("team/app")
    for node in (world.first, world.second):
        file = f"/etc/rancher/{product}/registries.yaml"
        text = nodes.sh(node, f"cat {file}")
        assert f'password: "{SECRET}"' in text or f"password: {SECRET}" in text
        assert f'- "https://{world.host}"' in text
        assert nodes.sh(node, f"stat -c %a {file}").strip() == "600"
        certs = f"/var/lib/rancher/{product}/agent/etc/containerd/certs.d"
        assert nodes.sh(node, f"stat -c %a {certs}/{world.host}/hosts.toml").strip() == "600"
        assert MIRRORED in nodes.sh(node, f"ls {certs}")
        nodes.sh(node, f"ctr images pull --hosts-dir {certs} {world.host}/team/app:1")
    world.play("down")
    for node in (world.first, world.second):
        nodes.sh(node, f"! grep -r . /etc/rancher/{product}/registries.yaml | grep {world.host}")
        nodes.sh(node, f"! ls -d /var/lib/rancher/{product}/agent/etc/containerd/certs.d/*")
    # nothing was restarted, and containerd's own files were left alone
    assert [started(node) for node in (world.first, world.second)] == before


def test_certificates_are_renewed_or_given(world: World, tmp_path: Path) -> None:
    world.play("up")
    first = nodes.sh(world.store, "cat /etc/kubelocal-registry/ca.crt")
    _soon_over(world)
    world.play("up")
    assert _days_left(world) > 300
    assert nodes.sh(world.store, "cat /etc/kubelocal-registry/ca.crt") == first
    assert set(world.play("up").changed.values()) == {0}
    world.push("team/app")
    cri.pull(world.second, f"{world.host}/team/app:1")

    given = certificates(tmp_path, world.machines.gateway)
    options = {
        "remote_certificate": given.certificate,
        "remote_key": given.key,
        "remote_ca": given.authority,
    }
    world.play("up", **options)
    assert _days_left(world) < 3
    cri.pull(world.first, f"{world.host}/team/app:1")
    assert set(world.play("up", **options).changed.values()) == {0}
    world.play("up")
    cri.pull(world.first, f"{world.host}/team/app:1")


def _days_left(world: World) -> float:
    text = ssl.get_server_certificate(world.address)
    assert socket.create_connection(world.address, 5).close() is None
    return (x509.load_pem_x509_certificate(text.encode()).not_valid_after_utc - datetime.now(timezone.utc)).days


def _soon_over(world: World) -> None:
    """The registry's certificate made anew for ten days, by its own authority."""
    texts = {}
    for name in ("ca.key", "ca.crt", "registry.crt"):
        texts[name] = nodes.sh(world.store, f"cat /etc/kubelocal-registry/{name}").encode()
    old, authority = (x509.load_pem_x509_certificate(texts[name]) for name in ("registry.crt", "ca.crt"))
    key: Any = serialization.load_pem_private_key(texts["ca.key"], None)
    now = datetime.now(timezone.utc)
    builder = x509.CertificateBuilder().subject_name(old.subject).issuer_name(authority.subject)
    builder = builder.public_key(old.public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=300)).not_valid_after(now + timedelta(days=10))
    for extension in old.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    made = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()
    nodes.put(world.store, "/etc/kubelocal-registry/registry.crt", made)
