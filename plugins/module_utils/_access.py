# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: what a registry that is not open to all wants of who asks it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils._secrets import pem_text

if TYPE_CHECKING:
    from collections.abc import Mapping

# For argument specs: the options of the documentation fragment registry_access.
OPTIONS: dict[str, dict[str, Any]] = {
    "registry_username": {"type": "str"},
    "registry_password": {"type": "str", "no_log": True},
    "registry_ca": {"type": "str"},
}
TOGETHER = [("registry_username", "registry_password")]


@dataclass(frozen=True)
class Access:
    """What a closed registry wants."""

    username: str | None = None
    password: str | None = None
    ca: str | None = None


def from_options(options: Mapping[str, Any]) -> Access:
    """ExpectedError where the certificate can't be read."""
    return Access(options["registry_username"], options["registry_password"], pem_text(options["registry_ca"]))
