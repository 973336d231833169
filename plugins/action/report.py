# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints the last words of a playbook: tables and commands for people."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.kubelocal.registry.plugins.plugin_utils import _report


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _result, options = self.validate_argument_spec(
            argument_spec={
                "playbook": {"type": "str", "required": True, "choices": ["up", "down", "status"]},
                "variables": {"type": "dict", "default": {}},
                "proof": {"type": "dict"},
                "registry": {"type": "dict"},
                "image": {"type": "str", "default": "docker.io/library/registry:3"},
                "login": {"type": "bool", "default": False},
                "status": {"type": "dict"},
                "actions": {"type": "list", "elements": "str", "default": []},
                "kept": {"type": "list", "elements": "str", "default": []},
            }
        )
        lines = self._lines(options)
        self._display.display("\n".join(lines))
        result["changed"] = False
        status = options["status"]
        broken = [str(link["link"]) for link in (status or {}).get("links", []) if link["ok"] is False]
        if broken:
            told = f"{len(broken)} of {len(status['links'])} links are broken ({', '.join(broken)})"
            result.update(failed=True, msg=f"{told}; the table above says what mends them.")
        else:
            result["lines"] = lines
        return result

    def _lines(self, options: dict[str, Any]) -> list[str]:
        if options["playbook"] == "status":
            return _report.status_lines(options["status"] or {})
        if options["playbook"] == "down":
            return _report.down_lines(options["actions"], options["kept"])
        variables = dict(options["variables"])
        variables.update(options["registry"] or {})
        return _report.up_lines(
            variables,
            options["proof"] or None,
            options["image"],
            options["login"],
            bool(self._task.check_mode),
        )
