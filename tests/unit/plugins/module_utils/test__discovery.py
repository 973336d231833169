# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils import _discovery as discovery
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._kubernetes import (
    Answer,
    Client,
    Forbidden,
)

FULL = {
    "host": "localhost:5001",
    "hostFromContainerRuntime": "localhost:5001",
    "hostFromClusterNetwork": "local-registry:5000",
    "help": "https://kind.sigs.k8s.io/docs/user/local-registry/",
}
CONFIGMAP = "/api/v1/namespaces/kube-public/configmaps/local-registry-hosting"


class Server:
    """An API server's memory: what is at a path, and every change asked for. Statuses can be forced."""

    def __init__(self, *objects: dict[str, Any]) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        for content in objects:
            self.objects[self.path(content)] = content
        self.changes: list[str] = []
        self.statuses: dict[str, int] = {}

    @staticmethod
    def path(content: dict[str, Any]) -> str:
        base = "/api/v1" if content["kind"] == "ConfigMap" else "/apis/rbac.authorization.k8s.io/v1"
        return f"{base}/namespaces/kube-public/{content['kind'].lower()}s/{content['metadata']['name']}"

    def send(self, method: str, target: str, data: bytes | None, headers: dict[str, str], timeout: float) -> Answer:
        assert headers["Accept"] == "application/json"
        assert timeout > 0
        if target in self.statuses:
            status = self.statuses[target]
            return Answer(status, json.dumps({"message": f"told {status}", "reason": "Forbidden"}).encode())
        if method != "GET":
            self.changes.append(f"{method} {target}")
        body = json.loads(data) if data else {}
        if method == "POST":
            self.objects[self.path(body)] = body
            return Answer(201, json.dumps(body).encode())
        if target not in self.objects:
            return Answer(404, b'{"message": "not found", "reason": "NotFound"}')
        if method == "PUT":
            self.objects[target] = body
        if method == "PATCH":
            merged = {**self.objects[target].get("data", {}), **body["data"]}
            self.objects[target]["data"] = {key: value for key, value in merged.items() if value is not None}
        if method == "DELETE":
            return Answer(200, json.dumps(self.objects.pop(target)).encode())
        return Answer(200, json.dumps(self.objects[target]).encode())

    def client(self) -> Client:
        return Client(self, "the API server")


def configmap(**data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "local-registry-hosting"},
        "data": {key.replace("_", "."): value for key, value in data.items()},
    }


def test_options_become_the_keys_of_the_kep() -> None:
    options = {
        "host": "localhost:5001",
        "host_from_container_runtime": "localhost:5001",
        "host_from_cluster_network": "local-registry:5000",
        "help": "https://kind.sigs.k8s.io/docs/user/local-registry/",
    }
    assert discovery.desired(options) == FULL
    assert discovery.desired({**dict.fromkeys(options), "help": "http://x"}) == {"help": "http://x"}


@pytest.mark.parametrize(
    "host",
    ["localhost:5001", "registry", "[::1]:5000", "10.0.0.1:443", "k3d-reg.localhost:5000", "my_registry:65535"],
)
def test_hosts_that_are_right(host: str) -> None:
    assert discovery.desired({"host": host}) == {"host": host}


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "localhost:5001 ",
        "http://localhost:5001",
        "localhost:5001/path",
        "localhost:0",
        "localhost:65536",
        "localhost:",
        "a;b",
        "$(id)",
        "a\nb",
        "../x",
        "a@b",
        "regístro:5000",
        "localhost:5001\n",
    ],
)
@pytest.mark.parametrize("name", ["host", "host_from_container_runtime", "host_from_cluster_network"])
def test_hosts_that_are_wrong_are_named_with_their_value(name: str, value: str) -> None:
    with pytest.raises(ExpectedError) as caught:
        discovery.desired({"help": "https://example.com", name: value})
    assert str(caught.value).startswith(f"hosting.{name} is {value!r}, which is no registry host; ")


@pytest.mark.parametrize("value", ["", " ", "example.com", "ftp://x", "https://", "https://x y", "https://x\n"])
def test_help_that_is_no_url(value: str) -> None:
    with pytest.raises(ExpectedError, match=r"hosting\.help is "):
        discovery.desired({"host": "localhost:5001", "help": value})


