# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: a node that is a container, read and changed by one shell in it.

As root on the Engine's machine most of it goes without a shell (_container_root.py); on a stopped one the Engine's archives do it.

Nothing is written over a file that containerd may be reading: what is new is written into a folder of its own and renamed into place.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import io
import json
import posixpath
import tarfile
import time
from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils import _container_root
from ansible_collections.kubelocal.registry.plugins.module_utils._docker import explain
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._hosts_toml import EMPTIED
from ansible_collections.kubelocal.registry.plugins.module_utils._node_script import (
    NO_TAR,
    NOT_STARTED,
    NOT_THERE,
    written,
)
from ansible_collections.kubelocal.registry.plugins.module_utils._node_session import Answer, Session
from ansible_collections.kubelocal.registry.plugins.module_utils._node_tree import (
    Entry,
    NewFile,
    NotStarted,
    Outcome,
    Plan,
    Restart,
    entry_of,
)

try:
    from docker.errors import DockerException, NotFound
    from requests.exceptions import RequestException
except ImportError:  # told by the module, through _docker.DOCKER_IMPORT_ERROR
    pass

if TYPE_CHECKING:
    from collections.abc import Mapping

# the bits of Go's file modes for folders and links
_GO_DIR, _GO_LINK = 1 << 31, 1 << 27


