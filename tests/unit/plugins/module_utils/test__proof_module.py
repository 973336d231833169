# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the modules that have nodes pull answer."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils import _proof_module
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._pull_proof import PullProof


class Ended(Exception):
    pass


class Module(SimpleNamespace):
    """Ends as AnsibleModule does: what calls it does not go on."""

    def __init__(self, timeout: int = 9, check: bool = False) -> None:
        super().__init__(params={"timeout": timeout}, check_mode=check, told={})

    def fail_json(self, **told: Any) -> None:
        self.told = {"failed": True, **told}
        raise Ended

    def exit_json(self, **told: Any) -> None:
        self.told = told
        raise Ended


@pytest.fixture(autouse=True)
def handler() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def never(_options: Mapping[str, Any]) -> PullProof:
    raise AssertionError("nothing is to be tried")


def answer(module: Module, prove: Any) -> dict[str, Any]:
    with pytest.raises(Ended):
        _proof_module.answer(module, prove)  # type: ignore[arg-type]
    told: dict[str, Any] = module.told
    return told


def test_nothing_is_tried_in_check_mode_or_without_time() -> None:
    assert answer(Module(check=True), never)["changed"] is False
    assert answer(Module(timeout=0), never)["msg"] == "timeout is 0; give at least 1 second."


def test_what_worked_is_told_and_is_no_change() -> None:
    told = answer(Module(), lambda _options: PullProof("r:5000", nodes={"a": {}, "b": {}}))
    assert told["changed"] is False
    assert told["actions"] == ["Pushed kubelocal/proof to r:5000 and pulled it on 2 nodes."]


def test_problems_and_errors_fail() -> None:
    told = answer(Module(), lambda _options: PullProof("r:5000", nodes={"a": {}}, problems=["a does not pull."]))
    assert (told["failed"], told["msg"], told["problems"]) == (True, "a does not pull.", ["a does not pull."])
    assert told["proof"]["addresses"][0]["manifest"] is False

    def refuse(_options: Mapping[str, Any]) -> PullProof:
        raise ExpectedError("no nodes.")

    assert answer(Module(), refuse)["problems"] == ["no nodes."]
