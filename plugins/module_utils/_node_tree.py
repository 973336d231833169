# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: what a node's file system holds, and what is to be done there, whatever way the node is reached."""

from __future__ import annotations

import os
import posixpath
import stat
from dataclasses import dataclass, field
from typing import Protocol

from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError

STAGE = ".kubelocal-new"
MARK = ".kubelocal-restarted"


@dataclass(frozen=True)
class Entry:
    """One name in a folder; ``kind`` is file, dir, link or other."""

    kind: str
    content: bytes = b""
    mode: int = 0
    mtime: float = 0
    target: str = ""


def entry_of(told: os.stat_result, content: bytes) -> Entry:
    """What a stat tells, with a file's content or a link's target; whole seconds, as an archive has them."""
    mode, mtime = stat.S_IMODE(told.st_mode), int(told.st_mtime)
    if stat.S_ISDIR(told.st_mode):
        return Entry("dir", mode=mode, mtime=mtime)
    if stat.S_ISLNK(told.st_mode):
        return Entry("link", target=os.fsdecode(content), mtime=mtime)
    if stat.S_ISREG(told.st_mode):
        return Entry("file", content, mode, mtime)
    return Entry("other")


@dataclass(frozen=True)
class NewFile:
    """A file to be written; ``secret`` keeps its text out of diffs."""

    content: bytes
    mode: int = 0o644
    secret: bool = False


@dataclass
class Restart:
    """When and how containerd is restarted: ``needed`` outright, else if it is older than one of ``files``."""

    service: str
    socket: str
    files: list[str]
    mark: str
    needed: bool = False
    # what to put back, if containerd does not start with the new file: (copy, file)
    undo: tuple[str, str] | None = None


@dataclass
class Plan:
    """What is to be done on one node, in the order of the fields."""

    clear: list[str] = field(default_factory=list)
    aside: list[tuple[str, str]] = field(default_factory=list)
    keep: list[tuple[str, str]] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    writes: dict[str, NewFile] = field(default_factory=dict)
    remove: list[str] = field(default_factory=list)
    back: list[tuple[str, str]] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    # the folder that new files are put into first, and where in it, by the final path
    stage: str = ""
    staged: dict[str, str] = field(default_factory=dict)
    restart: Restart | None = None
    actions: list[str] = field(default_factory=list)
    # by path: text before and after, for diffs
    shown: dict[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def changes(self) -> bool:
        """Whether files change."""
        return bool(self.clear or self.aside or self.keep or self.folders or self.writes or self.remove or self.back)


@dataclass
class Outcome:
    """What a node did beyond the plan's own words."""

    restarted: bool = False
    actions: list[str] = field(default_factory=list)


class NotStarted(ExpectedError):
    """containerd did not start with what was written; trying again would not help."""


class Node(Protocol):
    """A way to reach one node."""

    name: str
    running: bool
    # seconds since the epoch when the node was made: containerd is younger than any file from before
    born: float

    def read(self, path: str) -> dict[str, Entry]:
        """Everything at and below ``path`` by absolute path; empty when it is not there."""

    def is_dir(self, path: str) -> bool:
        """Whether a folder is at ``path``, without reading it."""

    def owed(self, restart: Restart) -> bool:
        """Whether containerd would be restarted now."""

    def apply(self, plan: Plan) -> Outcome:
        """Do it; ExpectedError when it fails."""

    def close(self) -> None:
        """Give back what reaching the node took; it can be asked again."""


class View:
    """A node's files, each folder read once and only when it is asked for."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self._entries: dict[str, Entry] = {}
        self._roots: list[str] = []

    def load(self, root: str) -> None:
        """Read ``root`` unless a folder above it was read."""
        if not self.covers(root):
            self._roots.append(root)
            self._entries.update(self.node.read(root))

    def covers(self, path: str) -> bool:
        """Whether ``path`` or a folder above it was read."""
        return any(path == known or path.startswith(known.rstrip("/") + "/") for known in self._roots)

    def get(self, path: str) -> Entry | None:
        """What is at ``path``."""
        self.load(path)
        return self._entries.get(path)

    def is_dir(self, path: str) -> bool:
        """Whether a folder is at ``path``."""
        if not self.covers(path):
            return path == "/" or self.node.is_dir(path)
        entry = self._entries.get(path)
        return entry is not None and entry.kind == "dir"

    def below(self, path: str) -> dict[str, Entry]:
        """Everything below ``path``, by absolute path."""
        self.load(path)
        prefix = path.rstrip("/") + "/"
        return {name: entry for name, entry in self._entries.items() if name.startswith(prefix)}

    def names(self, path: str) -> list[str]:
        """The names right in the folder ``path``, sorted."""
        return sorted(posixpath.basename(name) for name in self.below(path) if posixpath.dirname(name) == path)

    def texts(self) -> dict[str, str]:
        """The loaded files whose names end in .toml, decoded."""
        return {
            name: entry.content.decode(errors="replace")
            for name, entry in self._entries.items()
            if entry.kind == "file" and name.endswith(".toml")
        }
