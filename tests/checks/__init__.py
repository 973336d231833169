# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks that need no Docker and no cluster: ``python -m tests.checks [NAME...]``."""
