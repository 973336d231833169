# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks between runs, and signals while something is half done."""

from __future__ import annotations

import multiprocessing
import os
import signal
import stat
import threading
import time
from pathlib import Path

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils import _registry_lock as locks
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks.tempfile, "gettempdir", lambda: str(tmp_path))


def test_folder_is_this_users_alone() -> None:
    assert stat.S_IMODE(os.stat(locks.folder()).st_mode) == 0o700
    assert locks.folder() == locks.folder()
    os.chmod(locks.folder(), 0o777)
    with pytest.raises(ExpectedError, match="not this user's alone"):
        locks.folder()


def test_folder_may_be_no_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / f"kubelocal-registry-{os.getuid()}").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ExpectedError, match="remove it"):
        locks.folder()


def test_one_at_a_time() -> None:
    with locks.lock("engine", "hub", timeout=1):
        with (
            pytest.raises(ExpectedError, match="another run works on the registry 'hub'"),
            locks.lock("engine", "hub", timeout=0.2),
        ):
            pass
        for engine, name in (("engine", "other"), ("elsewhere", "hub"), ("eng", "ine\nhub")):
            with locks.lock(engine, name, timeout=0.2):
                pass
    with locks.lock("engine", "hub", timeout=0.2):
        pass


def test_a_killed_holder_frees_it() -> None:
    context = multiprocessing.get_context("fork")
    held = context.Event()

    def hold() -> None:
        with locks.lock("engine", "hub", timeout=1):
            held.set()
            time.sleep(60)

    process = context.Process(target=hold)
    process.start()
    assert held.wait(10)
    process.kill()
    process.join()
    with locks.lock("engine", "hub", timeout=5):
        pass


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_told_to_end(number: signal.Signals) -> None:
    before = signal.getsignal(number)

    def work() -> None:
        with locks.told_to_end():
            os.kill(os.getpid(), number)
            time.sleep(1)

    with pytest.raises(locks.Interrupted):
        work()
    assert signal.getsignal(number) == before


def test_signals_wait_while_something_is_put_back() -> None:
    done: list[str] = []
    over = threading.Event()
    # the kernel may give a signal to any thread
    other = threading.Thread(target=over.wait)
    other.start()

    def work() -> None:
        with locks.told_to_end():
            with locks.undisturbed():
                os.kill(os.getpid(), signal.SIGTERM)
                time.sleep(0.1)
                done.append("put back")
            time.sleep(1)
            done.append("went on")

    try:
        with pytest.raises(locks.Interrupted):
            work()
    finally:
        over.set()
        other.join()
    assert done == ["put back"]
    # as it was before
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
