# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates given as text or as a path."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._secrets import pem_text

PEM = "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"


@pytest.mark.parametrize(("value", "text"), [(None, None), ("", None), (" \n", None), (PEM, PEM)])
def test_text(value: str | None, text: str | None) -> None:
    assert pem_text(value) == text


def test_path(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text(PEM, encoding="ascii")
    assert pem_text(f" {tmp_path}/ca.crt\n") == PEM


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "can't be read: No such file"), (b"text", "holds no PEM text"), (b"\xff", "it is not text")],
)
def test_bad(tmp_path: Path, content: bytes | None, words: str) -> None:
    if content is not None:
        (tmp_path / "ca.crt").write_bytes(content)
    with pytest.raises(ExpectedError, match=words):
        pem_text(str(tmp_path / "ca.crt"))