def test_nothing_and_a_lone_runtime_host_are_refused() -> None:
    with pytest.raises(ExpectedError, match="hosting is empty"):
        discovery.desired({"host": None})
    with pytest.raises(ExpectedError, match=r"host_from_container_runtime \('x:1'\) can't stand alone"):
        discovery.desired({"host_from_container_runtime": "x:1", "help": "https://example.com"})


@pytest.mark.parametrize(
    ("reader", "named"),
    [
        ({"namespace": "", "service_account": "a"}, "readers[0].namespace is ''"),
        ({"namespace": "A", "service_account": "a"}, "readers[0].namespace is 'A'"),
        ({"namespace": "a.b", "service_account": "a"}, "readers[0].namespace is 'a.b'"),
        ({"namespace": "a", "service_account": "x/../y"}, "readers[0].service_account is 'x/../y'"),
        ({"namespace": "a", "service_account": "x\n"}, "readers[0].service_account is 'x\\n'"),
        ({"namespace": "a" * 64, "service_account": "x"}, "readers[0].namespace is 'aaa"),
    ],
)
def test_readers_that_are_wrong(reader: dict[str, str], named: str) -> None:
    with pytest.raises(ExpectedError) as caught:
        discovery.subjects([reader])
    assert str(caught.value).startswith(named)


def test_readers_are_sorted_and_named_once() -> None:
    readers = [{"namespace": n, "service_account": "x"} for n in ("b", "a", "b")]
    assert [subject["namespace"] for subject in discovery.subjects(readers)] == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "hosting"),
    [
        ('host: "localhost:5001"\nhelp: https://x\n', {"host": "localhost:5001", "help": "https://x"}),
        ("host: 5001", {"host": "5001"}),
        ("host: ''\nhostFromClusterNetwork: r:5000", {"hostFromClusterNetwork": "r:5000"}),
        ('{"host": "localhost:5001"}', {"host": "localhost:5001"}),
        ("host: a\nunknown: [1]\n", {"host": "a", "unknown": ["1"]}),
    ],
)
def test_documents_are_read(text: str, hosting: dict[str, Any]) -> None:
    found = discovery.interpret(configmap(localRegistryHosting_v1=text))
    assert (found.exists, found.version, found.hosting, found.problem) == (True, "v1", hosting, "")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("host: [", "while parsing"),
        ("localhost:5001", "no mapping"),
        ("- a", "no mapping"),
        ("host: {a: b}", "host is a mapping, not a text"),
        ("help: [a]", "help is a list, not a text"),
        ("hostFromContainerRuntime: a:1", "stands without host"),
    ],
)
def test_malformed_documents_are_told(text: str, told: str) -> None:
    found = discovery.interpret(configmap(localRegistryHosting_v1=text))
    assert found.exists
    assert told in found.problem


@pytest.mark.parametrize("data", [{}, {"localRegistryHosting_v2": "host: x"}, {"localRegistryHosting_v1": ""}])
def test_no_known_version_is_no_registry(data: dict[str, str]) -> None:
    found = discovery.interpret(configmap(**data))
    assert (found.exists, found.reason) == (False, "unknown_version")


def test_readers_default_what_the_kep_leaves_to_them() -> None:
    assert discovery.with_defaults({"host": "a:1"}) == {
        "host": "a:1",
        "host_from_container_runtime": "a:1",
        "host_from_cluster_network": None,
        "help": None,
    }


def test_written_documents_read_back_in_the_keps_order() -> None:
    text = discovery.render(dict(reversed(list(FULL.items()))))
    assert [line.split(":")[0] for line in text.splitlines()] == list(FULL)
    assert discovery.interpret(configmap(localRegistryHosting_v1=text)).hosting == FULL


