# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every file says whose it is and under which licence."""

from __future__ import annotations

from tests.checks.common import told


def check() -> list[str]:
    return told(["reuse", "lint", "--lines"])
