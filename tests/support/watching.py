# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Watches every process of this machine, those in containers too, for words that must not be in a command line."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from types import TracebackType


class CommandLines:
    """A context; afterwards ``seen`` holds those that had one of the words, ``looked`` is how many were read."""

    def __init__(self, *words: str) -> None:
        self._words = [word.encode() for word in words]
        self.seen: set[str] = set()
        self.looked = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> CommandLines:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        known: dict[str, int] = {}
        while not self._over.is_set():
            there = [path.name for path in Path("/proc").iterdir() if path.name.isdigit()]
            # looked at a few times: a process begins as a copy of the one that starts it
            known = {name: known.get(name, 0) + 1 for name in there}
            for name in there:
                if known[name] <= 3:
                    self._look(name)
            time.sleep(0.02)

    def _look(self, name: str) -> None:
        try:
            line = Path("/proc", name, "cmdline").read_bytes()
        except OSError:
            return
        self.looked += 1
        if any(word in line for word in self._words):
            self.seen.add(line.replace(b"\0", b" ").decode(errors="replace"))
