# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Roles, playbooks and metadata satisfy ansible-lint's strictest profile."""

from __future__ import annotations

from tests.checks.common import collection_copy, told


def check() -> list[str]:
    with collection_copy() as folder:
        return told(
            ["ansible-lint", "--offline", "--profile", "production", "--nocolor", "-q", "--format", "pep8"],
            cwd=folder / "ansible_collections" / "kubelocal" / "registry",
            environment={"ANSIBLE_COLLECTIONS_PATH": str(folder), "ANSIBLE_HOME": str(folder / ".ansible")},
        )
