# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: a module that is ended cleans up after itself."""

from __future__ import annotations

import signal


def when_ended() -> None:
    """Unwind when this process is asked to end, so that what is to be cleaned up (pods, images) is."""
    signal.signal(signal.SIGTERM, _end)


def _end(*_arguments: object) -> None:
    raise SystemExit(1)
