# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: what the modules that have nodes pull do alike: from options to an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from ansible_collections.kubelocal.registry.plugins.module_utils import _unwind
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ansible.module_utils.basic import AnsibleModule

# For argument specs: the options of the documentation fragment proof.
OPTIONS: dict[str, dict[str, Any]] = {"timeout": {"type": "int", "default": 120}}


class Proof(Protocol):
    """What was seen; ``problems`` is empty when all of it worked."""

    nodes: dict[str, dict[str, Any]]
    problems: list[str]

    @property
    def host(self) -> str | None: ...

    def as_result(self) -> dict[str, Any]: ...


def answer(module: AnsibleModule, prove: Callable[[Mapping[str, Any]], Proof]) -> None:
    """Have it proved and end the module."""
    timeout = module.params["timeout"]
    if timeout < 1:
        module.fail_json(msg=f"timeout is {timeout}; give at least 1 second.", actions=[])
    if module.check_mode:
        module.exit_json(changed=False, actions=["Would push a small image and have every node pull it."])
    _unwind.when_ended()
    try:
        proof = prove(module.params)
    except ExpectedError as error:
        module.fail_json(msg=str(error), problems=[str(error)], actions=error.actions)
    if proof.problems:
        module.fail_json(msg=" ".join(proof.problems), problems=proof.problems, proof=proof.as_result(), actions=[])
    pulled = f" and pulled it on {len(proof.nodes)} nodes" if proof.nodes else ""
    action = f"Pushed kubelocal/proof to {proof.host}{pulled}."
    module.exit_json(changed=False, proof=proof.as_result(), actions=[action])
