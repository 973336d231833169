# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a cluster counts as working."""

from __future__ import annotations

import ssl
import time
from typing import Any

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils import _cluster_ready, _kubernetes
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError

NODES = "/api/v1/nodes"
ACCOUNT = "/api/v1/namespaces/default/serviceaccounts/default"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"


def node(name: str, ready: str = "True", message: str = "") -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "status": {"conditions": [{"type": "Ready", "status": ready, "message": message}]},
    }


class Api:
    """Answers from a table; an exception in it is raised."""

    def __init__(self, **answers: Any) -> None:
        self.answers: dict[str, Any] = {NODES: [node("a")], ACCOUNT: {}, LEASES: [], **answers}

    def get(self, path: str) -> Any:
        answer = self.answers[path]
        if isinstance(answer, Exception):
            raise answer
        return {"items": answer} if isinstance(answer, list) else answer

    find = get


def missing(since: dict[str, float] | None = None, without_network: bool = False, **answers: Any) -> str:
    return _cluster_ready.what_is_missing(Api(**answers), ["a"], since or {}, without_network)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ({}, ""),
        ({NODES: [node("a"), node("gone", "Unknown")]}, ""),
        ({NODES: []}, "the node a has not joined"),
        ({NODES: [node("a", "False", "cni plugin not initialized")]}, "a is not ready (cni plugin not initialized)"),
        ({NODES: [{"metadata": {"name": "a"}, "status": {}}]}, "a is not ready"),
        ({ACCOUNT: None}, "default service account"),
        ({NODES: _kubernetes.Forbidden("forbidden", 403, "Forbidden")}, "does not let anybody in yet"),
        ({NODES: _kubernetes.Refused("refused GET: starting.", 503, "")}, "refused GET: starting"),
    ],
)
def test_what_counts(answers: dict[str, Any], told: str) -> None:
    found = missing(**answers)
    assert (told in found) if told else not found, found


def test_a_kubeconfig_of_another_cluster_is_not_waited_with() -> None:
    error = _kubernetes.Forbidden("credentials", 401, "Unauthorized")
    with pytest.raises(_kubernetes.Forbidden):
        missing(**{NODES: error})
    unknown = _kubernetes.Unreachable("it is not trusted")
    unknown.__cause__ = ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] unknown authority")
    with pytest.raises(_kubernetes.Unreachable):
        _cluster_ready.wait(Api(**{NODES: unknown}), ["a"], {}, time.monotonic())  # type: ignore[arg-type]


def test_an_api_server_that_hangs_up_is_waited_for() -> None:
    hung_up = _kubernetes.Unreachable("it is not trusted or speaks no TLS.")
    hung_up.__cause__ = ssl.SSLEOFError(8, "UNEXPECTED_EOF_WHILE_READING")
    missing = _cluster_ready.wait(Api(**{NODES: hung_up}), ["a"], {}, time.monotonic())  # type: ignore[arg-type]
    assert missing == "it is not trusted or speaks no TLS"


def test_a_node_without_a_network_counts_where_none_is_installed() -> None:
    nodes = [node("a", "False", "container runtime network not ready: cni plugin not initialized")]
    assert missing(without_network=True, **{NODES: nodes}) == ""


def test_a_started_node_has_to_be_heard_of() -> None:
    lease = {"metadata": {"name": "a"}, "spec": {"renewTime": "2026-11-20T10:00:05.123456Z"}}
    before, after = (
        _cluster_ready._seconds("2026-11-20T10:00:04.123456789Z"),
        _cluster_ready._seconds("2026-11-20T10:00:06+00:00"),
    )
    assert missing({"a": before}, **{LEASES: [lease]}) == ""
    assert "not been heard of" in missing({"a": after}, **{LEASES: [lease]})
    assert "not been heard of" in missing({"a": before}, **{LEASES: []})
    assert missing({"load-balancer": after}) == ""


def test_a_node_that_joined_after_its_start_was_heard_of() -> None:
    joined = {**node("a"), "metadata": {"name": "a", "creationTimestamp": "2026-11-20T10:00:05Z"}}
    assert missing({"a": _cluster_ready._seconds("2026-11-20T10:00:04Z")}, **{NODES: [joined]}) == ""
    assert "not been heard of" in missing({"a": _cluster_ready._seconds("2026-11-20T10:00:06Z")}, **{NODES: [joined]})


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:00:01Z", 1),
        ("1970-01-01T00:00:01.5Z", 1.5),
        ("1970-01-01T01:00:01.123456789+01:00", 1.123456),
        ("", 0),
        ("nonsense", 0),
    ],
)
def test_times(text: str, seconds: float) -> None:
    assert _cluster_ready._seconds(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("status", "recent"),
    [
        ("Up 5 seconds", True),
        ("Up Less than a second", True),
        ("Up About a minute", True),
        ("Up 3 minutes (Paused)", True),
        ("Up 12 minutes", False),
        ("Up 2 hours", False),
        ("Exited (130) 5 seconds ago", False),
    ],
)
def test_which_uptimes_are_looked_into(status: str, recent: bool) -> None:
    assert bool(_cluster_ready._RECENT.match(status)) is recent


def test_being_locked_out_is_waited_with_only_after_a_start() -> None:
    api: Any = Api(**{NODES: _kubernetes.Forbidden("it is forbidden.", 403, "Forbidden")})
    end = time.monotonic() + 0.3
    assert "let anybody in yet" in _cluster_ready.wait(api, ["a"], {"a": 1.0}, end, interval=0.01, patience=0)
    with pytest.raises(ExpectedError, match=r"may not look at the cluster \(it is forbidden\); let it"):
        _cluster_ready.wait(api, ["a"], {}, time.monotonic() + 60, interval=0.01, patience=0.1)
