# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: the file system of a container that runs on this machine, by way of Linux' /proc (proc(5), /proc/PID/root).

Starting a command in a container takes longer than all that it is asked; this takes none. It is for root alone, who may look into
every process. No symbolic link is ever followed: one made in the container would lead to a file of this machine. What is behind one,
and whatever else does not go this way, is an OSError, and the caller has to go the other way.
"""

from __future__ import annotations

import contextlib
import os
import posixpath
import stat
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.kubelocal.registry.plugins.module_utils._node_tree import NewFile, Plan

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Named(NamedTuple):
    """One name in a folder: the content of a file, the target of a link, else nothing."""

    path: str
    told: os.stat_result
    content: bytes


class Root:
    """The root folder of one container, open until ``close``."""

    def __init__(self, folder: int) -> None:
        self._folder = folder

    def close(self) -> None:
        os.close(self._folder)

    def read(self, path: str) -> list[Named]:
        """Everything at and below ``path``, each folder before what is in it; nothing when it is not there."""
        name = posixpath.basename(path)
        with contextlib.ExitStack() as stack:
            try:
                parent = stack.enter_context(self._opened(posixpath.dirname(path)))
                os.stat(name, dir_fd=parent, follow_symlinks=False)
            except FileNotFoundError:
                return []
            return list(_look(parent, name, path))

    def is_dir(self, path: str) -> bool:
        """Whether a folder is at ``path``."""
        try:
            with self._opened(path):
                return True
        except FileNotFoundError:
            return False

    @staticmethod
    def can(plan: Plan) -> bool:
        """Whether nothing is to be kept, moved or restarted, which a command in the container does."""
        return not (plan.clear or plan.aside or plan.keep or plan.back or plan.restart)

    def apply(self, plan: Plan) -> None:
        """Do it by renames."""
        for folder in plan.folders:
            self._make(folder, 0o755)
        if plan.writes:
            self._make(plan.stage, 0o700)
            try:
                for number, (path, file) in enumerate(plan.writes.items()):
                    self._write(f"{plan.stage}/{number}", path, file)
            finally:
                with self._opened(posixpath.dirname(plan.stage)) as parent, contextlib.suppress(OSError):
                    os.rmdir(posixpath.basename(plan.stage), dir_fd=parent)
        for path in plan.remove:
            with self._opened(posixpath.dirname(path)) as parent, contextlib.suppress(FileNotFoundError):
                os.unlink(posixpath.basename(path), dir_fd=parent)
        for path in plan.empty:
            with self._opened(posixpath.dirname(path)) as parent, contextlib.suppress(OSError):
                os.rmdir(posixpath.basename(path), dir_fd=parent)

    def _make(self, path: str, mode: int) -> None:
        name = posixpath.basename(path)
        with self._opened(posixpath.dirname(path)) as parent, contextlib.suppress(FileExistsError):
            os.mkdir(name, mode, dir_fd=parent)
            with _open(name, _FOLDER, parent) as made:
                os.fchmod(made, mode)  # whatever the umask is

    def _write(self, staged: str, path: str, file: NewFile) -> None:
        name = posixpath.basename(staged)
        with self._opened(posixpath.dirname(staged)) as stage, self._opened(posixpath.dirname(path)) as folder:
            try:
                with _open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FILE, stage) as handle:
                    with os.fdopen(os.dup(handle), "wb") as out:
                        out.write(file.content)
                    os.fchmod(handle, file.mode)
                os.rename(name, posixpath.basename(path), src_dir_fd=stage, dst_dir_fd=folder)
            except OSError:
                with contextlib.suppress(OSError):
                    os.unlink(name, dir_fd=stage)
                raise

    @contextlib.contextmanager
    def _opened(self, path: str) -> Iterator[int]:
        """The folder at ``path``, gone to one name after the other."""
        handle = os.dup(self._folder)
        try:
            for name in path.strip("/").split("/") if path.strip("/") else []:
                below = os.open(name, _FOLDER, dir_fd=handle)
                os.close(handle)
                handle = below
            yield handle
        finally:
            os.close(handle)


def find(container: str, state: Any) -> Root | None:
    """The root of the container with this ID, whose state the Engine tells; None where that can't be told."""
    process = int(state.get("Pid") or 0) if isinstance(state, dict) else 0
    if os.geteuid() != 0 or process <= 0:
        return None
    proc = f"/proc/{process}"
    try:
        # a user namespace of its own would take this user's files for somebody else's
        if not os.path.samefile(f"{proc}/ns/user", "/proc/self/ns/user"):
            return None
        folder = os.open(f"{proc}/root", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return None
    root = Root(folder)
    try:
        # the Engine may be on another machine, where the number means another process
        with open(f"{proc}/cgroup", encoding="ascii", errors="replace") as told:
            if container in told.read():
                return root
    except OSError:
        pass
    root.close()
    return None


def _look(parent: int, name: str, path: str) -> Iterator[Named]:
    told = os.stat(name, dir_fd=parent, follow_symlinks=False)
    if stat.S_ISDIR(told.st_mode):
        yield Named(path, told, b"")
        with _open(name, _FOLDER, parent) as folder:
            for each in os.listdir(folder):
                yield from _look(folder, each, posixpath.join(path, each))
    elif stat.S_ISLNK(told.st_mode):
        yield Named(path, told, os.fsencode(os.readlink(name, dir_fd=parent)))
    elif stat.S_ISREG(told.st_mode):
        with _open(name, os.O_RDONLY | _FILE, parent) as handle, os.fdopen(os.dup(handle), "rb") as source:
            yield Named(path, told, source.read())
    else:
        yield Named(path, told, b"")


@contextlib.contextmanager
def _open(name: str, flags: int, parent: int) -> Iterator[int]:
    handle = os.open(name, flags, 0o600, dir_fd=parent)
    try:
        yield handle
    finally:
        os.close(handle)
