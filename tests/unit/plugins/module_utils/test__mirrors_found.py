# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import io
import tarfile
from typing import Any

from docker.errors import NotFound

from ansible_collections.kubelocal.registry.plugins.module_utils import _mirrors_found as found


class _Container:
    def __init__(
        self,
        name: str,
        files: dict[str, str] | None = None,
        labels: dict[str, str] | None = None,
        networks: tuple[str, ...] = (),
        status: str = "running",
    ) -> None:
        self.name, self.files, self.labels, self.status = name, files or {}, labels or {}, status
        self.id = name
        self.attrs = {
            "Names": [f"/{name}"],
            "Labels": self.labels,
            "NetworkSettings": {"Networks": {network: {} for network in networks}},
            "Mounts": [{"Type": "volume", "Name": f"{name}-data"}],
        }

    def get_archive(self, path: str) -> tuple[list[bytes], dict[str, Any]]:
        wanted = {name: text for name, text in self.files.items() if name == path or name.startswith(path + "/")}
        if not wanted:
            raise NotFound("none")
        buffer = io.BytesIO()
        parent = path.rpartition("/")[0]
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            for name, text in wanted.items():
                info = tarfile.TarInfo(name[len(parent) + 1 :])
                info.size = len(text)
                tar.addfile(info, io.BytesIO(text.encode()))
        return [buffer.getvalue()], {}


class _Client:
    def __init__(self, *containers: _Container) -> None:
        self._all = containers
        self.containers = self

    def list(self, filters: dict[str, str] | None = None, **_options: Any) -> list[_Container]:
        if not filters:
            return list(self._all)
        name, _equals, value = filters["label"].partition("=")
        return [container for container in self._all if container.labels.get(name) == value]


def _cache(host: str = "docker.io", files: dict[str, str] | None = None) -> _Container:
    labels = {"kubelocal.registry.role": "mirror", "kubelocal.registry.upstream": host}
    return _Container("mirror-docker-io", files, labels, ("kind",))


def test_a_closed_cache_is_read_from_its_files() -> None:
    config = "proxy: {remoteurl: 'https://up.example'}\nauth: {htpasswd: {}}\n"
    cache = _cache(
        files={
            "/etc/kubelocal-registry/config.yml": config,
            "/etc/kubelocal-registry/upstream-credentials.json": '{"Username": "me", "Secret": "hush"}',
            "/etc/kubelocal-registry/upstream-ca.crt": "PEM",
            "/var/lib/registry/kubelocal-client.json": '{"username": "mirror", "password": "x"}',
        }
    )
    (one,) = found.find_all(_Client(cache, _Container("other")))
    assert (one.host, one.upstream, one.ca, one.closed, one.with_credentials) == (
        "docker.io",
        "https://up.example",
        "PEM",
        True,
        True,
    )
    assert one.authorization == "Basic bWlycm9yOng="
    assert (one.volume, one.networks, one.running) == ("mirror-docker-io-data", ["kind"], True)
    assert "hush" not in repr(one)
    assert not any(secret in repr(one) for secret in ("'x'", "bWlycm9yOng"))


def test_what_is_missing_or_broken_is_no_error() -> None:
    (one,) = found.find_all(_Client(_cache()))
    assert (one.upstream, one.closed, one.authorization) == ("https://registry-1.docker.io", False, None)
    broken = _cache(
        files={
            "/etc/kubelocal-registry/config.yml": "auth: {htpasswd: {}}\n",
            "/etc/kubelocal-registry/upstream-credentials.json": "[",
            "/var/lib/registry/kubelocal-client.json": "[",
        }
    )
    (one,) = found.find_all(_Client(broken))
    assert (one.closed, one.with_credentials, one.authorization) == (True, False, None)


def _labels(cluster: str) -> dict[str, str]:
    return {"io.x-k8s.kind.cluster": cluster, "io.x-k8s.kind.role": "control-plane"}


def _node(name: str, cluster: str, url: str, folder: str = "/etc/containerd/certs.d") -> _Container:
    return _Container(name, {f"{folder}/docker.io/hosts.toml": f'[host."{url}"]\n'}, _labels(cluster))


def test_users() -> None:
    used = "http://mirror-docker-io:5000"
    nodes = [
        _node("foo-control-plane", "foo", used),
        _node("foo-bar-control-plane", "foo-bar", used),
        _node("other-control-plane", "other", "http://mirror-docker-io-two:5000"),
    ]
    client = _Client(_cache(), *nodes)
    own = _labels("foo")
    assert found.users(client, ["mirror-docker-io"], lambda labels: labels == own) == {"mirror-docker-io": ["foo-bar"]}
    assert found.users(client, [], lambda _labels: False) == {}


def test_users_without_labels_share_the_network() -> None:
    minikube = _node("minikube", "x", "http://mirror-docker-io:5000")
    minikube.labels.clear()
    minikube.attrs["NetworkSettings"] = {"Networks": {"kind": {}}}
    client = _Client(_cache(), minikube, _Container("app", networks=("kind",)))
    assert found.users(client, ["mirror-docker-io"], lambda _labels: False) == {"mirror-docker-io": ["minikube"]}
