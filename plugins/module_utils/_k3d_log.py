# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: what k3d says, taken out of its log."""

from __future__ import annotations

import re

_LINE = re.compile(r'level=(\w+) msg=(?:"((?:[^"\\]|\\.)*)"|(\S+))')
_BAD = ("fatal", "error", "panic")
# k3d's last words say only that it failed
_FAREWELL = re.compile(r"^(Cluster creation FAILED|Failed to create cluster >>> Rolling Back)")
_SCHEMA = re.compile(r"^Schema Validation failed for config file .*?: - ")


def step(log: str) -> str:
    """What it is doing."""
    messages = _messages(log)
    return messages[-1][1] if messages else ""


def essence(log: str) -> str:
    """What it died of, without a full stop."""
    messages = _messages(log)
    bad = [text for level, text in messages if level in _BAD and not _FAREWELL.match(text)]
    if bad:
        return bad[-1].rstrip(".")
    last = [line.strip() for line in log.splitlines() if line.strip()]
    return last[-1] if last else "it printed nothing"


def _messages(log: str) -> list[tuple[str, str]]:
    return [(match[1], _plain(match[2] or match[3] or "")) for match in map(_LINE.search, log.splitlines()) if match]


def _plain(text: str) -> str:
    """On one line; of a configuration that it does not take, only what is wrong with it."""
    lines = [line.strip() for line in text.replace('\\"', '"').split("\\n") if line.strip()]
    return _SCHEMA.sub("", "; ".join(lines)).replace("; - ", "; ")
