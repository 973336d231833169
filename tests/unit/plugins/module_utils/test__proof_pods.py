# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a container's status is read."""

from __future__ import annotations

from typing import Any

import pytest

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
