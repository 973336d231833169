# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""registry_discovery and registry_discovery_info against a real API server."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.cluster import Cluster
from tests.support.modules import run_module
from tests.support.names import Names

pytestmark = pytest.mark.cluster

CONFIGMAP = ("configmap", "local-registry-hosting", "--namespace", "kube-public")
HOSTING = {
    "host": "localhost:5001",
    "host_from_container_runtime": "localhost:5001",
    "host_from_cluster_network": "local-registry:5000",
    "help": "https://kind.sigs.k8s.io/docs/user/local-registry/",
}
DOCUMENT = {
    "host": "localhost:5001",
    "hostFromContainerRuntime": "localhost:5001",
    "hostFromClusterNetwork": "local-registry:5000",
    "help": "https://kind.sigs.k8s.io/docs/user/local-registry/",
}


@pytest.fixture
def write(cluster: Cluster) -> Iterator[Callable[..., dict[str, Any]]]:
    """registry_discovery on the shared cluster, whose ConfigMap and grants are afterwards what they were."""
    before = cluster.kubectl("get", *CONFIGMAP, "--ignore-not-found", "-o", "yaml")
    cluster.kubectl("delete", *CONFIGMAP, "--ignore-not-found")

    def run(**options: Any) -> dict[str, Any]:
        options = {"kubeconfig": str(cluster.kubeconfig), "context": cluster.context, **options}
        return run_module("registry_discovery", **options)

    yield run
    run(state="absent")
    if before:
        content = yaml.safe_load(before)
        for field in ("resourceVersion", "uid", "creationTimestamp"):
            content["metadata"].pop(field, None)
        cluster.kubectl("apply", "-f", "-", input=json.dumps(content))


@pytest.fixture
def read(cluster: Cluster) -> Callable[..., dict[str, Any]]:
    """registry_discovery_info on the shared cluster."""

    def run(**options: Any) -> dict[str, Any]:
        options = {"kubeconfig": str(cluster.kubeconfig), "context": cluster.context, **options}
        return run_module("registry_discovery_info", **options)

    return run


def stored(cluster: Cluster) -> dict[str, str] | None:
    """The ConfigMap's data as kubectl shows them."""
    text = cluster.kubectl("get", *CONFIGMAP, "--ignore-not-found", "-o", "json")
    return dict(json.loads(text).get("data") or {}) if text else None


def as_tilt_and_ctlptl(cluster: Cluster) -> dict[str, str] | None:
    """What other tools take from the cluster, written down from their sources; None when they see no registry.

    Both ask github.com/tilt-dev/localregistry-go: the ConfigMap local-registry-hosting in kube-public, of it only the
    field localRegistryHosting.v1, as YAML into four texts; a ConfigMap that is not there or forbidden is no registry.

    Tilt (internal/k8s/registry.go): without 'host' there is no registry, only 'help' is shown. Images are pushed to
    'host'; the pod's image is named by 'hostFromContainerRuntime', or by 'host' where that is empty.
    'hostFromClusterNetwork' is for builders in pods.

    ctlptl (pkg/cluster/cluster.go): shows the four fields as the cluster's status, and finds the registry's container
    by the port when 'host' is localhost:PORT or 127.0.0.1:PORT.
    """
    data = stored(cluster)
    fields = yaml.load((data or {}).get("localRegistryHosting.v1", ""), Loader=yaml.BaseLoader) or {}
    host = fields.get("host", "")
    if not host:
        return None
    name, _, port = host.partition(":")
    return {
        "push": host,
        "image": fields.get("hostFromContainerRuntime", "") or host,
        "push from pods": fields.get("hostFromClusterNetwork", ""),
        "help": fields.get("help", ""),
        "port of the container": port if name in ("localhost", "127.0.0.1") and port.isdigit() else "",
    }


