# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs all benchmarks, or those that are named; prints a table, and exits with 1 when a limit is broken."""

from __future__ import annotations

import argparse
import os
import sys
import time
import traceback
from collections.abc import Sequence
from typing import Callable

from tests.benchmarks import five_images, mirrors, node, ten_by_ten, up_again, up_from_nothing
from tests.benchmarks.machine import Machine, machine
from tests.benchmarks.measuring import Row, say
from tests.benchmarks.table import lines, write
from tests.support.testbed import ROOT

# in this order the first two share a cluster
BENCHMARKS: dict[str, Callable[[Machine], list[Row]]] = {
    "up-again": up_again.run,
    "mirrors": mirrors.run,
    "node": node.run,
    "ten-by-ten": ten_by_ten.run,
    "up-from-nothing": up_from_nothing.run,
    "five-images": five_images.run,
}
_PAGE = ROOT / "docs" / "benchmarks.md"
_CLUSTER = ("up-again", "mirrors")


def main(arguments: Sequence[str] | None = None) -> int:
    """See the module."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join(BENCHMARKS)}")
    parser.add_argument("--pairs", type=int, help="how often to repeat each; by default what suits it")
    parser.add_argument("--write", action="store_true", help="write the table into the page, though it is a part")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"no such benchmark: {', '.join(unknown)}")
    chosen = [name for name in BENCHMARKS if not options.names or name in options.names]
    rows: list[Row] = []
    broken: list[str] = []
    begun, load = time.strftime("%Y-%m-%d %H:%M"), os.getloadavg()[1]
    with machine(options.pairs) as found:
        for name in chosen:
            say(f"{name} (load {os.getloadavg()[0]:.1f})")
            if name not in _CLUSTER:
                found.remove_all()
            try:
                rows += BENCHMARKS[name](found)
            except Exception:
                # what the others measured is not lost with it
                traceback.print_exc()
                broken.append(name)
    told = f"{begun}, {os.cpu_count()} cores, "
    told += f"load average (5 minutes) {load:.1f} before and {os.getloadavg()[1]:.1f} after"
    told += f", {options.pairs} repetitions of each." if options.pairs else "."
    text = "\n".join([told, "", *lines(rows)])
    print(text)
    # a part of the table would look like all of it
    if not broken and (options.write or not options.names):
        write(_PAGE, text)
    for name in broken:
        print(f"{name} did not end; see above.", file=sys.stderr)
    return 0 if not broken and all(row.held for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
