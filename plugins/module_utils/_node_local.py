# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: the machine that the module runs on, as a node (so are nodes over SSH)."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import subprocess

from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._node_tree import (
    Entry,
    NotStarted,
    Outcome,
    Plan,
    Restart,
    entry_of,
)


class LocalNode:
    """This machine."""

    name = "localhost"
    running = True
    born = 0.0

    def read(self, path: str) -> dict[str, Entry]:
        """Everything at and below ``path``."""
        entries: dict[str, Entry] = {}
        try:
            top = self._entry(path, follow=True)
            if top is None:
                return entries
            entries[path] = top
            if top.kind == "dir":
                for folder, folders, files in os.walk(path, onerror=_raise):
                    for name in [*folders, *files]:
                        entry = self._entry(os.path.join(folder, name))
                        if entry is not None:
                            entries[os.path.join(folder, name)] = entry
        except PermissionError as error:
            raise ExpectedError(f"no permission to read '{error.filename}'; run the task with become: true.") from error
        return entries

    def is_dir(self, path: str) -> bool:
        """Whether a folder is at ``path``."""
        return os.path.isdir(path)

    def owed(self, restart: Restart) -> bool:
        """Whether it would be restarted now."""
        if restart.needed:
            return os.path.isdir("/run/systemd/system") and self._known(restart.service)
        try:
            started = os.stat(restart.socket).st_mtime
        except OSError:
            return False
        return any(os.path.exists(path) and os.stat(path).st_mtime > started for path in restart.files)

    def apply(self, plan: Plan) -> Outcome:
        """Do it by renames, after asking whether it is allowed at all."""
        for path in [*plan.writes, *plan.remove, *plan.folders, *(source for source, _target in plan.aside)]:
            _writable(path)
        try:
            self._files(plan)
        except OSError as error:
            raise ExpectedError(f"'{error.filename}' can't be changed: {error.strerror}.") from error
        try:
            return Outcome(self._restart(plan.restart) if plan.restart is not None else False)
        finally:
            shutil.rmtree(plan.stage, ignore_errors=True)

    def close(self) -> None:
        """Nothing was taken."""

    @staticmethod
    def _files(plan: Plan) -> None:
        for path in plan.clear:
            shutil.rmtree(path, ignore_errors=True)
        for source, target in plan.aside:
            os.rename(source, target)
        for source, target in plan.keep:
            if not os.path.lexists(target):
                shutil.copy2(source, target, follow_symlinks=False)
        for folder in plan.folders:
            os.makedirs(folder, mode=0o755, exist_ok=True)
        if plan.restart is not None and plan.restart.undo is not None:
            copy, original = plan.restart.undo
            os.makedirs(plan.stage, mode=0o700, exist_ok=True)
            shutil.copy2(original, copy)
        try:
            for path, file in plan.writes.items():
                staged = plan.staged[path]
                os.makedirs(os.path.dirname(staged), mode=0o700, exist_ok=True)
                handle = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
                with os.fdopen(handle, "wb") as out:
                    out.write(file.content)
                os.chmod(staged, file.mode)
                shutil.move(staged, path)  # a rename, unless the folder is a mount of its own
        except OSError:
            shutil.rmtree(plan.stage, ignore_errors=True)
            raise
        for path in plan.remove:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
        for source, target in plan.back:
            os.rename(source, target)
        for path in plan.empty:
            with contextlib.suppress(OSError):
                os.rmdir(path)

    def _restart(self, restart: Restart) -> bool:
        done = False
        if self.owed(restart):
            self._restart_service(restart)
            done = True
        elif restart.needed and os.path.exists(restart.socket):
            raise ExpectedError(
                f"there is no systemd service '{restart.service}' here to restart; restart containerd yourself."
            )
        with contextlib.suppress(OSError), open(restart.mark, "w", encoding="ascii"):
            pass
        return done

    @staticmethod
    def _known(service: str) -> bool:
        return _systemctl("cat", service)[0] == 0

    @staticmethod
    def _restart_service(restart: Restart) -> None:
        code, output = _systemctl("restart", restart.service)
        if code == 0:
            return
        if restart.undo is not None:
            shutil.copy2(*restart.undo)
            _systemctl("reset-failed", restart.service)
            _systemctl("restart", restart.service)
        raise NotStarted(
            f"{restart.service} does not start with what was written, so its configuration was put back: {output.strip().rstrip('.')}."
        )

    @staticmethod
    def _entry(path: str, follow: bool = False) -> Entry | None:
        try:
            found = os.stat(path) if follow else os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        content = b""
        if stat.S_ISLNK(found.st_mode):
            content = os.fsencode(os.readlink(path))
        elif stat.S_ISREG(found.st_mode):
            with open(path, "rb") as source:
                content = source.read()
        return entry_of(found, content)


def _systemctl(*words: str) -> tuple[int, str]:
    done = subprocess.run(
        ["systemctl", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return done.returncode, done.stdout


def _raise(error: OSError) -> None:
    raise error


def _writable(path: str) -> None:
    folder = os.path.dirname(path)
    while not os.path.isdir(folder) and folder != "/":
        folder = os.path.dirname(folder)
    if not os.access(folder, os.W_OK):
        raise ExpectedError(f"no permission to write in '{folder}'; run the task with become: true.")
