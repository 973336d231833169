# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: a cluster tool's long run, which outlives a killed play and is waited for by the next one.

kind and k3d can't resume, and a second run beside the first would break it. So the tool runs in a session of its own and inherits a
lock (flock) on a file: as long as the tool lives, whoever started it, the lock is held. A record beside it tells what was started and,
once the tool has ended, how.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import stat
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError

if TYPE_CHECKING:
    from collections.abc import Mapping

# Runs the tool and writes down how it ended. Only the tool has to live on for the lock to be held.
_RUN = """
import json, os, subprocess, sys
path, lock = sys.argv[1], int(sys.argv[2])
with open(path) as file:
    record = json.load(file)
record["code"] = subprocess.call(record["argv"], stdin=subprocess.DEVNULL, pass_fds=[lock])
with open(os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
    json.dump(record, file)
os.replace(path + ".new", path)
"""


@dataclass(frozen=True)
class Record:
    """What was started; ``code`` is the tool's exit code, None while it runs or when it was killed together with who watched it."""

    argv: list[str]
    started: float
    kubeconfig: str = ""
    configuration: dict[str, Any] = field(default_factory=dict)
    code: int | None = None


class Creation:
    """The runs of ``tool`` for the cluster ``name``."""

    def __init__(self, tool: str, name: str, folder: str | None = None) -> None:
        self.folder = folder or state_folder()
        # no tool has a dot in its name, so that two clusters never share a file
        base = os.path.join(self.folder, f"{tool}.{name}")
        self._lock_path, self._record_path = f"{base}.lock", f"{base}.json"
        self.configuration_path, self.log_path = f"{base}.yaml", f"{base}.log"

    def running(self) -> bool:
        """Whether the tool runs, or someone is about to run it. Writes nothing."""
        try:
            lock = os.open(self._lock_path, os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            return not _locked(lock)
        finally:
            os.close(lock)

    def acquire(self) -> int | None:
        """The lock, as a file descriptor to be closed; None when it is held."""
        _make_folder(self.folder)
        while True:
            lock = os.open(self._lock_path, os.O_RDWR | os.O_CREAT, 0o600)
            if not _locked(lock):
                os.close(lock)
                return None
            # 'forget' may have removed the file between the two calls
            try:
                if os.fstat(lock).st_ino == os.stat(self._lock_path).st_ino:
                    return lock
            except FileNotFoundError:
                pass
            os.close(lock)

    def wait(self, seconds: float, interval: float = 0.1) -> bool:
        """Wait until the tool has ended; whether it has."""
        end = time.monotonic() + seconds
        while self.running():
            if time.monotonic() >= end:
                return False
            time.sleep(interval)
        return True

    def record(self) -> Record | None:
        try:
            with open(self._record_path, encoding="utf-8") as file:
                return Record(**json.load(file))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def start(
        self,
        lock: int,
        argv: list[str],
        environment: Mapping[str, str],
        kubeconfig: str,
        configuration: Mapping[str, Any],
        text: str,
    ) -> None:
        """Start the tool, with ``text`` as its configuration file. The lock is its from then on."""
        _write(self.configuration_path, text)
        record = Record(argv=argv, started=time.time(), kubeconfig=kubeconfig, configuration=dict(configuration))
        _write(self._record_path, json.dumps(asdict(record)))
        with open(self.log_path, "wb", opener=_private) as log:
            subprocess.Popen(
                [sys.executable, "-c", _RUN, self._record_path, str(lock)],
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[lock],
                start_new_session=True,
                cwd="/",
            )
        os.close(lock)

    def log(self) -> str:
        try:
            with open(self.log_path, encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def close_record(self) -> None:
        """The record, once it is of no more use."""
        for path in (self._record_path, self.configuration_path):
            _remove(path)

    def forget(self) -> None:
        """Everything of it, while the lock is held by the caller."""
        self.close_record()
        for path in (self.log_path, self._lock_path):
            _remove(path)


def state_folder(environment: Mapping[str, str] | None = None) -> str:
    """Where locks, records and logs are: the user's cache, or a folder of the user's own below the one for temporary files."""
    environment = os.environ if environment is None else environment
    cache = environment.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    parent = cache
    while not os.path.exists(parent):
        parent = os.path.dirname(parent)
    if os.path.isdir(parent) and os.access(parent, os.W_OK | os.X_OK):
        return os.path.join(cache, "kubelocal.registry")
    return os.path.join(tempfile.gettempdir(), f"kubelocal.registry-{os.getuid()}")


def unlock_kubeconfig(path: str, ours: bool, actions: list[str], check: bool, patience: float = 5) -> None:
    """Make sure that nothing keeps a kubeconfig locked: what our own tool left behind is removed, what others hold is waited for."""
    lock = f"{path}.lock"
    if not os.path.lexists(lock):
        return
    if ours:
        actions.append(f"Remove the lock {lock} that a killed run left behind.")
        if not check:
            _remove(lock)
        return
    end = time.monotonic() + (0 if check else patience)
    while os.path.lexists(lock):
        if time.monotonic() >= end:
            raise ExpectedError(
                f"the kubeconfig {path} is locked by the file {lock}, which did not go away; "
                "if no kubectl or kind runs that writes it, remove that file."
            )
        time.sleep(0.1)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _make_folder(folder: str) -> None:
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        found = os.lstat(folder)
    except OSError as error:
        raise ExpectedError(
            f"the folder {folder} can't be made: {error.strerror}; set XDG_CACHE_HOME to a writable folder."
        ) from error
    if found.st_uid != os.getuid() or not stat.S_ISDIR(found.st_mode):
        raise ExpectedError(
            f"the folder {folder} belongs to somebody else; set XDG_CACHE_HOME to a folder of your own."
        )


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _write(path: str, text: str) -> None:
    with open(f"{path}.new", "w", encoding="utf-8", opener=_private) as file:
        file.write(text)
    os.replace(f"{path}.new", path)


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