def test_written_changed_repaired_and_removed(
    cluster: Cluster, write: Callable[..., dict[str, Any]], read: Callable[..., dict[str, Any]]
) -> None:
    nothing = read()
    assert (nothing["exists"], nothing["reason"], nothing["changed"]) == (False, "absent", False)

    planned = write(hosting=HOSTING, check=True, diff=True)
    assert planned["changed"]
    assert planned["diff"] == {"before": {"hosting": {}}, "after": {"hosting": DOCUMENT}}
    assert stored(cluster) is None
    done = write(hosting=HOSTING, diff=True)
    assert (done["actions"], done["diff"]) == (planned["actions"], planned["diff"])
    again = write(hosting=HOSTING, diff=True)
    assert (again["changed"], again["actions"]) == (False, [])
    assert again["diff"]["before"] == again["diff"]["after"]

    found = read()
    assert (found["exists"], found["version"], found["hosting"], found["document"]) == (True, "v1", HOSTING, DOCUMENT)
    assert as_tilt_and_ctlptl(cluster) == {
        "push": found["hosting"]["host"],
        "image": found["hosting"]["host_from_container_runtime"],
        "push from pods": found["hosting"]["host_from_cluster_network"],
        "help": found["hosting"]["help"],
        "port of the container": "5001",
    }

    # another tool wrote another version and our version anew, with host and help only, as kind's script does
    other = {
        "localRegistryHosting.v2": "registries: []\n",
        "localRegistryHosting.v1": 'host: "localhost:5002"\nhelp: "https://kind.sigs.k8s.io/"\n',
    }
    cluster.kubectl("patch", *CONFIGMAP, "--patch", json.dumps({"data": other}))
    found = read()
    assert (found["hosting"]["host_from_container_runtime"], found["other_versions"]) == (
        "localhost:5002",
        ["localRegistryHosting.v2"],
    )
    theirs = as_tilt_and_ctlptl(cluster)
    assert theirs is not None
    assert (theirs["image"], theirs["port of the container"]) == ("localhost:5002", "5002")
    changed = write(hosting=HOSTING, diff=True)
    assert changed["diff"]["before"]["hosting"]["host"] == "localhost:5002"
    assert changed["other_versions"] == ["localRegistryHosting.v2"]
    data = stored(cluster)
    assert data is not None
    assert data["localRegistryHosting.v2"] == "registries: []\n"

    # malformed: an error for readers that names the remedy, and repaired by the writer
    cluster.kubectl("patch", *CONFIGMAP, "--patch", json.dumps({"data": {"localRegistryHosting.v1": "host: ["}}))
    failed = read(fails=True)
    assert "is malformed: while parsing" in failed["msg"]
    assert "registry_discovery" in failed["msg"]
    assert write(hosting=HOSTING)["actions"][0].startswith("Repaired the ConfigMap")
    assert read()["hosting"] == HOSTING

    # ours goes, what others wrote stays, until nothing is left
    assert write(state="absent", check=True)["changed"]
    assert read()["exists"]
    assert not write(state="absent", hosting={"host": "localhost:9"})["changed"]
    removed = write(state="absent", diff=True)
    assert removed["diff"]["after"] == {"hosting": {}, "readers": []}
    assert stored(cluster) == {"localRegistryHosting.v2": "registries: []\n"}
    assert read()["reason"] == "unknown_version"
    assert as_tilt_and_ctlptl(cluster) is None
    assert not write(state="absent")["changed"]


def test_an_immutable_one_is_replaced(
    cluster: Cluster, write: Callable[..., dict[str, Any]], read: Callable[..., dict[str, Any]]
) -> None:
    write(hosting=HOSTING)
    cluster.kubectl("patch", *CONFIGMAP, "--patch", '{"immutable": true, "data": {"note": "kept"}}')
    assert write(hosting={"host": "localhost:5002"})["actions"][0].startswith("Replaced the ConfigMap")
    assert read()["document"] == {"host": "localhost:5002"}
    assert read()["other_versions"] == ["note"]


def may(cluster: Cluster, account: str, home: str, **attributes: str) -> bool:
    """What the API server answers when asked whether a service account may."""
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": f"system:serviceaccount:{home}:{account}",
            "groups": ["system:serviceaccounts", f"system:serviceaccounts:{home}", "system:authenticated"],
            "resourceAttributes": {"namespace": "kube-public", "resource": "configmaps", **attributes},
        },
    }
    answer = json.loads(cluster.kubectl("create", "-o", "json", "-f", "-", input=json.dumps(review)))
    return bool(answer["status"]["allowed"])