class ContainerNode:
    """One container; ``summary`` is its entry in the Engine's list."""

    def __init__(self, client: Any, name: str, summary: Mapping[str, Any]) -> None:
        self.name = name
        self.running = summary.get("State") == "running"
        self.born = float(summary.get("Created") or 0)
        self._api = client.api
        self._id = str(summary["Id"])
        self._session: Session | None = None

    def close(self) -> None:
        """Leave no shell behind; the next question starts another."""
        root = self.__dict__.pop("_root", None)
        if root is not None:
            root.close()
        if self._session is not None:
            self._session.close()
            self._session = None

    def read(self, path: str) -> dict[str, Entry]:
        """One archive; a link at ``path`` itself is followed."""
        for _depth in range(10):
            entries = self._entries(path)
            top = entries.get(path)
            if top is None or top.kind != "link":
                return entries
            target = posixpath.normpath(posixpath.join(posixpath.dirname(path), top.target))
            found = self._entries(target)
            if found.get(target, top).kind != "link":
                return {path + name[len(target) :]: entry for name, entry in found.items()}
            path = target
        raise ExpectedError(f"'{path}' is a link that leads in a circle; mend it on the node.")

    def is_dir(self, path: str) -> bool:
        """Whether a folder is at ``path``."""
        if self.running:
            if self._root is not None:
                with contextlib.suppress(OSError):
                    return self._root.is_dir(path)
            return self._ask(["is_dir", path]).code == 0
        # the SDK has no call for the Engine's HEAD of an archive, which costs a tenth of a read
        url = f"{self._api.base_url}/v{self._api.api_version}/containers/{self._id}/archive"
        try:
            answer = self._api.head(url, params={"path": path}, timeout=self._api.timeout)
            found = json.loads(base64.b64decode(answer.headers.get("X-Docker-Container-Path-Stat", "")) or "{}")
        except (RequestException, ValueError) as error:
            raise ExpectedError(f"'{path}' can't be read: {explain(error)}.") from error
        return bool(int(found.get("mode", 0)) & _GO_DIR) or bool(int(found.get("mode", 0)) & _GO_LINK)

    def owed(self, restart: Restart) -> bool:
        """Whether it would be restarted now."""
        return ("runs=yes" if restart.needed else "older=yes") in self._run(_restart_words(restart, "ask"))

    def apply(self, plan: Plan) -> Outcome:
        """One request; on a stopped container one put."""
        if not self.running:
            return self._apply_stopped(plan)
        if self._root is not None and self._root.can(plan):
            with contextlib.suppress(OSError):
                self._root.apply(plan)
                return Outcome()
        words: list[str] = []
        if plan.writes:
            words += ["stage", plan.stage]
            for folder in sorted({posixpath.dirname(path) for path in plan.staged.values()} - {plan.stage}):
                words += ["folder", folder]
            for path, file in plan.writes.items():
                words += ["write", plan.staged[path], f"{file.mode:o}", written(file.content)]
        if plan.restart is not None and plan.restart.undo is not None:
            words += ["keep", plan.restart.undo[1], plan.restart.undo[0]]
        for path in plan.clear:
            words += ["clear", path]
        for source, target in plan.aside:
            words += ["move", source, target]
        for source, target in plan.keep:
            words += ["keep", source, target]
        words += self._moves(plan)
        for path in plan.remove:
            words += ["remove", path]
        for source, target in plan.back:
            words += ["move", source, target]
        for path in plan.empty:
            words += ["empty", path]
        if plan.restart is not None:
            words += _restart_words(plan.restart, "always" if plan.restart.needed else "older")
        return Outcome("restarted" in self._run(words).split())

    @staticmethod
    def _moves(plan: Plan) -> list[str]:
        words: list[str] = []
        moved: set[str] = set()
        # a folder that is new with all its files is one rename
        new = {
            folder
            for folder in plan.folders
            if any(posixpath.dirname(path) == folder for path in plan.writes)
            and not any(other.startswith(folder + "/") for other in plan.folders)
        }
        for folder in plan.folders:
            if folder not in new:
                words += ["folder", folder]
        for path in plan.writes:
            folder = posixpath.dirname(path)
            if folder in new:
                if folder not in moved:
                    moved.add(folder)
                    words += ["move", posixpath.dirname(plan.staged[path]), folder]
                continue
            if plan.restart is not None and path in plan.restart.files:
                # its time is the node's, whatever this machine's clock says
                words += ["touch", plan.staged[path]]
            words += ["move", plan.staged[path], path]
        return words

    def _apply_stopped(self, plan: Plan) -> Outcome:
        """What can be done without a command: files are put where they belong, and what should go is emptied."""
        files: dict[str, NewFile] = {}
        for source, target in [*plan.keep, *plan.aside]:
            old = self.read(source).get(source)
            if old is None or old.kind != "file":
                raise ExpectedError(
                    f"'{source}' is in the way and can't be moved while the container is stopped; start it."
                )
            files[target] = NewFile(old.content, old.mode)
        for path in plan.remove:
            files[path] = NewFile(EMPTIED.encode(), 0o644)
        for source, target in plan.back:
            files[target] = NewFile(self.read(source)[source].content)
        files.update(plan.writes)
        self._put(files, plan.folders)
        return Outcome(actions=["it is stopped: what was written counts when it starts"])

    @functools.cached_property
    def _root(self) -> _container_root.Root | None:
        """The way without a shell, where there is one."""
        try:
            state = self._api.inspect_container(self._id).get("State")
        except (DockerException, RequestException):
            return None
        return _container_root.find(self._id, state)

    def _entries(self, path: str) -> dict[str, Entry]:
        if self.running and self._root is not None:
            with contextlib.suppress(OSError):
                return {found.path: entry_of(found.told, found.content) for found in self._root.read(path)}
        data = self._archive(path) if self.running else self._engine_archive(path)
        if not data:
            return {}
        entries: dict[str, Entry] = {}
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            for member in tar:
                # the archive's first component is the last of ``path``
                relative = member.name.removeprefix("./").strip("/").partition("/")[2]
                name = posixpath.join(path, relative) if relative else path
                if member.isdir():
                    entries[name] = Entry("dir", mode=member.mode & 0o7777, mtime=member.mtime)
                elif member.issym():
                    entries[name] = Entry("link", target=member.linkname, mtime=member.mtime)
                elif member.isfile() or member.islnk():
                    source = tar.extractfile(member)
                    content = source.read() if source else b""
                    entries[name] = Entry("file", content, member.mode & 0o7777, member.mtime)
                else:
                    entries[name] = Entry("other")
        return entries

    def _archive(self, path: str) -> bytes:
        """A tar of ``path`` by the node's own program, or by the Engine where the node has none; nothing when it is not there."""
        answer = self._ask(["archive", path])
        if answer.code == NOT_THERE:
            return b""
        if answer.code == NO_TAR:
            return self._engine_archive(path)
        if answer.code:
            raise ExpectedError(f"'{path}' can't be read: {answer.errors.strip() or f'tar ended with {answer.code}'}.")
        return answer.output

    def _engine_archive(self, path: str) -> bytes:
        try:
            chunks, _stat = self._api.get_archive(self._id, path, chunk_size=None)
            return b"".join(chunks)
        except NotFound:
            return b""
        except (DockerException, RequestException) as error:
            raise ExpectedError(f"'{path}' can't be read: {explain(error)}.") from error

    def _put(self, files: Mapping[str, NewFile], folders: list[str]) -> None:
        buffer = io.BytesIO()
        now = int(time.time())
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            for folder in sorted(set(folders)):
                info = tarfile.TarInfo(folder.lstrip("/"))
                info.type, info.mode, info.mtime = tarfile.DIRTYPE, 0o755, now
                tar.addfile(info)
            for path, file in sorted(files.items()):
                info = tarfile.TarInfo(path.lstrip("/"))
                info.size, info.mode, info.mtime = len(file.content), file.mode, now
                tar.addfile(info, io.BytesIO(file.content))
        try:
            self._api.put_archive(self._id, "/", buffer.getvalue())
        except (DockerException, RequestException) as error:
            raise ExpectedError(f"files can't be put into it: {explain(error)}.") from error

    def _run(self, words: list[str]) -> str:
        answer = self._ask(words)
        if answer.code:
            failure = NotStarted if answer.code == NOT_STARTED else ExpectedError
            raise failure(answer.text or f"the command in it ended with {answer.code}.")
        return answer.text

    def _ask(self, words: list[str]) -> Answer:
        if self._session is None:
            self._session = Session(self._api, self._id)
        return self._session.ask(words)


def _restart_words(restart: Restart, when: str) -> list[str]:
    backup, file = restart.undo or ("", "")
    return ["restart", when, restart.service, restart.socket, restart.mark, backup, file, *restart.files]
