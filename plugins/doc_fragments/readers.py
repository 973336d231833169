# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation that several modules share: who may read where the registry is."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  readers:
    description:
      - Service accounts that may read the ConfigMap, and by this nothing else. They are subjects of one Role and one RoleBinding in
        C(kube-public), both called C(kubelocal-registry-discovery).
      - Who is no longer listed loses that right. With V([]) nobody has it from us. When it is not set, earlier grants stay as they are.
    type: list
    elements: dict
    suboptions:
      namespace:
        description:
          - Namespace of the service account.
        type: str
        required: true
      service_account:
        description:
          - Name of the service account.
        type: str
        required: true
"""
