# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changelog fragments and the changelog are sound."""

from __future__ import annotations

from tests.checks.common import collection_copy, told


def check() -> list[str]:
    with collection_copy() as folder:
        return told(["antsibull-changelog", "lint"], cwd=folder / "ansible_collections" / "kubelocal" / "registry")
