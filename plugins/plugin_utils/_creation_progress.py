# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: an action that asks its module again and again while a cluster is being created, and shows how far it is."""

from __future__ import annotations

import time
from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.kubelocal.registry.plugins.plugin_utils._in_place import InPlace

INTERVAL = 10
# the module says so when an earlier call of it began the creation, which here is the same task
_CONTINUED = "Complete the "


class CreationProgress(InPlace):
    """The module waits for a while, and answers ``pending`` with the tool's last step."""

    TOOL = ""
    _supports_async = False

    def ask(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        began = time.monotonic()
        asked = {"progress_interval": INTERVAL, **arguments}
        answer = super().ask(dict(asked), task_vars)
        first = answer
        while self._waits(arguments) and answer.get("pending") and not answer.get("failed"):
            if answer is first:
                self._display.display(f"{self.TOOL}: log {answer.get('log')}")
            self._display.display(f"{self.TOOL}: {answer.get('progress')} ({time.monotonic() - began:.0f} s)")
            answer = _joined(answer, super().ask(dict(asked), task_vars))
        return answer

    def _waits(self, arguments: dict[str, Any]) -> bool:
        try:
            return bool(boolean(arguments.get("wait", True)))
        except TypeError:
            # the module has told so
            return False


def _joined(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """One answer made of two: all that was done, and how it was before and is after."""
    done = list(before.get("actions") or [])
    further = [
        action
        for action in after.get("actions") or []
        if action not in done and not (done and action.startswith(_CONTINUED))
    ]
    joined = {**after, "actions": done + further, "changed": bool(before.get("changed") or after.get("changed"))}
    if "diff" in before and "diff" in after:
        joined["diff"] = {"before": before["diff"]["before"], "after": after["diff"]["after"]}
    return joined
