# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""registry_container against a real Engine and real registries: whatever happens to them, what was pushed stays."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from typing import Any

import docker
import pytest

from tests.support.certificates import Authority
from tests.support.modules import run_module
from tests.support.names import Names
from tests.support.registry import pull
from tests.support.registry_container import push, registry, run
from tests.support.testbed import Testbed
from tests.support.waiting import wait_for

Port = Callable[[], int]
ROOT = "REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY"


def test_life(engine: docker.DockerClient, testbed: Testbed, names: Names, free_port: Port) -> None:
    name, port = names("life"), free_port()
    options: dict[str, Any] = {"image": testbed.registry_image, "port": port}

    planned = registry(name, check=True, diff=True, **options)
    assert planned["changed"]
    assert planned["diff"]["after"]["port"] == port
    assert not engine.containers.list(all=True, filters={"name": name})
    assert not engine.volumes.list(filters={"name": name})

    made = registry(name, **options)
    assert made["changed"]
    assert made["registry"]["host"] == f"localhost:{port}"
    assert made["registry"]["host_from_cluster_network"] == f"{name}:5000"
    assert made["registry"]["volume"] == f"{name}-data"
    assert made["registry"]["healthy"]
    assert made["registry"]["version"].count(".") == 2
    digest = push(port)
    again = registry(name, diff=True, **options)
    assert not again["changed"]
    assert again["actions"] == []
    assert again["diff"] == {"before": {}, "after": {}}
    assert not registry(name)["changed"], "what is not declared is not compared"

    container = engine.containers.get(name)
    container.pause()
    assert registry(name, check=True)["actions"] == [f"Resumed the registry '{name}', which was paused."]
    assert registry(name)["changed"]
    assert registry(name, state="stopped")["changed"]
    assert not registry(name, state="stopped")["changed"]
    info = run_module("registry_info", name=name)["registry"]
    assert (info["exists"], info["status"], info["port"]) == (True, "exited", port)
    assert registry(name)["actions"] == [f"Started the registry '{name}', which was stopped."]
    container.kill()
    assert registry(name)["registry"]["id"] == made["registry"]["id"]

    container.rename(names("elsewhere"))
    assert run_module("registry_info", name=name)["registry"]["renamed_to"] == names("elsewhere")
    assert registry(name)["registry"]["id"] == made["registry"]["id"]

    assert registry(name, state="absent", check=True)["changed"]
    assert registry(name, state="absent")["changed"]
    assert not registry(name, state="absent")["changed"]
    assert not run_module("registry_info", name=name)["registry"]["exists"]
    registry(name, **options)
    assert pull(f"localhost:{port}", "kept:v1") == digest

    message = registry(name, fails=True, purge=True)["msg"]
    assert "purge" in message
    removed = registry(name, state="absent", purge=True)
    assert any(f"{name}-data" in action for action in removed["actions"])
    assert not engine.volumes.list(filters={"name": name})
    assert not registry(name, state="absent", purge=True)["changed"]


@pytest.mark.parametrize(
    "kind", ["script", "ctlptl", pytest.param("k3d", marks=pytest.mark.long), "anonymous", "layer"]
)
def test_adoption(engine: docker.DockerClient, testbed: Testbed, names: Names, free_port: Port, kind: str) -> None:
    name, port, other = names(kind), free_port(), free_port()
    arguments: dict[str, Any] = {}
    if kind == "ctlptl":
        arguments["labels"] = {"dev.tilt.ctlptl.role": "registry", "note": 'with "quotes"'}
        arguments["volumes"] = {names("own"): {"bind": "/var/lib/registry", "mode": "rw"}}
    if kind == "k3d":  # as k3d registry create labels it, whose image may have any name
        arguments["labels"] = {"app": "k3d", "k3d.role": "registry"}
    if kind == "anonymous":
        arguments["environment"] = {ROOT: "/images"}
        arguments["volumes"] = ["/images"]
    if kind == "layer":
        arguments["environment"] = {ROOT: "/images"}
    theirs = run(engine, testbed.registry_image, name, port, **arguments)
    digest = push(port)

    adopted = registry(name)
    assert not adopted["changed"], "it is taken as it is"
    assert adopted["registry"]["id"] == theirs.id
    assert not registry(name, port=port, listen_address="127.0.0.1", restart_policy="always")["changed"]

    planned = registry(name, check=True, diff=True, port=other)
    assert planned["diff"] == {"before": {"port": port}, "after": {"port": other}}
    changed = registry(name, port=other)
    assert changed["changed"]
    assert pull(f"localhost:{other}", "kept:v1") == digest
    assert engine.containers.get(name).labels.items() >= arguments.get("labels", {}).items()
    assert changed["registry"]["restart_policy"] == "always"
    assert not registry(name)["changed"]
    assert {found.name for found in engine.containers.list(all=True, filters={"name": name})} == {name}

    registry(name, state="absent")
    registry(name, image=testbed.registry_image, port=port)
    assert pull(f"localhost:{port}", "kept:v1") == digest
    assert engine.containers.get(name).attrs["Mounts"][0]["Name"] == f"{name}-data"


