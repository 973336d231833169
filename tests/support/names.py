# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of what tests make in Docker: they tell which process made it, so that leftovers of dead runs are known."""

from __future__ import annotations

import os
import re

# a cache of an upstream that a test made carries the upstream's name, each hyphen doubled
_PATTERN = re.compile(r"kltest-p(\d+)x\d+-|mirror-kltest--p(\d+)x\d+--")


class Names:
    """Callable: ``names("registry")`` is ``kltest-p<process>x<number>-registry``."""

    _count = 0

    def __init__(self) -> None:
        self.prefix = f"kltest-p{os.getpid()}x{Names._count}-"
        Names._count += 1

    def __call__(self, suffix: str) -> str:
        return self.prefix + suffix

    def owns(self, name: str) -> bool:
        """Whether something in Docker has such a name, or is a cache of an upstream that has."""
        return name.startswith((self.prefix, "mirror-" + self.prefix.replace("-", "--")))


def is_leftover(name: str) -> bool:
    """Whether a run of tests that no longer lives gave this name (kltest-something else is nobody's, and stays)."""
    match = _PATTERN.match(name)
    return match is not None and not _lives(int(match[1] or match[2]))


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
