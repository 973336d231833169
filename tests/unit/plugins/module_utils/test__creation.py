# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tool's run that outlives who started it."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils._creation import (
    Creation,
    state_folder,
    unlock_kubeconfig,
)
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError


def started(creation: Creation, script: str) -> None:
    lock = creation.acquire()
    assert lock is not None
    creation.start(lock, [sys.executable, "-c", script], os.environ, "/k", {"a": 1}, "text")


def test_nothing_is_written_by_looking(tmp_path: Path) -> None:
    creation = Creation("kind", "dev", str(tmp_path / "state"))
    assert not creation.running()
    assert creation.record() is None
    assert creation.log() == ""
    assert not (tmp_path / "state").exists()


def test_a_run_is_waited_for_and_its_end_is_known(tmp_path: Path) -> None:
    creation = Creation("kind", "dev", str(tmp_path))
    started(creation, "import time; print('hello', flush=True); time.sleep(0.6); raise SystemExit(3)")
    assert creation.running()
    assert creation.acquire() is None
    assert not creation.wait(0.1)
    assert creation.wait(10)
    record = creation.record()
    assert record is not None
    assert (record.code, record.kubeconfig, record.configuration) == (3, "/k", {"a": 1})
    assert creation.log() == "hello\n"
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_the_lock_is_held_while_the_tool_lives_though_its_watcher_is_killed(tmp_path: Path) -> None:
    creation = Creation("kind", "dev", str(tmp_path))
    script = "import os, time; print(os.getppid(), flush=True); time.sleep(1.5)"
    started(creation, script)
    end = time.monotonic() + 10
    while not creation.log() and time.monotonic() < end:
        time.sleep(0.02)
    os.kill(int(creation.log()), signal.SIGKILL)
    time.sleep(0.1)
    assert creation.running()
    assert creation.wait(10)
    record = creation.record()
    assert record is not None
    assert record.code is None, "nobody saw how it ended"


def test_clusters_of_other_names_have_other_locks(tmp_path: Path) -> None:
    one = Creation("kind", "foo", str(tmp_path)).acquire()
    two = Creation("kind", "foo-bar", str(tmp_path)).acquire()
    three = Creation("kind-brief", "foo", str(tmp_path)).acquire()
    assert one is not None
    assert two is not None
    assert three is not None
    for lock in (one, two, three):
        os.close(lock)


def test_forgetting_leaves_nothing(tmp_path: Path) -> None:
    creation = Creation("kind", "dev", str(tmp_path))
    started(creation, "")
    assert creation.wait(10)
    lock = creation.acquire()
    assert lock is not None
    creation.forget()
    os.close(lock)
    assert list(tmp_path.iterdir()) == []


def test_a_lock_of_our_own_is_removed(tmp_path: Path) -> None:
    config = tmp_path / "config"
    lock = tmp_path / "config.lock"
    lock.touch()
    actions: list[str] = []
    unlock_kubeconfig(str(config), True, actions, check=True)
    assert lock.exists()
    unlock_kubeconfig(str(config), True, actions, check=False)
    assert not lock.exists()
    assert len(actions) == 2


def test_a_lock_of_somebody_else_is_told(tmp_path: Path) -> None:
    lock = tmp_path / "config.lock"
    lock.touch()
    with pytest.raises(ExpectedError, match=r"config\.lock, which did not go away"):
        unlock_kubeconfig(str(tmp_path / "config"), False, [], check=False, patience=0.2)
    assert lock.exists()


def test_state_goes_where_it_can_be_written(tmp_path: Path) -> None:
    assert state_folder({"XDG_CACHE_HOME": str(tmp_path / "new")}) == str(tmp_path / "new" / "kubelocal.registry")
    file = tmp_path / "file"
    file.touch()
    elsewhere = state_folder({"XDG_CACHE_HOME": str(file / "below")})
    assert "kubelocal.registry" in elsewhere
    assert not elsewhere.startswith(str(file))
