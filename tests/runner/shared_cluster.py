# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the cluster that integration tests share: ``python -m tests.runner.shared_cluster NAME FOLDER``."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.support import cluster, testbed

if __name__ == "__main__":
    name, folder = sys.argv[1:]
    (Path(folder) / "kubeconfig").unlink(missing_ok=True)
    cluster.create(testbed.load(), name, Path(folder), network=name)
