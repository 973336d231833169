# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One part of the tests: commands with a time limit, their output in a file."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.runner import junit
from tests.runner.places import OUTPUT, ROOT


@dataclass
class Part:
    """Commands, one after the other; ``after`` names the parts that must have passed before."""

    name: str
    commands: list[list[str]]
    minutes: float
    after: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    # whether its last command is pytest, which writes what junit.read reads
    is_pytest: bool = False
    # programs without which it is skipped
    programs: tuple[str, ...] = ()

    state: str = "waiting"  # running, passed, failed, skipped
    seconds: float = 0
    reason: str = ""
    _process: subprocess.Popen[bytes] | None = None
    _ended: bool = False

    @property
    def log(self) -> Path:
        """Everything that its commands printed."""
        return OUTPUT / f"{self.name}.log"

    @property
    def report(self) -> Path:
        """What pytest tells about single tests."""
        return OUTPUT / f"{self.name}.xml"

    def run(self) -> None:
        """Run it to its end; ``state`` is passed, failed or skipped then."""
        missing = self.missing()
        if missing:
            self.state, self.reason = "skipped", f"{', '.join(missing)} not on PATH"
            return
        self.state, begun = "running", time.monotonic()
        self.report.unlink(missing_ok=True)
        with self.log.open("wb") as log:
            for command in self.commands:
                left = self.minutes * 60 - (time.monotonic() - begun)
                self.reason = self._run(command, log.fileno(), left)
                if self.reason:
                    break
        self.seconds = time.monotonic() - begun
        self.state = "failed" if self.reason else "passed"

    def missing(self) -> list[str]:
        """The programs it can't do without and that this machine does not have."""
        path = self.environment.get("PATH")
        return [program for program in self.programs if shutil.which(program, path=path) is None]

    def stop(self) -> None:
        """End it, now: its commands and all that these started."""
        self._ended = True
        if self._process is not None:
            _end_group(self._process)

    def counts(self) -> junit.Counts:
        """How many tests passed, failed and were skipped: those of pytest, else the part as one."""
        counts = junit.read(self.report) if self.is_pytest and self.report.exists() else junit.Counts()
        if self.state == "failed" and not counts.failed:
            counts.failed.append(f"{self.name}: {self.reason}")
        elif self.state == "skipped":
            counts.skipped += 1
        elif not self.is_pytest:
            counts.passed += self.state == "passed"
        return counts

    def last_lines(self, number: int) -> Iterator[str]:
        """The end of its output."""
        if self.log.exists():
            yield from self.log.read_text(errors="replace").splitlines()[-number:]

    def _run(self, command: list[str], log: int, seconds: float) -> str:
        if self._ended:
            return "was stopped"
        environment = {**os.environ, **self.environment}
        with subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as self._process:
            timer = threading.Timer(max(seconds, 0), _end_group, [self._process])
            timer.start()
            end = time.monotonic() + seconds
            code = self._process.wait()
            late = time.monotonic() > end
            timer.cancel()
        if self.is_pytest and code == 5:  # pytest found no tests
            return ""
        if self._ended:
            return "was stopped"
        if late:
            return f"took longer than its {self.minutes:g} minutes"
        return "" if code == 0 else f"'{' '.join(command[-3:])}' ended with {code}"


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """Ask a process and its children to end, and make them after 20 s."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
        os.killpg(process.pid, signal.SIGKILL)
