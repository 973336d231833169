# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports of this host that tests may publish."""

from __future__ import annotations

import random
import socket

# below the kernel's range for outgoing connections, so that none of those takes a port between choice and use
_RANGE = range(21000, 30000)
_given: set[int] = set()


def free_port() -> int:
    """A port that nobody listens on, another one with every call."""
    for _attempt in range(1000):
        port = random.choice(_RANGE)
        if port not in _given and _is_free(port):
            _given.add(port)
            return port
    raise AssertionError("no free port was found")


def _is_free(port: int) -> bool:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("0.0.0.0", port))
        except OSError:
            return False
    return True
