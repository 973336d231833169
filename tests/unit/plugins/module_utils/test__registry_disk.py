# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils._registry_disk import free_kb

_HEAD = "Filesystem           1024-blocks    Used Available Capacity Mounted on\n"


@pytest.mark.parametrize(
    ("output", "free"),
    [
        (_HEAD + "/dev/loop0               28328     28328         0 100% /var/lib/registry\n", 0),
        (_HEAD + "overlay              263979356 31468220 64872456  33% /\n", 64872456),
        (_HEAD + "tmpfs - - - - /\n", None),
        ("", None),
        ("df: /var/lib/registry: No such file or directory\n", None),
    ],
)
def test_free_space_is_read(output: str, free: int | None) -> None:
    assert free_kb(output) == free
