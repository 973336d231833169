# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What no tool would take."""

from __future__ import annotations

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils._cluster_declared import Declared
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"wait_timeout": 0}, "wait_timeout is 0"),
        ({"progress_interval": -1}, "progress_interval is -1"),
        ({"no_proxy": ["a,b"]}, "no_proxy has 'a,b'"),
        ({"no_proxy": [" "]}, "no_proxy has ' '"),
    ],
)
def test_bad_input(options: dict[str, object], told: str) -> None:
    with pytest.raises(ExpectedError, match=told):
        Declared("dev", **options).check()  # type: ignore[arg-type]
