# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can't be right in k3d's configuration file."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils import _k3d_schema
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"options": []}, "config.options is []; set it to a dictionary, or leave it out."),
        ({"options": {"k3d": None}}, "config.options.k3d is None; set it to a dictionary"),
        ({"ports": {"port": "80:80"}}, "config.ports is {'port': '80:80'}; set it to a list"),
        ({"ports": ["80:80"]}, "config.ports[0] is '80:80'; set it to a dictionary"),
        ({"ports": [{"port": 80}]}, "config.ports[0].port is 80; set it to text, in quotes"),
        ({"ports": [{"port": "80", "nodeFilters": "all"}]}, "config.ports[0].nodeFilters is 'all'; set it to a list"),
        ({"options": {"k3d": {"wait": "yes"}}}, "config.options.k3d.wait is 'yes'; set it to true or false"),
        ({"options": {"runtime": {"ulimits": [{"soft": "1"}]}}}, "ulimits[0].soft is '1'; set it to a whole number"),
        ({"kubeAPI": {"hostPort": 6443}}, "config.kubeAPI.hostPort is 6443; set it to text"),
        ({"subnet": True}, "config.subnet is True; set it to text"),
        ({"registries": {"use": "reg"}}, "config.registries.use is 'reg'; set it to a list"),
        ({"registires": {}}, "config has the key 'registires', which k3d does not know; did you mean 'registries'?"),
        ({"options": {"k3d": {"disableLoadBalancer": True}}}, "config.options.k3d has the key 'disableLoadBalancer'"),
        ({"registries": {"creat": {}}}, "config.registries has the key 'creat'"),
        (
            {"env": [{"envvar": "A=b"}]},
            "config.env[0] has the key 'envvar', which k3d does not know; did you mean 'envVar'?",
        ),
    ],
)
def test_refuses_wrong_types_and_misspelled_keys(given: dict[str, Any], told: str) -> None:
    with pytest.raises(ExpectedError, match=re.escape(told)):
        _k3d_schema.check(given, "config")


@pytest.mark.parametrize(
    "given",
    [
        {"token": 123456},
        {"registries": {"create": {"proxy": {"password": 123456}}}},
        {"registries": {"config": 123456}},
    ],
)
def test_secrets_are_not_shown(given: dict[str, Any]) -> None:
    with pytest.raises(ExpectedError, match="is of another type; set it to text") as caught:
        _k3d_schema.check(given, "config")
    assert "123456" not in str(caught.value)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"agents": None},
        {
            "options": {
                "k3d": {"timeout": "60s", "loadbalancer": {"configOverrides": ["settings.workerConnections=2048"]}}
            }
        },
        {"files": [{"source": "a", "destination": "b"}], "hostAliases": [{"ip": "1.2.3.4", "hostnames": ["a"]}]},
        # may be a newer k3d's: the one that is installed is asked
        {"somethingNew": {"a": 1}},
    ],
)
def test_takes_what_k3d_takes(given: dict[str, Any]) -> None:
    _k3d_schema.check(given, "config")
