# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A short digest of what something is made from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def of(value: Any, files: Iterable[Path] = ()) -> str:
    """The digest of a value and of files' names and contents."""
    contents = [[file.name, hashlib.sha256(file.read_bytes()).hexdigest()] for file in sorted(files)]
    return hashlib.sha256(json.dumps([value, contents], sort_keys=True).encode()).hexdigest()[:16]
