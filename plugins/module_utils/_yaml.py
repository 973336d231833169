# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: YAML as it is read everywhere: safely, and by libyaml where there is one, in a tenth of the time."""

from __future__ import annotations

import contextlib
from typing import IO, Any

with contextlib.suppress(ImportError):  # told by who calls
    import yaml


def load(content: bytes | str | IO[str]) -> Any:
    """The first document; raises yaml.YAMLError."""
    return yaml.load(content, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
