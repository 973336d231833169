# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pull-through caches on a real Engine, before real registries."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.errors import NotFound

from ansible_collections.kubelocal.registry.plugins.module_utils._docker import File, put_files
from tests.support.caches import address, cache, header, remove_caches, status
from tests.support.modules import run_module
from tests.support.names import Names
from tests.support.registry import pull
from tests.support.testbed import Testbed
from tests.support.upstream import Upstream, certificates, front, gateway

PASSWORD = "hush-hush-1234"


@pytest.fixture
def network(engine: docker.DockerClient, names: Names) -> Iterator[str]:
    name = names("net")
    engine.networks.create(name)
    yield name
    remove_caches(engine, names.prefix)


@pytest.fixture
def keep(testbed: Testbed, network: str) -> Any:
    """registry_mirrors, with what is the same in all calls."""

    def call(*mirrors: dict[str, Any], **options: Any) -> dict[str, Any]:
        options = {"networks": [network], "image": testbed.registry_image, **options}
        return run_module("registry_mirrors", mirrors=list(mirrors), **options)

    return call


def _status(host: str, **options: Any) -> dict[str, Any]:
    result = run_module("registry_mirrors_info", mirrors=[{"host": host}], status=True, **options)
    found: dict[str, Any] = result["status"][0]
    return found


def test_the_life_of_a_cache(
    engine: docker.DockerClient, testbed: Testbed, names: Names, network: str, keep: Any
) -> None:
    upstream = Upstream(engine, testbed.registry_image, names("up"), network)
    digest = upstream.push("team/app", "1")
    item = {"host": upstream.host, "upstream": upstream.url}

    would = keep(item, check=True, diff=True)
    assert would["changed"]
    assert would["diff"]["after"][upstream.host]
    with pytest.raises(NotFound):
        cache(engine, upstream.host)

    made = keep(item)
    assert made["changed"]
    assert made["mirrors"][0]["healthy"]
    assert made["registries"] == [
        {
            "host": upstream.host,
            "server": upstream.url,
            "endpoints": [{"url": made["mirrors"][0]["endpoint"], "capabilities": ["pull", "resolve"]}],
        }
    ]
    again = keep(item, diff=True)
    assert not again["changed"], again["actions"]
    assert again["diff"]["before"] == again["diff"]["after"]
    container = cache(engine, upstream.host)
    assert not any(container.attrs["NetworkSettings"]["Ports"].values()), "it publishes a port"
    assert made["mirrors"][0]["volume"] == f"{container.name}-data"

    where = address(engine, upstream.host, network)
    assert pull(where, "team/app:1") == digest
    assert pull(where, f"team/app@{digest}") == digest
    told = _status(upstream.host)
    assert told["cause"] == "ok", told
    assert told["hits"] > 0
    assert told["misses"] > 0
    assert told["volume_bytes"] > 1_000_000

    # offline for real: the upstream is away, the cache starts and serves what it has
    upstream.stop()
    container.restart(timeout=1)
    assert keep(item)["changed"] is False
    where = address(engine, upstream.host, network)
    assert pull(where, "team/app:1") == digest
    assert pull(where, f"team/app@{digest}") == digest
    assert _status(upstream.host)["cause"] == "name_not_found"

    container.stop(timeout=1)
    told = _status(upstream.host)
    assert told["cause"] == "cache_down"
    assert "docker start" in told["cure"]
    assert keep(item)["changed"]
    assert cache(engine, upstream.host).id == container.id

    # another declaration is another container, with the same data, also while the upstream is away
    assert keep({**item, "ttl": "24h"}, check=True)["changed"]
    changed = keep({**item, "ttl": "24h"}, diff=True)
    assert changed["diff"]["before"] != changed["diff"]["after"]
    assert cache(engine, upstream.host).id != container.id
    assert pull(address(engine, upstream.host, network), "team/app:1") == digest
    assert keep(item)["changed"]

    # no longer listed: it leaves the network and keeps its data
    assert keep(exclusive=True, check=True)["changed"]
    left = keep(exclusive=True)
    assert left["changed"]
    assert network not in cache(engine, upstream.host).attrs["NetworkSettings"]["Networks"]
    assert not keep(exclusive=True)["changed"]
    assert keep(item, exclusive=True)["changed"]
    assert pull(address(engine, upstream.host, network), "team/app:1") == digest

    # removed, its data kept, and back
    assert keep(item, state="absent", check=True)["changed"]
    assert keep(item, state="absent")["changed"]
    assert not keep(item, state="absent")["changed"]
    engine.volumes.get(f"{container.name}-data")
    assert keep(item)["changed"]
    assert pull(address(engine, upstream.host, network), f"team/app@{digest}") == digest
    assert keep(item, state="absent", purge=True)["changed"]
    with pytest.raises(NotFound):
        engine.volumes.get(f"{container.name}-data")
    assert not keep(item, state="absent", purge=True)["changed"]


