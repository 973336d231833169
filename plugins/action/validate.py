# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks every variable of a playbook before anything is touched."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

from ansible_collections.kubelocal.registry.plugins.plugin_utils import _variables


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        result["changed"] = False
        self.validate_argument_spec(argument_spec={"variables": {"type": "dict"}})
        source = self._task.args.get("variables")
        source = dict(task_vars or {}) if source is None else source
        given: dict[str, Any] = {}
        for name in _variables.ours(source):
            try:
                given[name] = self._templar.template(source[name])
            except AnsibleError as error:
                message = str(error).splitlines()[0].rstrip(".")
                result.update(failed=True, msg=f"{name}: its value can't be worked out: {message}.")
                return result
        checked = _variables.check(given)
        machines = (task_vars or {}).get("groups", {}).get("cluster_nodes")
        if checked.values.get("cluster_provider") == "remote" and not machines:
            checked.problems.append(
                "cluster_provider: 'remote' needs machines in the inventory's group cluster_nodes, and there are none; "
                "name an inventory that has them with -i."
            )
        if checked.problems:
            result.update(failed=True, msg="\n".join(checked.problems), problems=checked.problems)
            return result
        result["variables"] = _variables.plain(checked.values)
        return result
