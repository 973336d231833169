# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: certificates that are given as text or as the path of a file."""

from __future__ import annotations

import os

from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError


def pem_text(value: str | None) -> str | None:
    """PEM text as it is; a path's content; None for nothing."""
    if not value or not value.strip():
        return None
    if "-----BEGIN" in value:
        return value
    path = os.path.expanduser(value.strip())
    try:
        with open(path, encoding="ascii") as file:
            text = file.read()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise ExpectedError(f"the certificate {path} can't be read: {reason}; give PEM text or a PEM file.") from error
    if "-----BEGIN" not in text:
        raise ExpectedError(f"the file {path} holds no PEM text; give a file with '-----BEGIN CERTIFICATE-----'.")
    return text
