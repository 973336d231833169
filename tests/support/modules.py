# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a module of this collection as Ansible does, without the second that a playbook costs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

# Set in the environment: nodes that are containers are asked by a shell alone, as by all who are not root here.
BY_SHELL = "KUBELOCAL_TEST_BY_SHELL"
_RUN = f"""
import json, os, runpy, sys
from ansible.module_utils.common.parameters import PASS_VARS
from ansible.module_utils.testing import patch_module_args
if "{BY_SHELL}" in os.environ:
    from ansible_collections.kubelocal.registry.plugins.module_utils import _container_root
    _container_root.find = lambda container, state: None
name, arguments = json.load(sys.stdin)
# since ansible-core 2.21 a module's answer holds its options only where that is asked for: no secret may be among them
if "inject_invocation" in PASS_VARS:
    arguments["_ansible_inject_invocation"] = True
with patch_module_args(arguments):
    runpy.run_module("ansible_collections.kubelocal.registry.plugins.modules." + name, run_name="__main__")
"""


class ModuleFailed(AssertionError):
    """The module answered ``failed``; ``result`` is all it said."""

    def __init__(self, result: dict[str, Any]) -> None:
        super().__init__(json.dumps(result, indent=1))
        self.result = result


def run_module(
    name: str,
    /,
    *,
    check: bool = False,
    diff: bool = False,
    fails: bool = False,
    environment: dict[str, str] | None = None,
    timeout: float = 600,
    more: dict[str, Any] | None = None,
    **options: Any,
) -> dict[str, Any]:
    """The module's result; an AssertionError unless it fails exactly when ``fails`` says so.

    ``environment`` is the process's; ``more`` holds options whose names are taken here.
    """
    arguments = {
        **options,
        **(more or {}),
        "_ansible_check_mode": check,
        "_ansible_diff": diff,
        # ansible-core 2.19.0 adds a traceback to every answer unless it is told which to show, as Ansible itself does
        "_ansible_tracebacks_for": [],
    }
    process = subprocess.run(
        [sys.executable, "-c", _RUN],
        input=json.dumps([name, arguments]),
        capture_output=True,
        text=True,
        env={**os.environ, **(environment or {})},
        timeout=timeout,
        check=False,
    )
    try:
        result: dict[str, Any] = json.loads(process.stdout)
    except ValueError:
        raise AssertionError(f"{name} gave no answer: {process.stdout}\n{process.stderr}") from None
    if bool(result.get("failed")) != fails:
        raise ModuleFailed(result)
    assert "Traceback" not in process.stderr, process.stderr
    return result
