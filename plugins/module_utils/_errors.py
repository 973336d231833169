# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: the one exception for what a person can do something about."""

from __future__ import annotations


class ExpectedError(Exception):
    """One sentence that says what is wrong, with which value, and what to do; a module hands it to ``fail_json``.

    ``actions`` tells what was already done when it happened, so that nothing that changed is dropped from the result.
    """

    def __init__(self, message: str, actions: list[str] | None = None) -> None:
        super().__init__(message)
        self.actions: list[str] = actions or []
