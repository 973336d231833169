# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation that several modules share: how a registry that is not open to all is entered."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  registry_username:
    description: User of a registry that asks for one. A user that may push, where something is pushed.
    type: str
  registry_password:
    description: Password of O(registry_username).
    type: str
  registry_ca:
    description: The authority that signed the registry's certificate, as PEM text or the path of a PEM file.
    type: str
"""
