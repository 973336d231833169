# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plugins are typed, strictly."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.checks.common import FQCN, NAME, NAMESPACE, ROOT, told


def check() -> list[str]:
    # mypy finds modules by where they lie, so the checkout has to lie where a collection does
    with tempfile.TemporaryDirectory(prefix="kubelocal-") as folder:
        parent = Path(folder) / "ansible_collections" / NAMESPACE
        parent.mkdir(parents=True)
        (parent / NAME).symlink_to(ROOT)
        return told(
            [
                "mypy",
                "--config-file",
                str(ROOT / "pyproject.toml"),
                "--cache-dir",
                str(ROOT / ".mypy_cache"),
                "--no-error-summary",
                "-p",
                f"ansible_collections.{FQCN}.plugins",
            ],
            cwd=Path(folder),
        )