def test_readers_may_get_that_one_object_and_nothing_else(
    cluster: Cluster, write: Callable[..., dict[str, Any]], names: Names
) -> None:
    namespace = names("readers")
    one, two = ({"namespace": namespace, "service_account": account} for account in ("one", "two"))
    the_object = {"verb": "get", "name": "local-registry-hosting"}
    assert not may(cluster, "one", namespace, **the_object)
    planned = write(hosting=HOSTING, readers=[one], check=True)
    assert not may(cluster, "one", namespace, **the_object)
    assert write(hosting=HOSTING, readers=[one])["actions"] == planned["actions"]
    assert may(cluster, "one", namespace, **the_object)
    assert not may(cluster, "two", namespace, **the_object)
    for verb in ("list", "watch", "update", "patch", "delete", "create"):
        assert not may(cluster, "one", namespace, verb=verb, name="local-registry-hosting"), verb
    assert not may(cluster, "one", namespace, verb="get", name="another")
    assert not may(cluster, "one", namespace, verb="get", name="local-registry-hosting", namespace="default")
    assert not may(cluster, "one", namespace, verb="get", name="local-registry-hosting", resource="secrets")
    assert not write(hosting=HOSTING, readers=[one])["changed"]
    # without the option, grants are left alone
    assert not write(hosting=HOSTING)["changed"]
    assert may(cluster, "one", namespace, **the_object)
    changed = write(hosting=HOSTING, readers=[two], diff=True)
    assert changed["diff"]["before"]["readers"] == [f"{namespace}/one"]
    assert not may(cluster, "one", namespace, **the_object)
    assert may(cluster, "two", namespace, **the_object)
    assert write(hosting=HOSTING, readers=[])["changed"]
    assert not may(cluster, "two", namespace, **the_object)
    assert cluster.kubectl("get", "role,rolebinding", "-n", "kube-public", "--ignore-not-found").count("kubelocal") == 0


def unprivileged(cluster: Cluster, namespace: str, path: Path) -> str:
    """A kubeconfig for a service account that may nothing."""
    cluster.kubectl("create", "namespace", namespace)
    cluster.kubectl("create", "serviceaccount", "nobody", "-n", namespace)
    token = cluster.kubectl("create", "token", "nobody", "-n", namespace).strip()
    content = copy.deepcopy(yaml.safe_load(cluster.kubeconfig.read_text()))
    for user in content["users"]:
        user["user"] = {"token": token}
    path.write_text(yaml.safe_dump(content))
    return str(path)


def test_forbidden_is_told_apart_from_absent(
    cluster: Cluster,
    write: Callable[..., dict[str, Any]],
    read: Callable[..., dict[str, Any]],
    names: Names,
    tmp_path: Path,
) -> None:
    namespace = names("nobody")
    kubeconfig = unprivileged(cluster, namespace, tmp_path / "config")
    try:
        found = read(kubeconfig=kubeconfig)
        assert (found["exists"], found["reason"]) == (False, "forbidden")
        refused = write(kubeconfig=kubeconfig, hosting=HOSTING, fails=True)
        assert "forbids it" in refused["msg"]
        assert stored(cluster) is None
        # who may read and not write is told so, and reads
        readers = [{"namespace": namespace, "service_account": "nobody"}]
        write(hosting=HOSTING, readers=readers)
        assert read(kubeconfig=kubeconfig)["hosting"] == HOSTING
        refused = write(kubeconfig=kubeconfig, hosting={"host": "localhost:1"}, fails=True)
        assert "forbids it" in refused["msg"]
        assert "patch" in refused["msg"]
        assert not write(kubeconfig=kubeconfig, hosting=HOSTING)["changed"]
        content = yaml.safe_load(Path(kubeconfig).read_text())
        content["users"][0]["user"] = {"token": base64.b64encode(b"nonsense").decode()}
        assert "does not accept these credentials" in read(kubeconfig=content, fails=True)["msg"]
    finally:
        cluster.kubectl("delete", "namespace", namespace, "--wait=false")


def test_errors_name_what_is_wrong_before_anything_is_touched(cluster: Cluster, tmp_path: Path) -> None:
    options: dict[str, Any] = {"kubeconfig": str(cluster.kubeconfig), "context": cluster.context, "fails": True}
    lone = run_module("registry_discovery", hosting={"host_from_container_runtime": "x:1"}, **options)
    assert "can't stand alone" in lone["msg"]
    assert "'a b'" in run_module("registry_discovery", hosting={"host": "a b"}, **options)["msg"]
    options["context"] = "nowhere"
    assert f"(it has: {cluster.context})" in run_module("registry_discovery_info", **options)["msg"]
    options["kubeconfig"] = str(tmp_path / "none")
    assert "there is no kubeconfig" in run_module("registry_discovery_info", **options)["msg"]
