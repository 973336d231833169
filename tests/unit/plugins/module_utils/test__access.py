# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a registry wants of who asks it, from a module's options."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils import _access
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError


def options(ca: str | None) -> dict[str, str | None]:
    return {"registry_username": "ada", "registry_password": "secret", "registry_ca": ca}


def test_the_certificate_is_read_from_its_file(tmp_path: Path) -> None:
    text = "-----BEGIN CERTIFICATE-----\n"
    (tmp_path / "ca.pem").write_text(text)
    assert _access.from_options(options(str(tmp_path / "ca.pem"))) == _access.Access("ada", "secret", text)
    assert _access.from_options(options(None)).ca is None


def test_a_certificate_that_can_not_be_read_is_told() -> None:
    with pytest.raises(ExpectedError, match="the certificate /none can't be read"):
        _access.from_options(options("/none"))
