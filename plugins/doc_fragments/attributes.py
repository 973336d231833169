# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation that several modules share: what the attributes mean."""

from __future__ import annotations


class ModuleDocFragment:
    # What each attribute stands for; a module adds its own support and details.
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying target.
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in C(check_mode)), when in diff mode.
  idempotent:
    description:
      - When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
      - This assumes that the system controlled or queried by the module has not changed in a relevant way.
"""

    # A module that changes things, and tells the truth in check mode and diff mode.
    FULL = r"""
options: {}
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
"""

    # A module that only reads.
    INFO = r"""
options: {}
attributes:
  check_mode:
    support: full
    details: This module only reads.
  diff_mode:
    support: none
    details: This module only reads, so there is nothing to show.
  idempotent:
    support: full
    details: This module only reads.
"""

    DOCKER_GROUP = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/kubelocal.registry.docker) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - kubelocal.registry.docker
"""

    KUBERNETES_GROUP = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/kubelocal.registry.kubernetes) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - kubelocal.registry.kubernetes
"""

    # A module in both groups names this fragment instead of the two above, whose lists would not be added up.
    BOTH_GROUPS = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/kubelocal.registry.docker) or C(group/kubelocal.registry.kubernetes) in C(module_defaults) to set defaults.
    support: full
    membership:
      - kubelocal.registry.docker
      - kubelocal.registry.kubernetes
"""
