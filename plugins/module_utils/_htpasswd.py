# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: htpasswd files with bcrypt, the only hash that the registry takes."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError

BCRYPT_IMPORT_ERROR: str | None = None
try:
    import bcrypt
except ImportError:  # told by the module, with missing_required_lib
    BCRYPT_IMPORT_ERROR = traceback.format_exc()

if TYPE_CHECKING:
    from collections.abc import Mapping

# The registry checks the hash at every request: 10 is about 50 ms, as htpasswd -B and Docker's documentation have it.
COST = 10
_LONGEST_PASSWORD = 72


def check_user(name: str, password: str) -> None:
    """ExpectedError for what an htpasswd line or bcrypt can't hold."""
    if (
        not name
        or name != name.strip()
        or ":" in name
        or any(ord(letter) < 32 or ord(letter) == 127 for letter in name)
    ):
        raise ExpectedError(
            f"user name '{name}' can't stand in htpasswd; it must not be empty, hold ':' or control characters, or begin or end with a space."
        )
    if name.startswith("#"):
        raise ExpectedError(f"user name '{name}' can't stand in htpasswd, where '#' begins a comment.")
    if not password:
        raise ExpectedError(f"the password of user '{name}' is empty.")
    if len(password.encode()) > _LONGEST_PASSWORD:
        raise ExpectedError(
            f"the password of user '{name}' is longer than the {_LONGEST_PASSWORD} bytes that bcrypt looks at."
        )
    if "\0" in password:
        raise ExpectedError(f"the password of user '{name}' holds a NUL character, which bcrypt can't take.")


def parse(text: str) -> dict[str, str]:
    """User names and their hashes; comments and what is no line of htpasswd are left out."""
    found = {}
    for line in text.splitlines():
        name, colon, hashed = line.strip().partition(":")
        if colon and name and not name.startswith("#"):
            found[name] = hashed
    return found


def verify(hashed: str, password: str) -> bool:
    """Whether the hash is bcrypt's of this password."""
    try:
        return bool(bcrypt.checkpw(password.encode(), hashed.encode()))
    except ValueError:
        return False


def differing(text: str, users: Mapping[str, str]) -> list[str]:
    """Users whose line would have to be added, changed or removed, sorted."""
    known = parse(text)
    changed = {name for name, password in users.items() if name not in known or not verify(known[name], password)}
    return sorted(changed | (known.keys() - users.keys()))


def render(users: Mapping[str, str], previous: str = "", cost: int = COST) -> str:
    """The file's text; hashes that still fit are kept, so that the same users give the same text."""
    known = parse(previous)
    lines = []
    for name, password in sorted(users.items()):
        kept = known.get(name)
        if kept is None or not verify(kept, password):
            kept = bcrypt.hashpw(password.encode(), bcrypt.gensalt(cost)).decode()
        lines.append(f"{name}:{kept}\n")
    return "".join(lines)
