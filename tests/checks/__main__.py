# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs all checks, or those named, and says for each in one line how it ended."""

from __future__ import annotations

import argparse
import importlib
import sys
import time
import traceback
from concurrent.futures import ThreadPoolExecutor, as_completed

# The longest first; two at a time fill two cores.
CHECKS = (
    "sanity",
    "ansible_lint",
    "mypy",
    "documentation",
    "references",
    "ruff",
    "reuse",
    "changelog",
    "pages",
    "role_defaults",
    "action_groups",
    "dependencies",
    "machine_traces",
)


def _check(name: str) -> tuple[list[str], float]:
    start = time.monotonic()
    try:
        problems = list(importlib.import_module(f"tests.checks.{name}").check())
    except Exception:  # a check that breaks is told like one that fails, and the others go on
        problems = traceback.format_exc().splitlines()
    return problems, time.monotonic() - start


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.checks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(CHECKS)}; all when none is named")
    parser.add_argument("--jobs", type=int, default=2, help="checks at a time (default: 2)")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.names) - set(CHECKS))
    if unknown:
        parser.error(f"no such check: {', '.join(unknown)}; there are {', '.join(CHECKS)}")
    failed = []
    with ThreadPoolExecutor(max_workers=arguments.jobs) as pool:
        running = {pool.submit(_check, name): name for name in CHECKS if name in (arguments.names or CHECKS)}
        for future in as_completed(running):
            name = running[future]
            problems, seconds = future.result()
            if problems:
                failed.append(name)
                for line in problems:
                    print(f"{name}: {line}")
                print(f"FAILED  {name} ({seconds:.1f} s): {len(problems)} lines above", flush=True)
            else:
                print(f"ok      {name} ({seconds:.1f} s)", flush=True)
    if failed:
        print(f"{len(failed)} of the checks failed; again alone: python -m tests.checks {' '.join(sorted(failed))}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
