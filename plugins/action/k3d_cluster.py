# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module of the same name, and shows every 10 seconds how far a creation is: a running task prints nothing by itself."""

from __future__ import annotations

from ansible_collections.kubelocal.registry.plugins.modules import k3d_cluster
from ansible_collections.kubelocal.registry.plugins.plugin_utils._creation_progress import CreationProgress


class ActionModule(CreationProgress):
    MODULE = k3d_cluster
    TOOL = "k3d"
