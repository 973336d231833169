# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The generated references and the tables in the roles' READMEs are up to date."""

from __future__ import annotations

import sys

from tests.checks.common import told


def check() -> list[str]:
    return told([sys.executable, "scripts/reference.py", "--check"], environment={"PYTHONPATH": "."})
