# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a container's status is read, and for how long a pod asks."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils import _proof_pods
from ansible_collections.kubelocal.registry.plugins.module_utils._proof_pods import NO_WGET, Answer, read_status


@pytest.mark.parametrize(
    ("state", "answer"),
    [
        ({}, Answer()),
        ({"waiting": {"reason": "ContainerCreating"}}, Answer()),
        ({"waiting": {"reason": "ErrImagePull", "message": "refused"}}, Answer(False, None, "refused")),
        ({"waiting": {"reason": "ImagePullBackOff"}}, Answer(False, None, "ImagePullBackOff")),
        ({"waiting": {"reason": "CreateContainerError", "message": "no sh"}}, Answer(True, False, "no sh")),
        ({"running": {"startedAt": "now"}}, Answer(True)),
        ({"terminated": {"exitCode": 0, "reason": "Completed"}}, Answer(True, True)),
        ({"terminated": {"exitCode": 1, "message": "bad address\n"}}, Answer(True, False, "bad address")),
        ({"terminated": {"exitCode": 2}}, Answer(True, False, "exit code 2")),
        ({"terminated": {"exitCode": 3}}, Answer(True, False, NO_WGET)),
        ({"terminated": {"exitCode": 128, "reason": "StartError", "message": "no"}}, Answer(True, False, "no")),
    ],
)
def test_state(state: dict[str, Any], answer: Answer) -> None:
    assert read_status({"name": "x", "state": state}) == answer


def _asked(folder: Path, wget: str, seconds: int) -> tuple[int, str, float]:
    """Exit code and words of what runs in a pod, with this as its wget and short sleeps, and how long it took."""
    for name, script in (("wget", wget), ("sleep", "exec /bin/sleep 0.05")):
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    begun = time.monotonic()
    process = subprocess.run(
        ["sh", "-c", _proof_pods._REACH, "sh", "registry", "5000", str(seconds)],
        env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return process.returncode, process.stdout.strip(), time.monotonic() - begun


def test_a_name_that_fails_at_once_is_asked_for_until_the_time_is_over(tmp_path: Path) -> None:
    code, told, took = _asked(tmp_path, "echo bad address; exit 1", 3)
    assert (code, told) == (1, "bad address")
    assert took >= 2
    # many quick failures, as after a node's restart, then an answer
    code, told, took = _asked(tmp_path, "echo x >> n; [ $(wc -l < n) -gt 3 ]", 20)
    assert code == 0
    assert took < 15


@pytest.mark.parametrize("timeout", [60, 120])
def test_it_outlasts_what_coredns_remembers(timeout: int) -> None:
    body = _proof_pods._body("n", "t", {"a": "r:5000/a"}, ["true"], ("r", 5000), timeout)
    seconds = int(body["spec"]["containers"][-1]["command"][-1])
    assert 30 < seconds < timeout - 10
