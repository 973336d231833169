# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: an action that runs its module in the process that is there, when that makes no difference but in time.

Ansible starts a new Python for every module, which reads Docker's library and the module's own parts again: half a second and more
for a module that then asks for a tenth of it. On the machine that Ansible runs on, with the same Python and user, all of that is in
memory already, because Ansible loads an action, and with it the module, before it forks. Whatever needs more is run as ever.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

try:
    from ansible.module_utils.testing import patch_module_args
except ImportError:  # meant for tests, so it may go; modules are then run as ever
    patch_module_args = None

if TYPE_CHECKING:
    from types import ModuleType

_INTERPRETER = "ansible_python_interpreter"


class InPlace(ActionBase):  # type: ignore[misc]
    """``MODULE`` is the module of the same name."""

    MODULE: ModuleType

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        result.update(self.ask(dict(self._task.args), task_vars or {}))
        return result

    def ask(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """The module's answer."""
        if not self._is_here(task_vars):
            answer: dict[str, Any] = self._execute_module(
                module_name=self._task.action, module_args=arguments, task_vars=task_vars
            )
            return answer
        self._update_module_args(self._task.action, arguments, task_vars)
        return call(self.MODULE, arguments)

    def _is_here(self, task_vars: dict[str, Any]) -> bool:
        if patch_module_args is None or not sys.platform.startswith("linux"):
            # macOS does not let a process that was forked ask for its proxies
            return False
        if self._task.async_val or self._task.delegate_to or any(self._task.environment or []):
            return False
        if self._connection.transport != "local" or self._connection.become is not None:
            return False
        try:
            interpreter = self._templar.template(task_vars.get(_INTERPRETER))
        except AnsibleError:
            return False
        return bool(interpreter == sys.executable)


def call(module: ModuleType, arguments: dict[str, Any]) -> dict[str, Any]:
    """What a module prints when it is given these arguments."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output), patch_module_args(arguments), contextlib.suppress(SystemExit):
        module.main()
    if not output.getvalue():
        raise AnsibleError(f"{module.__name__.rpartition('.')[2]} was ended before it had an answer")
    answer: dict[str, Any] = json.loads(output.getvalue())
    answer["_ansible_parsed"] = True
    return answer