def test_credentials(engine: docker.DockerClient, testbed: Testbed, names: Names, network: str, keep: Any) -> None:
    upstream = Upstream(engine, testbed.registry_image, names("up"), network, users={"robot": PASSWORD})
    digest = upstream.push("team/secret", "1")
    item = {"host": upstream.host, "upstream": upstream.url, "username": "robot", "password": PASSWORD}

    made = keep(item, diff=True)
    opened = header(made, upstream.host)
    assert opened
    word = base64.b64decode(opened.partition(" ")[2]).decode().partition(":")[2]
    assert made["mirrors"][0]["closed"]
    where = address(engine, upstream.host, network)
    assert (status(where), status(where, opened)) == (401, 200)
    assert pull(where, "team/secret:1", user="mirror", password=word) == digest

    again = keep(item, diff=True)
    assert not again["changed"], again["actions"]
    assert header(again, upstream.host) == opened
    assert header(run_module("registry_mirrors_info", mirrors=[item]), upstream.host) == opened
    assert header(run_module("registry_mirrors_info"), upstream.host) == opened

    # nowhere but in files of mode 0600
    container = cache(engine, upstream.host)
    encoded = base64.b64encode(f"robot:{PASSWORD}".encode()).decode()
    shown = [json.dumps(container.attrs), container.logs().decode(), json.dumps(container.top())]
    for result in (made, again):
        shown.append(json.dumps({key: result[key] for key in ("diff", "actions", "mirrors", "invocation")}))
    for text in shown:
        assert not any(secret in text for secret in (PASSWORD, encoded, word, opened))
    code, found = container.exec_run(
        ["sh", "-c", f"cd / && busybox find etc var tmp -type f -exec busybox grep -l '{word}\\|{PASSWORD}' {{}} +"]
    )
    files = found.decode().split()
    assert code == 0
    assert files
    _code, modes = container.exec_run(["busybox", "stat", "-c", "%a", *(f"/{file}" for file in files)])
    assert set(modes.decode().split()) == {"600"}

    # another password is another container; what opens it stays
    wrong = keep({**item, "password": PASSWORD + "x"})
    assert wrong["changed"]
    assert header(wrong, upstream.host) == opened
    told = _status(upstream.host)
    assert told["cause"] == "credentials_refused", told
    assert PASSWORD not in json.dumps(told)
    assert pull(address(engine, upstream.host, network), f"team/secret@{digest}", user="mirror", password=word)

    # without them it is open again
    opened_again = keep({"host": upstream.host, "upstream": upstream.url})
    assert opened_again["changed"]
    assert header(opened_again, upstream.host) is None
    assert status(address(engine, upstream.host, network)) == 200
    assert not keep({"host": upstream.host, "upstream": upstream.url})["changed"]


def test_tokens_limits_and_silence(
    engine: docker.DockerClient, testbed: Testbed, names: Names, network: str, keep: Any
) -> None:
    behind = Upstream(engine, testbed.registry_image, names("up"), network)
    digest = behind.push("team/app", "1")
    with front(behind.address, gateway(engine, network), users={"robot": PASSWORD}) as upstream:
        # the host is a name of ours, so that it is cleaned up with the rest
        host = f"{names('front')}:5000"
        item = {"host": host, "upstream": upstream.url, "username": "robot", "password": PASSWORD}
        opened = header(keep(item), host) or ""
        word = base64.b64decode(opened.partition(" ")[2]).decode().partition(":")[2]
        where = address(engine, host, network)
        assert pull(where, "team/app:1", user="mirror", password=word) == digest
        assert any(request.startswith("GET /token") for request in upstream.requests)
        assert _status(host)["cause"] == "ok"

        upstream.limited = True
        assert _status(host)["cause"] == "rate_limited"
        upstream.limited = False
        upstream.hangs = True
        told = _status(host, status_timeout=1)
        assert told["cause"] == "upstream_down"
        assert "does not answer" in told["message"]
        # what is known by digest needs no upstream
        assert pull(where, f"team/app@{digest}", user="mirror", password=word) == digest
        upstream.hangs = False

        keep({**item, "password": "not-" + PASSWORD})
        assert _status(host)["cause"] == "credentials_refused"
        # everybody gets a token: asking without credentials is no refusal
        upstream.users = {}
        keep({"host": host, "upstream": upstream.url})
        assert _status(host)["cause"] == "ok"
    assert _status(host)["cause"] == "upstream_down"


def test_a_certificate_of_ones_own_authority(
    engine: docker.DockerClient, testbed: Testbed, names: Names, network: str, keep: Any, tmp_path: Path
) -> None:
    tls = certificates(tmp_path, names("up"), "127.0.0.1")
    upstream = Upstream(engine, testbed.registry_image, names("up"), network, tls=tls)
    digest = upstream.push("team/app", "1")
    item = {"host": upstream.host}
    keep(item)
    assert _status(upstream.host)["cause"] == "tls_not_trusted"
    made = keep({**item, "ca": tls.file})
    assert made["changed"]
    assert made["registries"][0]["endpoints"][1]["ca"] == tls.authority
    assert pull(address(engine, upstream.host, network), "team/app:1") == digest
    assert _status(upstream.host)["cause"] == "ok"
    assert not keep({**item, "ca": tls.authority})["changed"]
    assert run_module("registry_mirrors_info")["registries"]


