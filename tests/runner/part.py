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

# more than that is no matter of a busy machine
_MOST_TRIED_AGAIN = 10


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
    # what is run once more where little failed: on a busy machine a kubelet may be late, and that is told, not hidden
    again: list[str] = field(default_factory=list)
    # whether it waits until all others of the run are over, whatever came of them
    alone: bool = False

    state: str = "waiting"  # running, passed, failed, skipped
    seconds: float = 0
    reason: str = ""
    # what failed, and passed when it was tried again
    shaky: list[str] = field(default_factory=list)
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

    @property
    def second_report(self) -> Path:
        """The same, of those that were tried again."""
        return OUTPUT / f"{self.name}-again.xml"

    def run(self) -> None:
        """Run it to its end; ``state`` is passed, failed or skipped then."""
        missing = self.missing()
        if missing:
            self.state, self.reason = "skipped", f"{', '.join(missing)} not on PATH"
            return
        self.state, begun = "running", time.monotonic()
        self.report.unlink(missing_ok=True)
        self.second_report.unlink(missing_ok=True)
        with self.log.open("wb") as log:
            for command in self.commands:
                left = self.minutes * 60 - (time.monotonic() - begun)
                self.reason = self._run(command, log.fileno(), left)
                if self.reason:
                    break
            self._try_again(log.fileno(), begun)
        self.seconds = time.monotonic() - begun
        self.state = "failed" if self.reason else "passed"

    def _try_again(self, log: int, begun: float) -> None:
        left = self.minutes * 60 - (time.monotonic() - begun)
        failed = self._failed() if self.is_pytest else [self.name]
        if not (self.reason and self.again and failed) or len(failed) > _MOST_TRIED_AGAIN or left < self.minutes * 15:
            return
        self.reason = self._run(self.again, log, left)
        still = self._failed() if self.is_pytest else [self.name] * bool(self.reason)
        self.shaky = [name for name in failed if name not in still]

    def _failed(self) -> list[str]:
        return self._tests().failed

    def _tests(self) -> junit.Counts:
        """What pytest tells of both tries: a test that passed at the second has passed."""
        counts = junit.read(self.report) if self.report.exists() else junit.Counts()
        if self.second_report.exists():
            second = junit.read(self.second_report)
            counts.passed, counts.failed = counts.passed + second.passed, second.failed
        return counts

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
        counts = self._tests() if self.is_pytest else junit.Counts()
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
