# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Python is linted and formatted."""

from __future__ import annotations

from tests.checks.common import told


def check() -> list[str]:
    # ruff reads .gitignore, so nothing that is not the checkout's own is looked at
    return told(["ruff", "check", "--output-format", "concise", "."]) + told(["ruff", "format", "--check", "."])
