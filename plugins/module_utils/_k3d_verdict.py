# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: what the k3d that is installed thinks of a configuration, before anything is made."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils import _k3d_log
from ansible_collections.kubelocal.registry.plugins.module_utils._k3d_config import API_VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping


def wrong(program: str, given: Mapping[str, Any]) -> str:
    """Why this k3d would not take it, without a full stop; nothing where it would, or can't be asked."""
    whole = {
        "apiVersion": API_VERSION,
        "kind": "Simple",
        **{key: value for key, value in given.items() if value is not None},
    }
    # of this user only: it may hold a token
    with tempfile.NamedTemporaryFile("w", prefix="k3d-", suffix=".yaml", encoding="utf-8") as file:
        json.dump(whole, file)
        file.flush()
        try:
            told = subprocess.run(
                # it checks what it reads against its schema, and asks no Engine
                [program, "config", "migrate", file.name, os.devnull],
                env={**os.environ, "LOG_COLORS": "false"},
                capture_output=True,
                text=True,
                timeout=20,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return ""
    return "" if told.returncode == 0 else _k3d_log.essence(told.stdout + told.stderr).rstrip(";. ")