def test_absent_moves_the_images_of_an_untouched_foreign_one(
    engine: docker.DockerClient, testbed: Testbed, names: Names, free_port: Port
) -> None:
    name, port = names("foreign"), free_port()
    theirs = run(engine, testbed.registry_image, name, port)
    digest = push(port)
    anonymous = (
        theirs.attrs["Mounts"][0]["Name"]
        if theirs.attrs["Mounts"]
        else engine.containers.get(name).attrs["Mounts"][0]["Name"]
    )
    assert any("Copied" in action for action in registry(name, state="absent", check=True)["actions"])
    assert engine.containers.get(name).status == "running"
    registry(name, state="absent")
    assert not engine.volumes.list(filters={"name": anonymous})
    registry(name, image=testbed.registry_image, port=port)
    assert pull(f"localhost:{port}", "kept:v1") == digest


def test_changes_keep_images_and_networks(
    engine: docker.DockerClient, testbed: Testbed, names: Names, free_port: Port
) -> None:
    name, port = names("changes"), free_port()
    network = engine.networks.create(
        names("net"), ipam=docker.types.IPAMConfig(pool_configs=[docker.types.IPAMPool(subnet="10.213.78.0/24")])
    )
    further = engine.networks.create(names("more"))
    registry(name, image=testbed.registry_image, port=port)
    network.connect(name, aliases=["hub"], ipv4_address="10.213.78.9")
    digest = push(port)
    authority = Authority()
    certificate, key = authority.issue("localhost", name)
    declared: dict[str, Any] = {}
    login: dict[str, str] = {}

    def change(expected: str, replaced: bool = True, **options: Any) -> dict[str, Any]:
        before = engine.containers.get(name).id
        declared.update(options)
        result = registry(name, diff=True, **declared)
        assert expected in result["diff"]["after"], result
        assert (engine.containers.get(name).id != before) is replaced
        assert pull(result["registry"]["host"], "kept:v1", **login) == digest
        endpoint = engine.containers.get(name).attrs["NetworkSettings"]["Networks"][network.name]
        assert "hub" in endpoint["Aliases"]
        assert endpoint["IPAddress"] == "10.213.78.9"
        return result

    def nothing_left() -> None:
        again = registry(name, **declared)
        assert not again["changed"], again["actions"]

    change("environment", environment={"REGISTRY_LOG_LEVEL": "debug"})
    change("labels", labels={"team": 'a "quoted" one'})
    change("restart_policy", replaced=False, restart_policy="always")
    change("networks", replaced=False, networks=[further.name])
    nothing_left()
    change("listen_address", listen_address="127.0.0.2")
    change("port", port=free_port(), listen_address="127.0.0.1")
    change("config", config={"storage": {"delete": {"enabled": True}}, "http": {"secret": "s3cr3t-config"}})
    nothing_left()
    login.update(user="ada", password="s3cr3t-ada")
    users = change("users", users={"ada": "s3cr3t-ada"})
    login.update(ca=authority.path)
    https = change("https", https={"certificate": certificate, "key": key})
    nothing_left()
    assert https["registry"]["https"]
    inspected = json.dumps(engine.containers.get(name).attrs)
    for secret in ("s3cr3t-ada", "s3cr3t-config", key.splitlines()[1]):
        assert secret not in inspected
        assert secret not in json.dumps([users, https])
    code, listing = engine.containers.get(name).exec_run(["ls", "-ln", "/etc/kubelocal-registry"])
    assert code == 0
    assert all(line.startswith(b"-rw-------") for line in listing.splitlines() if b"." in line or b"htpasswd" in line)

    # what is left out is not compared, also where a new container is made for another reason
    for option in ("users", "https", "config", "environment", "labels"):
        declared.pop(option)
    nothing_left()
    before = engine.containers.get(name).attrs["Config"]
    change("port", port=free_port(), listen_address="127.0.0.1")
    after = engine.containers.get(name).attrs["Config"]
    assert "REGISTRY_LOG_LEVEL=debug" in after["Env"]
    assert after["Labels"]["team"] == before["Labels"]["team"]
    assert b"s3cr3t-config" in engine.containers.get(name).exec_run(["cat", "/etc/kubelocal-registry/config.yml"])[1]

    declared.update(users={}, https={})
    open_again = registry(name, **declared)
    assert (open_again["registry"]["users"], open_again["registry"]["https"]) == (False, False)
    login.clear()
    change("volume", volume=names("other"))
    assert engine.volumes.get(f"{name}-data"), "the old volume is left"


