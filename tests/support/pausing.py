# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pausing a container in which others run: with cgroup v1 a busy one can't be frozen at the first attempt."""

from __future__ import annotations

import time
from typing import Any

import pytest
from docker.errors import APIError


def pause(container: Any, attempts: int = 8) -> None:
    """Pause it; the test is skipped, and says so, where the kernel can't."""
    for _attempt in range(attempts):
        try:
            container.pause()
            return
        except APIError as error:
            if "unable to freeze" not in str(error):
                raise
            time.sleep(1)
    pytest.skip(f"this kernel can't freeze {container.name}")
