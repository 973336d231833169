# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tool is run for a moment, and what a killed run left on the kubeconfig is removed."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils._cluster_declared import Declared
from ansible_collections.kubelocal.registry.plugins.module_utils._cluster_work import Work
from ansible_collections.kubelocal.registry.plugins.module_utils._creation import Creation
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._kind_tool import Kind


def work(tmp_path: Path, check: bool = False, wait_timeout: int = 600) -> Work:
    declared = Declared("dev", kubeconfig=str(tmp_path / "kubeconfig"), wait_timeout=wait_timeout)
    return Work(None, Kind(declared), declared, check, Creation("kind", "dev", str(tmp_path / "state")))


def killed(made: Work, kubeconfig: str) -> None:
    """The traces of a run of the tool whose watcher did not live to write down how it ended."""
    lock = made.creation.acquire()
    assert lock is not None
    # the tool and its watcher are a process group of their own
    made.creation.start(lock, ["/bin/sh", "-c", "kill -KILL 0"], os.environ, kubeconfig, {}, "")
    assert made.creation.wait(10)


def test_a_short_run_gives_its_output_and_leaves_nothing(tmp_path: Path) -> None:
    made = work(tmp_path)
    script = "import sys; print('hello'); sys.exit(3)"
    assert made.run([sys.executable, "-c", script], str(tmp_path / "kubeconfig")) == (3, "hello\n")
    assert list((tmp_path / "state").iterdir()) == []


def test_a_run_of_somebody_else_is_waited_for_but_not_for_ever(tmp_path: Path) -> None:
    made = work(tmp_path, wait_timeout=1)
    held = Creation("kind-brief", "dev", str(tmp_path / "state")).acquire()
    assert held is not None
    start = time.monotonic()
    with pytest.raises(ExpectedError, match="another run of kind for the cluster 'dev' does not end"):
        made.run(["/none"], "")
    assert time.monotonic() - start >= 1
    os.close(held)


@pytest.mark.parametrize("check", [False, True])
def test_the_lock_of_a_killed_run_is_removed(tmp_path: Path, check: bool) -> None:
    made = work(tmp_path, check)
    path = str(tmp_path / "kubeconfig")
    killed(made, path)
    Path(f"{path}.lock").touch()
    made.unlock_own(str(tmp_path / "other"))
    assert not made.changed
    made.unlock_own(path)
    assert made.changed
    assert made.actions == [f"Remove the lock {path}.lock that a killed run left behind."]
    assert Path(f"{path}.lock").exists() is check


def test_a_lock_that_is_not_known_to_be_ours_is_left(tmp_path: Path) -> None:
    made = work(tmp_path)
    path = str(tmp_path / "kubeconfig")
    Path(f"{path}.lock").touch()
    made.unlock_own(path)
    assert not made.changed
    assert Path(f"{path}.lock").exists()
