# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation that several modules share: how nodes are made to pull."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  timeout:
    description: Seconds within which all nodes have to pull.
    type: int
    default: 120
attributes:
  check_mode:
    support: full
    details: In check mode nothing is pushed and no pod is made.
  diff_mode:
    support: none
    details: It never counts as a change, so there is nothing to show.
  idempotent:
    support: full
    details: It never counts as a change.
"""