def test_several_at_once_and_one_of_someone_else(engine: docker.DockerClient, names: Names, keep: Any) -> None:
    hosts = [f"{names(str(number))}:5000" for number in range(3)]
    external = {
        "host": f"{names('ext')}:5000",
        "endpoint": "https://cache.example",
        "headers": {"X-Key": PASSWORD},
    }
    items = [*({"host": host} for host in hosts), external]
    made = keep(*items)
    assert [one["healthy"] for one in made["mirrors"]] == [True] * 4
    assert len(made["actions"]) >= 3
    told = {one["host"]: one for one in made["registries"]}
    assert told[external["host"]]["endpoints"][0]["headers"] == {"X-Key": PASSWORD}
    assert PASSWORD not in json.dumps(made["invocation"])
    with pytest.raises(NotFound):
        cache(engine, str(external["host"]))
    assert not keep(*reversed(items))["changed"]

    # one that fails is told by its host, and the others are done
    other = f"{names('other')}:5000"
    failed = keep({"host": hosts[0], "image": "localhost:1/no/such:1"}, {"host": other}, fails=True)
    assert hosts[0] in failed["msg"]
    assert _status(hosts[0])["cause"] != "cache_down", "the old one went"


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ({"host": "docker.io", "username": "me"}, "mirrors[0] has 'username' without 'password'"),
        ({"host": "https://docker.io"}, "more than a host"),
        ({"host": "_default"}, "needs 'upstream' or 'endpoint'"),
    ],
)
def test_bad_input_touches_nothing(keep: Any, item: dict[str, Any], said: str) -> None:
    result = keep(item, fails=True, docker_host="tcp://127.0.0.1:1")
    assert said in result["msg"]


def test_a_cache_that_another_cluster_uses_stays(
    engine: docker.DockerClient, testbed: Testbed, names: Names, keep: Any
) -> None:
    host = f"{names('up')}:5000"
    made = keep({"host": host})
    cluster = names("foo")
    node = engine.containers.create(
        testbed.busybox_image,
        name=names("node"),
        labels={"io.x-k8s.kind.cluster": f"{cluster}-bar", "io.x-k8s.kind.role": "worker"},
    )
    toml = f'server = "x"\n[host."{made["mirrors"][0]["endpoint"]}"]\n'.encode()
    put_files(node, "/", {f"etc/containerd/certs.d/{host}/hosts.toml": File(toml)})
    kept = keep(exclusive=True, cluster_name=cluster)
    assert not kept["changed"]
    assert kept["kept"][0]["used_by"] == [f"{cluster}-bar"]
    assert not keep({"host": host}, state="absent", cluster_name=cluster)["changed"]
    # for that cluster itself its own nodes are no reason
    assert keep({"host": host}, state="absent", cluster_name=f"{cluster}-bar")["changed"]


def test_preload(engine: docker.DockerClient, testbed: Testbed, names: Names, network: str, keep: Any) -> None:
    upstream = Upstream(engine, testbed.registry_image, names("up"), network)
    first, second = (upstream.push("team/app", tag, size=200_000) for tag in ("1", "2"))
    keep({"host": upstream.host, "upstream": upstream.url})
    images = [f"{upstream.host}/team/app:1", f"{upstream.host}/team/app@{second}"]
    would = run_module("image_preload", images=images, check=True, diff=True)
    assert (would["changed"], would["loaded"], would["present"]) == (True, 2, 0)
    result = run_module("image_preload", images=images)
    assert (result["changed"], result["loaded"], result["not_loaded"]) == (True, 2, 0)
    assert result["images"][0]["digest"] == first
    again = run_module("image_preload", images=images)
    assert (again["changed"], again["present"]) == (False, 2)
    assert not run_module("image_preload", images=images, check=True)["changed"]

    failed = run_module(
        "image_preload",
        images=[images[0], f"{upstream.host}/team/app:none", f"{names('nobody')}:5000/x:1"],
        fails=True,
    )
    assert (failed["present"], failed["not_loaded"]) == (1, 2)
    assert "2 of 3 images were not loaded, 1 are there" in failed["msg"]
    wrong = run_module("image_preload", images=images[:1], platform="linux/s390x", strict=False)
    assert "not made for linux/s390x, only for linux/amd64" in wrong["images"][0]["message"]
    assert wrong["not_loaded"] == 1
    upstream.stop()
    assert pull(address(engine, upstream.host, network), "team/app:1") == first
    assert pull(address(engine, upstream.host, network), f"team/app@{second}") == second
