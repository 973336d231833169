# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs all tests, or the parts that are named."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from types import FrameType

from tests.runner import engine, leftovers, parts
from tests.runner.part import Part
from tests.runner.places import OUTPUT

_LINES_OF_A_FAILURE = 60
_HEARTBEAT = 120


class Run:
    """Two lanes of parts; those that want to be alone run after all others, one at a time."""

    def __init__(self, lanes: list[list[Part]]) -> None:
        self.lanes = lanes
        self.parts = {part.name: part for lane in lanes for part in lane}
        self.stopped = False
        self._done = {name: threading.Event() for name in self.parts}

    def run(self) -> None:
        """Run all parts to their end."""
        self._run_lanes([[part for part in lane if not part.alone] for lane in self.lanes])
        self._run_lanes([[part for part in self.parts.values() if part.alone]])

    def _run_lanes(self, lanes: list[list[Part]]) -> None:
        threads = [threading.Thread(target=self._run_lane, args=[lane]) for lane in lanes]
        for thread in threads:
            thread.start()
        for thread in threads:
            beat = time.monotonic()
            while thread.is_alive():
                thread.join(1)
                if time.monotonic() - beat > _HEARTBEAT:
                    beat = time.monotonic()
                    say("still running: " + ", ".join(p.name for p in self.parts.values() if p.state == "running"))

    def stop(self) -> None:
        """End what runs, start nothing more."""
        self.stopped = True
        for part in self.parts.values():
            part.stop()

    def _run_lane(self, lane: list[Part]) -> None:
        for part in lane:
            self._run_part(part)
            self._done[part.name].set()

    def _run_part(self, part: Part) -> None:
        needed = [name for name in part.after if name in self.parts]
        for name in needed:
            self._done[name].wait()
        broken = [name for name in needed if self.parts[name].state != "passed"]
        if part.missing():
            part.run()  # which only tells why not
        elif broken or self.stopped:
            part.state, part.reason = "failed", f"not run, because {broken[0]} failed" if broken else "was stopped"
        else:
            say(f"{part.name} begins")
            part.run()
        say(f"{part.name} {part.state} after {part.seconds:.0f} s{': ' if part.reason else ''}{part.reason}")
        if part.state == "failed" and part.seconds:
            print("\n".join(f"    {line}" for line in part.last_lines(_LINES_OF_A_FAILURE)), flush=True)


def say(text: str) -> None:
    """A line of progress."""
    print(f"[{time.strftime('%H:%M:%S')}] {text}", flush=True)


def main() -> int:
    """Run what the command line names; 1 when something failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.run", description=__doc__)
    parser.add_argument("--long", action="store_true", help="also what takes too long for CI")
    parser.add_argument("parts", nargs="*", metavar="PART", help="only these (and 'machine' where they need it)")
    arguments = parser.parse_args()
    prefix = f"kltest-p{os.getpid()}x0-"
    lanes = parts.lanes(arguments.long, prefix + "c")
    if arguments.parts:
        lanes = only(lanes, arguments.parts)
    OUTPUT.mkdir(parents=True, exist_ok=True)
    ours = not engine.answers()
    os.environ["KUBELOCAL_TEST_ENGINE_OURS"] = "1" if ours else ""
    run, begun = Run(lanes), time.monotonic()

    def stop(number: int, _frame: FrameType | None) -> None:
        say(f"stopping: {signal.Signals(number).name}")
        threading.Thread(target=run.stop).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    run.run()
    try:
        leftovers.remove(prefix)
    except Exception as error:  # what the tests found counts, and is told
        say(f"not all that was made could be removed: {error}")
    if ours:
        engine.stop()
    return _tell(run, time.monotonic() - begun)


def only(lanes: list[list[Part]], names: list[str]) -> list[list[Part]]:
    """The parts of these names, and those that must have passed before."""
    known = {part.name: part for lane in lanes for part in lane}
    unknown = [name for name in names if name not in known]
    if unknown:
        sys.exit(f"no such part: {', '.join(unknown)}; there are {', '.join(known)}.")
    wanted = {*names, *(name for part in names for name in known[part].after)}
    return [[part for part in lane if part.name in wanted] for lane in lanes]


def _tell(run: Run, seconds: float) -> int:
    passed, skipped = 0, 0
    failed: list[str] = []
    print()
    for part in run.parts.values():
        counts = part.counts()
        passed, skipped, failed = passed + counts.passed, skipped + counts.skipped, failed + counts.failed
        print(f"  {part.name:<24} {part.state:<8} {part.seconds / 60:5.1f} min")
    for part in run.parts.values():
        for name in part.shaky:
            print(f"PASSED ONLY WHEN TRIED AGAIN {name}")
    for name in failed:
        print(f"FAILED {name}")
    print(f"{seconds / 60:.1f} minutes; the parts' output is in {OUTPUT}")
    print(f"{passed} passed, {len(failed)} failed, {skipped} skipped", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
