# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any, Callable

import pytest
from ansible.errors import AnsibleError
from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kubelocal.registry.plugins.plugin_utils import _in_place

ARGUMENTS = {"_ansible_tracebacks_for": [], "_ansible_check_mode": True}
SPEC = {"name": {"type": "str", "required": True}, "word": {"type": "str", "no_log": True}}


def module(act: Callable[[AnsibleModule], Any]) -> ModuleType:
    found = ModuleType("kltest")
    found.main = lambda: act(AnsibleModule(SPEC, supports_check_mode=True))  # type: ignore[attr-defined]
    return found


def test_an_answer_is_what_the_module_prints(capsys: pytest.CaptureFixture[str]) -> None:
    def act(found: AnsibleModule) -> None:
        found.warn("careful")
        found.exit_json(changed=found.check_mode, told=f"{found.params['name']} with {found.params['word']}")

    answer = _in_place.call(module(act), {"name": "a", "word": "sesame", **ARGUMENTS})
    assert answer["changed"] is True
    # in this process Ansible's display has it, and the task shows it
    assert "careful" in capsys.readouterr().err
    assert "sesame" not in str(answer)


def test_a_failure_is_an_answer_too() -> None:
    answer = _in_place.call(module(lambda found: found.fail_json(msg="no")), {"name": "a", **ARGUMENTS})
    assert answer["failed"] is True
    assert answer["msg"] == "no"


def test_options_are_checked() -> None:
    answer = _in_place.call(module(lambda found: found.exit_json()), {"nam": "a", **ARGUMENTS})
    assert answer["failed"] is True
    assert "nam" in answer["msg"]


def test_what_the_module_did_not_expect_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        _in_place.call(module(lambda _found: 1 / 0), {"name": "a", **ARGUMENTS})


def test_a_module_that_is_ended_fails() -> None:
    with pytest.raises(AnsibleError, match="kltest was ended"):
        _in_place.call(module(lambda _found: sys.exit(1)), {"name": "a", **ARGUMENTS})


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="modules have a Python of their own elsewhere")
@pytest.mark.parametrize(
    ("changes", "here"),
    [
        ({}, True),
        ({"interpreter": "/usr/bin/python9"}, False),
        ({"interpreter": None}, False),
        ({"transport": "ssh"}, False),
        ({"become": object()}, False),
        ({"environment": [{}, {"DOCKER_HOST": "x"}]}, False),
        ({"environment": [{}]}, True),
        ({"async_val": 10}, False),
        ({"delegate_to": "other"}, False),
    ],
)
def test_only_where_it_makes_no_difference(changes: dict[str, Any], here: bool) -> None:
    found = {
        "interpreter": sys.executable,
        "transport": "local",
        "become": None,
        "environment": None,
        "async_val": 0,
        "delegate_to": None,
        **changes,
    }
    action = object.__new__(_in_place.InPlace)
    action._task = SimpleNamespace(**{name: found[name] for name in ("async_val", "delegate_to", "environment")})
    action._connection = SimpleNamespace(transport=found["transport"], become=found["become"])
    action._templar = SimpleNamespace(template=lambda value: value)
    assert action._is_here({"ansible_python_interpreter": found["interpreter"]}) is here
