# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose something is that a run made for a moment."""

from __future__ import annotations

import socket
import subprocess

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils import _run_mark


def test_a_run_that_goes_on() -> None:
    assert not _run_mark.is_dead(_run_mark.mark())


def test_a_run_that_is_over() -> None:
    process = subprocess.Popen(["true"])
    process.wait()
    assert _run_mark.is_dead(f"{socket.gethostname()}/{process.pid}")


@pytest.mark.parametrize(
    "mark", ["", "None", "elsewhere/999999999", f"{socket.gethostname()}/", f"{socket.gethostname()}/../x"]
)
def test_nothing_is_known(mark: str) -> None:
    assert not _run_mark.is_dead(mark)
