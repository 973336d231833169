# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.kubelocal.registry.plugins.filter.remote_problems import remote_problems

GOOD: dict[str, Any] = {
    "address": "registry.test",
    "port": 5000,
    "managed": True,
    "state": "present",
    "users": ["dev", "ci"],
    "pull_user": "ci",
    "push_user": "dev",
    "certificate": False,
    "key": False,
    "caches": 2,
    "mirrors_port": "5100",
}


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"address": "192.0.2.7", "certificate": True, "key": True},
        {"state": "absent", "users": [], "pull_user": "", "push_user": ""},
        {"managed": False, "users": [], "pull_user": "", "push_user": "", "caches": 0},
    ],
)
def test_what_can_work(changed: dict[str, Any]) -> None:
    assert remote_problems({**GOOD, **changed}) == []


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"address": "localhost"}, "remote_registry_address: 'localhost' is not an address"),
        ({"address": "127.0.0.1"}, "remote_registry_address: '127.0.0.1'"),
        ({"address": "a b;c"}, "remote_registry_address: 'a b;c'"),
        ({"address": "ok\n$(id)"}, "remote_registry_address: "),
        ({"address": ""}, "remote_registry_address: ''"),
        ({"port": 0}, "remote_registry_port: 0 is not a port"),
        ({"port": "x"}, "remote_registry_port: x is not a port"),
        ({"port": "-1"}, "remote_registry_port: -1 is not a port"),
        ({"mirrors_port": 65536}, "remote_mirrors_port: 65536 is not a port"),
        ({"users": []}, "remote_users: is empty"),
        ({"pull_user": "eve"}, "is not a user in remote_users; give one of ci, dev."),
        ({"push_user": ""}, "is not a user in remote_users; give one of ci, dev."),
        ({"key": True}, "one is given without the other"),
        ({"certificate": True}, "one is given without the other"),
        ({"managed": False}, "remote_mirrors: there is no host to run caches on"),
    ],
)
def test_what_can_not(changed: dict[str, Any], told: str) -> None:
    (problem,) = remote_problems({**GOOD, **changed})
    assert told in problem


def test_all_of_it_is_told_at_once() -> None:
    assert len(remote_problems({**GOOD, "port": 0, "key": True, "address": "localhost"})) == 3


def test_what_is_not_declared_is_told() -> None:
    with pytest.raises(AnsibleFilterError, match="'address' is missing"):
        remote_problems({})