def test_another_image_that_looks_elsewhere(
    engine: docker.DockerClient, testbed: Testbed, names: Names, free_port: Port
) -> None:
    name, port = names("image"), free_port()
    network = engine.networks.create(names("net"))
    registry(name, image=testbed.registry_image, port=port)
    network.connect(name, aliases=["hub"])
    digest = push(port)
    source = engine.containers.create(testbed.registry_image, name=names("source"))
    tag = f"{names('image')}:2"
    source.commit(*tag.split(":"), changes='CMD ["/etc/distribution/config.yml"]', conf={"Labels": {"new": "yes"}})
    try:
        assert registry(name, image=tag)["changed"]
        assert not registry(name, image=tag)["changed"]
        assert not registry(name)["changed"]
        assert "hub" in engine.containers.get(name).attrs["NetworkSettings"]["Networks"][network.name]["Aliases"]
        assert pull(f"localhost:{port}", "kept:v1") == digest
    finally:
        engine.containers.get(name).remove(force=True)
        engine.images.remove(tag)


def test_the_old_one_is_put_back(engine: docker.DockerClient, testbed: Testbed, names: Names, free_port: Port) -> None:
    name, port = names("back"), free_port()
    before = registry(name, image=testbed.registry_image, port=port)["registry"]["id"]
    digest = push(port)
    bad = registry(name, fails=True, config={"storage": {"nonsense": {"x": 1}}}, wait_timeout=20)
    assert "the old registry was put back" in bad["msg"]
    assert "nonsense" in bad["msg"], "the registry's own words are told"
    found = engine.containers.get(name)
    assert (found.id, found.status) == (before, "running")
    assert pull(f"localhost:{port}", "kept:v1") == digest
    assert {c.name for c in engine.containers.list(all=True, filters={"name": name})} == {name}


def test_one_whose_images_go_when_it_stops_is_not_stopped(
    engine: docker.DockerClient, testbed: Testbed, names: Names, free_port: Port
) -> None:
    name, port = names("rm"), free_port()
    ports = {"5000/tcp": ("127.0.0.1", port)}
    made = engine.containers.run(testbed.registry_image, name=name, detach=True, remove=True, ports=ports)
    assert not registry(name)["changed"]
    digest = push(port)
    for options in ({"port": free_port()}, {"state": "stopped"}, {"state": "absent"}):
        assert "was started with --rm" in registry(name, fails=True, **options)["msg"]
    assert engine.containers.get(name).id == made.id
    assert pull(f"localhost:{port}", "kept:v1") == digest
    registry(name, state="absent", purge=True)
    assert not engine.containers.list(all=True, filters={"name": name})


