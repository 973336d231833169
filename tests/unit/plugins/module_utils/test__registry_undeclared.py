# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils import _registry_files as files
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_observed import Observed
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_spec import (
    LABEL_PREFIX,
    Https,
    Spec,
    Upstream,
)
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_undeclared import complete, difference

BASE: dict[str, Any] = {
    "version": 0.1,
    "storage": {"filesystem": {"rootdirectory": "/data"}},
    "http": {"addr": ":5000"},
}
HTTPS = Https("certificate\n", "key\n")
UPSTREAM = Upstream("https://up.example", "robot", "s3cr3t", "168h", "ca\n")
CLOSED = Spec("reg", config={"log": {"level": "debug"}}, users={"ada": "s3cr3t"}, https=HTTPS)


def made(spec: Spec, version: int = 3) -> Observed:
    """A container as an earlier run left it."""
    notes = {"environment": sorted(spec.environment or {}), "labels": sorted(spec.labels or {})}
    labels = {**(spec.labels or {}), LABEL_PREFIX + "declared": json.dumps(notes), "foreign": "label"}
    command = "/etc/docker/registry/config.yml" if version == 2 else "/etc/distribution/config.yml"
    attrs = {
        "Config": {
            "Cmd": ["serve", f"{files.FOLDER}/{files.CONFIG}"],
            "Labels": labels,
            "Env": [f"{key}={value}" for key, value in {**(spec.environment or {}), "FOREIGN": "1"}.items()],
        }
    }
    own = files.files(BASE, spec, version, {}, (0, 0))
    return Observed(None, attrs, {"Config": {"Cmd": [command]}}, own, BASE)


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize(
    "spec",
    [
        CLOSED,
        Spec("reg", upstream=UPSTREAM),
        Spec("reg", upstream=Upstream("https://up.example")),
        Spec("reg", config={"storage": {"filesystem": None, "s3": {"bucket": "b"}}}),
        Spec("reg", https=HTTPS, config={"http": {"headers": {"X": ["y"]}}}),
        Spec("reg", users={"ada": "s3cr3t"}, environment={"A": "b"}, labels={"team": "x"}),
    ],
)
def test_leaving_all_out_changes_nothing(spec: Spec, version: int) -> None:
    observed = made(spec, version)
    completed = complete(Spec("reg"), observed)
    assert files.differing(observed.own, BASE, completed, version) == []
    again = files.files(BASE, completed, version, observed.own, (0, 0))
    assert {name: file.content for name, file in again.items()} == {n: f.content for n, f in observed.own.items()}
    assert (completed.environment, completed.labels) == (spec.environment or {}, spec.labels or {})


@pytest.mark.parametrize(
    ("declared", "changed"),
    [
        ({"users": {}}, ["users"]),
        ({"users": {"ada": "other"}}, ["users"]),
        ({"users": {"ada": "s3cr3t"}}, []),
        ({"https_declared": True}, ["https"]),
        ({"config": {}}, ["config"]),
        ({"config": {"log": {"level": "debug"}}}, []),
    ],
)
def test_what_is_declared_counts(declared: dict[str, Any], changed: list[str]) -> None:
    observed = made(CLOSED)
    assert files.differing(observed.own, BASE, complete(Spec("reg", **declared), observed), 3) == changed


def test_a_registry_without_files_of_ours_gets_none() -> None:
    foreign = Observed(
        None, {"Config": {"Cmd": ["serve", "/etc/own.yml"], "Labels": {}}}, {}, {}, {"auth": {"silly": {}}}
    )
    assert complete(Spec("reg"), foreign) == Spec("reg", environment={}, labels={})


@pytest.mark.parametrize(
    ("base", "changed"),
    [
        ({}, {}),
        ({"a": 1}, {}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}}),
        ({"a": {"b": 1}}, {"a": "text"}),
        ({"a": "text"}, {"a": {"b": {"c": 1}}}),
        ({"a": [1]}, {"a": [1, 2], "b": False}),
    ],
)
def test_difference(base: dict[str, Any], changed: dict[str, Any]) -> None:
    assert files.merge(base, difference(base, changed)) == changed
