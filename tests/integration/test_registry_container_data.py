# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""registry_container and where images can lie: wherever that is, they are there afterwards, or nothing was touched."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.support.names import Names
from tests.support.registry import pull
from tests.support.registry_container import push, registry, run
from tests.support.testbed import Testbed

Port = Callable[[], int]
ROOT = "REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY"
CONFIG = """\
version: 0.1
storage: {filesystem: {rootdirectory: /srv/images}}
http: {addr: ':5000'}
"""


def lying(how: str, name: str, holder: str, folder: Path) -> dict[str, Any]:
    """How a registry is run so that its images lie there."""
    if how == "bind":
        return {"environment": {ROOT: "/images"}, "volumes": [f"{folder}:/images"]}
    if how == "configuration":  # in the container itself, which only a mounted file tells
        (folder / "own.yml").write_text(CONFIG, encoding="ascii")
        return {"command": ["/etc/own.yml"], "volumes": [f"{folder}/own.yml:/etc/own.yml:ro"]}
    if how == "another's volume":
        return {"volumes_from": [holder]}
    return {"environment": {ROOT: "/images/part"}, "volumes": [f"{name}-data:/images"]}


@pytest.mark.parametrize("how", ["bind", "configuration", "another's volume", "part of a volume"])
def test_kept(
    engine: docker.DockerClient,
    testbed: Testbed,
    names: Names,
    free_port: Port,
    tmp_path: Path,
    how: str,
) -> None:
    """Through a replacement, and through being removed and made anew."""
    name, port, other = names("kept"), free_port(), free_port()
    engine.containers.create(testbed.registry_image, name=names("holder"))
    theirs = run(engine, testbed.registry_image, name, port, **lying(how, name, names("holder"), tmp_path))
    digest = push(port)
    mounts = {(m["Type"], m["Source"], m["Destination"]) for m in engine.containers.get(name).attrs["Mounts"]}

    assert registry(name, port=other)["registry"]["id"] != theirs.id
    assert pull(f"localhost:{other}", "kept:v1") == digest
    now = {(m["Type"], m["Source"], m["Destination"]) for m in engine.containers.get(name).attrs["Mounts"]}
    assert mounts <= now

    planned = registry(name, state="absent", check=True)["actions"] if how == "bind" else None
    assert planned in (None, registry(name, state="absent")["actions"])
    registry(name, image=testbed.registry_image, port=port)
    assert pull(f"localhost:{port}", "kept:v1") == digest


def test_behind_a_symbolic_link(engine: docker.DockerClient, testbed: Testbed, names: Names, free_port: Port) -> None:
    name, port = names("link"), free_port()
    made = engine.containers.create(
        testbed.registry_image, name=name, environment={ROOT: "/images"}, ports={"5000/tcp": ("127.0.0.1", port)}
    )
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        real, link = tarfile.TarInfo("real"), tarfile.TarInfo("images")
        real.type, real.mode, link.type, link.linkname = tarfile.DIRTYPE, 0o755, tarfile.SYMTYPE, "/real"
        tar.addfile(real)
        tar.addfile(link)
    made.put_archive("/", archive.getvalue())
    made.start()
    digest = push(port)
    registry(name, state="absent")
    registry(name, image=testbed.registry_image, port=port)
    assert pull(f"localhost:{port}", "kept:v1") == digest


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"tmpfs": {"/var/lib/registry": ""}}, "in memory"),
        pytest.param(
            {"mounts": [docker.types.Mount("/var/lib/registry", None, type="tmpfs")]},
            "in memory",
            marks=pytest.mark.long,
        ),
        pytest.param({"environment": {"REGISTRY_STORAGE": "inmemory"}}, "in memory", marks=pytest.mark.long),
        ({"volumes": ["{}-data:/var/lib/registry"], "remove": True, "restart_policy": None}, "docker stop"),
        (
            {
                "entrypoint": ["sh", "-c", f"{ROOT}=/tmp/hidden exec registry serve /etc/distribution/config.yml"],
                "command": [],
            },
            "/tmp/hidden",
        ),
    ],
    ids=["tmpfs", "mount", "inmemory", "rm", "hidden"],
)
def test_what_would_be_lost_is_not_touched(
    engine: docker.DockerClient,
    testbed: Testbed,
    names: Names,
    free_port: Port,
    arguments: dict[str, Any],
    words: str,
) -> None:
    name, port = names("risk"), free_port()
    if "volumes" in arguments:
        arguments = {**arguments, "volumes": [volume.format(name) for volume in arguments["volumes"]]}
    theirs = run(engine, testbed.registry_image, name, port, **arguments)
    digest = push(port)
    assert not registry(name)["changed"], "it is taken as it is"
    tried: list[dict[str, Any]] = [{"state": "absent"}]
    if words != "/tmp/hidden":  # a replacement would carry it over
        tried = [{"port": free_port()}, {"state": "stopped"}, *tried]
    if words == "docker stop":  # its images stay where the next one looks for them
        tried.pop()
    for options in tried:
        failed = registry(name, fails=True, **options)
        assert words in failed["msg"]
        assert not failed["changed"]
    assert engine.containers.get(name).id == theirs.id
    assert pull(f"localhost:{port}", "kept:v1") == digest
    if words == "docker stop":
        registry(name, state="absent")
        assert not engine.containers.list(all=True, filters={"name": name})
        registry(name, image=testbed.registry_image, port=port)
        assert pull(f"localhost:{port}", "kept:v1") == digest


