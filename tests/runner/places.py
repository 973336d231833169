# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the tests' runner reads and writes."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OUTPUT = ROOT / "tests" / "output"
CACHE = Path(os.environ.get("KUBELOCAL_CACHE") or Path.home() / ".cache" / "kubelocal")
