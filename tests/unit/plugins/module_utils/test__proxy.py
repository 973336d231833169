# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils import _proxy as proxy

PROXY = {"HTTP_PROXY": "http://proxy:3128"}


@pytest.mark.parametrize(
    ("environment", "value"),
    [
        ({}, None),
        ({"NO_PROXY": "x"}, None),
        ({"HTTPS_PROXY": ""}, None),
        (PROXY, "reg"),
        ({"https_proxy": "http://proxy"}, "reg"),
        ({**PROXY, "NO_PROXY": "10.0.0.0/8, .svc"}, "10.0.0.0/8,.svc,reg"),
        ({**PROXY, "NO_PROXY": "a", "no_proxy": "a,b"}, "a,b,reg"),
        ({**PROXY, "NO_PROXY": "a,reg"}, None),
        ({**PROXY, "NO_PROXY": "REG:5000"}, None),
        ({**PROXY, "NO_PROXY": "*"}, None),
        ({**PROXY, "NO_PROXY": "*.reg"}, None),
        ({**PROXY, "NO_PROXY": "registry"}, "registry,reg"),
        ({**PROXY, "NO_PROXY": 'a%b"c'}, 'a%%b\\"c,reg'),
    ],
)
def test_the_drop_in_excepts_what_is_missing(environment: dict[str, str], value: str | None) -> None:
    text = proxy.drop_in(environment, ["reg"])
    if value is None:
        assert text == ""
    else:
        assert text.splitlines()[1:] == ["[Service]", f'Environment="NO_PROXY={value}" "no_proxy={value}"']


def test_suffixes_except_names_below_them() -> None:
    environment = {**PROXY, "NO_PROXY": "example.com"}
    assert proxy.drop_in(environment, ["reg.example.com"]) == ""
    assert "regexample.com" in proxy.drop_in(environment, ["regexample.com"])


def test_environment() -> None:
    assert proxy.environment_of(["A=b=c", "D=", "E"]) == {"A": "b=c", "D": ""}