def test_another_storage_driver(engine: docker.DockerClient, testbed: Testbed, names: Names, free_port: Port) -> None:
    """What lay in the container itself is not served any more, and does not go with it."""
    name, port = names("driver"), free_port()
    run(engine, testbed.registry_image, name, port, environment={ROOT: "/images"})
    digest = push(port)
    registry(name, config={"storage": {"inmemory": {}}})
    engine.containers.get(name).remove(force=True)
    registry(name, image=testbed.registry_image, port=port)
    assert pull(f"localhost:{port}", "kept:v1") == digest


@pytest.mark.long
def test_a_volume_of_that_name_with_other_images(
    engine: docker.DockerClient, testbed: Testbed, names: Names, free_port: Port
) -> None:
    name, port = names("full"), free_port()
    registry(name, image=testbed.registry_image, port=port)
    earlier = push(port)
    registry(name, state="absent")
    run(engine, testbed.registry_image, name, port)
    later = push(port)
    assert earlier != later
    registry(name, state="absent")
    registry(name, image=testbed.registry_image, port=port)
    assert pull(f"localhost:{port}", "kept:v1") == later, "the tag is the one that people saw last"
    assert pull(f"localhost:{port}", f"kept@{earlier}") == earlier, "what was there before is there by its digest"


def test_the_start_is_refused(engine: docker.DockerClient, testbed: Testbed, names: Names, free_port: Port) -> None:
    """An address that this machine does not have: only the start tells."""
    name, port = names("start"), free_port()
    options: dict[str, Any] = {"listen_address": "203.0.113.77", "insecure": True, "image": testbed.registry_image}
    assert registry(name, fails=True, port=port, **options)["actions"] == []
    assert not engine.containers.list(all=True, filters={"name": name})
    assert not engine.volumes.list(filters={"name": name})

    before = registry(name, image=testbed.registry_image, port=port)["registry"]["id"]
    digest = push(port)
    assert "the old registry was put back" in registry(name, fails=True, **options)["msg"]
    assert engine.containers.get(name).id == before
    assert {found.name for found in engine.containers.list(all=True, filters={"name": name})} == {name}
    assert pull(f"localhost:{port}", "kept:v1") == digest


def test_a_paused_replacement_whose_run_was_cut_off(
    engine: docker.DockerClient, testbed: Testbed, names: Names, free_port: Port
) -> None:
    """What was pushed to it since stays: the one before it does not come back."""
    name, port = names("paused"), free_port()
    old = engine.containers.create(testbed.registry_image, name=f"{name}-kubelocal-old")
    labels = {"managed": "true", "name": name, "replaces": old.id}
    current = run(
        engine, testbed.registry_image, name, port, labels={f"kubelocal.registry.{k}": v for k, v in labels.items()}
    )
    digest = push(port)
    current.pause()
    registry(name)
    assert engine.containers.get(name).id == current.id
    assert not engine.containers.list(all=True, filters={"name": old.name})
    assert pull(f"localhost:{port}", "kept:v1") == digest


def test_nothing_is_touched_when_a_check_fails(
    engine: docker.DockerClient, testbed: Testbed, names: Names, free_port: Port
) -> None:
    """Not even a name that was changed is set right."""
    name, port = names("checked"), free_port()
    registry(name, image=testbed.registry_image, port=port)
    engine.containers.get(name).rename(names("renamed"))
    held = run(engine, testbed.busybox_image, names("holder"), free_port(), command=["sleep", "600"])
    taken = int(engine.containers.get(held.id).attrs["NetworkSettings"]["Ports"]["5000/tcp"][0]["HostPort"])
    for options in ({"networks": [names("nowhere")]}, {"port": taken}, {"image": "127.0.0.1:9/no/such:image"}):
        failed = registry(name, fails=True, **options)
        assert not failed["changed"], failed
        assert engine.containers.get(names("renamed")).status == "running"
    planned = registry(name, check=True, diff=True, listen_address="127.0.0.3")
    assert planned["registry"]["host"] == f"127.0.0.3:{port}"
    assert planned["diff"]["after"] == {"name": name, "listen_address": "127.0.0.3"}
    done = registry(name, diff=True, listen_address="127.0.0.3")
    assert (done["registry"]["host"], done["diff"]) == (planned["registry"]["host"], planned["diff"])
    assert done["actions"] == planned["actions"]
    registry(name, state="stopped")
    assert registry(name, diff=True)["diff"] == {"before": {"status": "exited"}, "after": {"status": "running"}}
