# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module of the same name, without a Python of its own where it can."""

from __future__ import annotations

from ansible_collections.kubelocal.registry.plugins.modules import registry_proof
from ansible_collections.kubelocal.registry.plugins.plugin_utils._in_place import InPlace


class ActionModule(InPlace):
    MODULE = registry_proof
