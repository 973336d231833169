# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: one run at a time for one registry, and no run left half done by a signal."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import signal
import stat
import tempfile
import threading
import time
from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError

if TYPE_CHECKING:
    from collections.abc import Iterator


class Interrupted(BaseException):
    """Somebody asked us to end (SIGTERM): what was begun is undone first."""


def folder() -> str:
    """A folder for lock files that only this user can write."""
    path = os.path.join(tempfile.gettempdir(), f"kubelocal-registry-{os.getuid()}")
    with contextlib.suppress(FileExistsError):
        os.mkdir(path, 0o700)
    found = os.lstat(path)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise ExpectedError(f"'{path}', the folder for locks, is not this user's alone; remove it.")
    return path


@contextlib.contextmanager
def lock(engine: str, name: str, timeout: float) -> Iterator[None]:
    """Hold the lock of one registry on one Engine; a killed holder frees it."""
    digest = hashlib.sha256(f"{engine}\n{name}".encode()).hexdigest()[:24]
    handle = os.open(
        os.path.join(folder(), f"{digest}.lock"), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
    )
    try:
        deadline = time.monotonic() + timeout
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise ExpectedError(
                        f"another run works on the registry '{name}' for more than {timeout:g} s; try again when it has ended."
                    ) from None
                time.sleep(0.1)
        yield
    finally:
        os.close(handle)


@contextlib.contextmanager
def told_to_end() -> Iterator[None]:
    """SIGTERM and SIGHUP become an exception, so that what was begun can be undone."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(_number: int, _frame: Any) -> None:
        raise Interrupted

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Signals wait while something is put back."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    waiting: list[int] = []

    def wait(number: int, _frame: Any) -> None:
        waiting.append(number)

    # a thread's mask would not do: the kernel then gives the signal to another thread, and Python to this one
    before = {number: signal.signal(number, wait) for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        for each in dict.fromkeys(waiting):
            signal.raise_signal(each)
