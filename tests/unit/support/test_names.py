# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which names in Docker are leftovers of dead test runs."""

from __future__ import annotations

import subprocess

import pytest

from tests.support.names import Names, is_leftover


def test_names_of_this_process_are_none() -> None:
    names = Names()
    assert names("registry").endswith("-registry")
    assert not is_leftover(names("registry"))
    assert names.prefix != Names().prefix
    assert names.owns(names("registry"))
    assert names.owns("mirror-" + names("upstream").replace("-", "--") + "---5000-data")
    assert not names.owns(Names()("registry"))


def test_names_of_a_process_that_ended_are() -> None:
    process = subprocess.Popen(["true"])
    process.wait()
    assert is_leftover(f"kltest-p{process.pid}x3-registry")
    assert is_leftover(f"mirror-kltest--p{process.pid}x3--upstream---5000")


@pytest.mark.parametrize("name", ["dev-control-plane", "kltest-lab", "kltest-lab-worker", "xkltest-p999999999x1-a", ""])
def test_names_that_no_test_gives_are_nobodys(name: str) -> None:
    assert not is_leftover(name)