def test_who_holds_the_port(engine: docker.DockerClient, testbed: Testbed, names: Names, free_port: Port) -> None:
    name, port = names("wants"), free_port()
    with socket.create_server(("127.0.0.1", port)):
        message = registry(name, fails=True, image=testbed.registry_image, port=port)["msg"]
    assert f"port {port}" in message
    assert "pid " in message
    holder = run(engine, testbed.registry_image, names("holds"), port)
    message = registry(name, fails=True, image=testbed.registry_image, port=port)["msg"]
    assert f"'{holder.name}'" in message
    assert "adopt" in message
    assert not engine.containers.list(all=True, filters={"name": name})
    assert not engine.volumes.list(filters={"name": name})


def test_refused_before_anything_is_touched(
    engine: docker.DockerClient, testbed: Testbed, names: Names, free_port: Port
) -> None:
    name = names("refused")
    image = testbed.registry_image
    engine.containers.create(testbed.busybox_image, name=names("database"))
    cases: list[tuple[str, dict[str, Any]]] = [
        ("can't be pulled", {"image": "127.0.0.1:9/no/such:image"}),
        ("pull is 'never'", {"image": "no-such-image:here", "pull": "never"}),
        ("lets anybody", {"image": image, "listen_address": "0.0.0.0"}),
        ("does not exist", {"image": image, "networks": [names("nowhere")]}),
        ("does not belong", {"image": image, "https": dict(zip(("certificate", "key"), _mixed()))}),
        ("is no registry", {"name": names("database"), "image": image}),
        ("is no registry", {"name": names("database"), "state": "absent"}),
        ("no Docker Engine answers", {"docker_host": "unix:///nowhere/docker.sock"}),
    ]
    for expected, options in cases:
        message = registry(options.pop("name", name), fails=True, port=free_port(), **options)["msg"]
        assert expected in message
        assert "\n" not in message
    assert not engine.containers.list(all=True, filters={"name": name})
    assert engine.containers.get(names("database"))


def test_two_runs_at_the_same_moment(testbed: Testbed, names: Names, free_port: Port) -> None:
    name, port = names("two"), free_port()
    results: list[dict[str, Any]] = []

    def once() -> None:
        results.append(registry(name, image=testbed.registry_image, port=port))

    threads = [threading.Thread(target=once) for _number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(result["changed"] for result in results) == [False, True]
    assert len({result["registry"]["id"] for result in results}) == 1


def test_cache_starts_while_its_upstream_is_down(
    engine: docker.DockerClient, testbed: Testbed, names: Names, free_port: Port
) -> None:
    upstream, cache, port, cached = names("upstream"), names("cache"), free_port(), free_port()
    network = engine.networks.create(names("net"))
    authority = Authority()
    certificate, key = authority.issue(upstream)
    registry(
        upstream,
        image=testbed.registry_image,
        port=port,
        networks=[network.name],
        users={"up": "s3cr3t-up"},
        https={"certificate": certificate, "key": key},
    )
    options: dict[str, Any] = {
        "image": testbed.registry_image,
        "port": cached,
        "networks": [network.name],
        "upstream": {
            "url": f"https://{upstream}:5000",
            "username": "up",
            "password": "s3cr3t-up",
            "ttl": "0",
            "ca": authority.certificate,
        },
    }
    digest = push_through(upstream, port, authority)
    registry(upstream, state="stopped")
    made = registry(cache, **options)
    assert made["registry"]["healthy"]
    assert not registry(cache, **options)["changed"]
    engine.containers.get(upstream).start()
    wait_for("the upstream answers", lambda: b"listening on" in engine.containers.get(upstream).logs(tail=3))
    assert pull(f"localhost:{cached}", "kept:v1") == digest
    engine.containers.get(upstream).stop()
    engine.containers.get(cache).restart()
    registry(cache, **options)
    assert pull(f"localhost:{cached}", f"kept@{digest}") == digest
    assert "s3cr3t-up" not in json.dumps([made, engine.containers.get(cache).attrs])


def push_through(upstream: str, port: int, authority: Authority) -> str:
    """Push to a registry whose certificate is for its name on the network: by its address there would be no trust."""
    certificate, key = authority.issue("localhost", upstream)
    registry(upstream, https={"certificate": certificate, "key": key}, users={"up": "s3cr3t-up"})
    return push(port, user="up", password="s3cr3t-up", ca=authority.path)


def _mixed() -> tuple[str, str]:
    """A certificate, and the key of another one."""
    authority = Authority()
    return authority.issue("a")[0], authority.issue("b")[1]