def test_absent_and_forbidden_are_told_apart() -> None:
    server = Server()
    assert discovery.read(server.client()).reason == "absent"
    server.statuses[CONFIGMAP] = 403
    found = discovery.read(server.client())
    assert (found.exists, found.reason) == (False, "forbidden")
    with pytest.raises(ExpectedError, match="may not be read"):
        discovery.present(server.client(), FULL, None, False)
    with pytest.raises(ExpectedError, match="may not be read"):
        discovery.absent(server.client(), None, False)
    server.statuses[CONFIGMAP] = 401
    with pytest.raises(Forbidden, match="does not accept these credentials"):
        discovery.read(server.client())


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize(
    ("before", "word"),
    [
        ([], "Created"),
        ([configmap(localRegistryHosting_v1="host: other:1\n")], "Updated"),
        ([configmap(localRegistryHosting_v1="host: [")], "Repaired"),
        ([configmap(localRegistryHosting_v2="x")], "Updated"),
        (
            [{**configmap(localRegistryHosting_v1="host: x", localRegistryHosting_v2="x"), "immutable": True}],
            "Replaced",
        ),
    ],
)
def test_it_is_written_once(before: list[dict[str, Any]], word: str, check: bool) -> None:
    server = Server(*json.loads(json.dumps(before)))
    result = discovery.present(server.client(), FULL, None, check)
    assert result.changed
    assert [action.split()[0] for action in result.actions] == [word]
    assert result.after == {"hosting": FULL}
    if check:
        assert server.changes == []
        return
    if before and "localRegistryHosting.v2" in before[0]["data"]:
        assert server.objects[CONFIGMAP]["data"]["localRegistryHosting.v2"] == "x"
        assert result.others == ["localRegistryHosting.v2"]
    assert discovery.read(server.client()).hosting == FULL
    again = discovery.present(server.client(), FULL, None, check)
    assert (again.changed, again.actions, again.before) == (False, [], again.after)


def test_the_same_in_other_words_is_left() -> None:
    server = Server(configmap(localRegistryHosting_v1=json.dumps(FULL)))
    assert not discovery.present(server.client(), FULL, None, False).changed
    assert server.changes == []


def test_somebody_faster_is_no_error() -> None:
    server = Server()
    client = server.client()
    found = discovery.read(client)
    server.objects[CONFIGMAP] = configmap(localRegistryHosting_v1="host: x")
    send = server.send

    def busy(method: str, *rest: Any) -> Answer:
        return Answer(409, b'{"reason": "AlreadyExists"}') if method == "POST" else send(method, *rest)

    server.send = busy  # type: ignore[method-assign]
    discovery._write(client, found, FULL, False)
    assert discovery.read(client).hosting == FULL


def test_readers_are_granted_changed_and_revoked() -> None:
    server = Server()

    def grant(*names: str) -> discovery.Result:
        readers = discovery.subjects([{"namespace": n, "service_account": "sa"} for n in names])
        return discovery.present(server.client(), FULL, readers, False)

    binding = "/apis/rbac.authorization.k8s.io/v1/namespaces/kube-public/rolebindings/kubelocal-registry-discovery"
    assert len(grant("a", "b").actions) == 4
    role = server.objects[binding.replace("rolebindings", "roles")]
    assert role["rules"] == [
        {
            "apiGroups": [""],
            "resources": ["configmaps"],
            "resourceNames": ["local-registry-hosting"],
            "verbs": ["get"],
        }
    ]
    assert not grant("b", "a").changed
    changed = grant("b", "c")
    assert [action.split()[0] for action in changed.actions] == ["Let", "Revoked"]
    assert (changed.before["readers"], changed.after["readers"]) == (["a/sa", "b/sa"], ["b/sa", "c/sa"])
    role["rules"].append({"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]})
    assert grant("b", "c").changed
    assert not grant("b", "c").changed
    assert not discovery.present(server.client(), FULL, None, False).changed
    assert len(grant().actions) == 2
    assert not grant().changed
    assert binding not in server.objects


def test_a_role_that_is_not_ours_is_left() -> None:
    role = {"kind": "Role", "metadata": {"name": "kubelocal-registry-discovery"}, "rules": []}
    server = Server(role)
    with pytest.raises(ExpectedError, match="is not ours"):
        discovery.present(server.client(), FULL, [], False)
    assert server.changes == []


@pytest.mark.parametrize("check", [True, False])
def test_absent_removes_what_is_ours(check: bool) -> None:
    server = Server(configmap(localRegistryHosting_v1="host: a:1", localRegistryHosting_v9="x"))
    result = discovery.absent(server.client(), None, check)
    assert "kept localRegistryHosting.v9" in result.actions[0]
    if check:
        assert server.changes == []
        return
    assert server.objects[CONFIGMAP]["data"] == {"localRegistryHosting.v9": "x"}
    assert not discovery.absent(server.client(), None, False).changed
    server = Server(configmap(localRegistryHosting_v1="host: a:1"))
    other = discovery.absent(server.client(), {"host": "b:1"}, False)
    assert (other.changed, other.hosting) == (False, {"host": "a:1"})
    assert discovery.absent(server.client(), {"host": "a:1"}, False).changed
    assert server.objects == {}
    assert not discovery.absent(server.client(), None, False).changed
