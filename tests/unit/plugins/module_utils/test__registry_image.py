# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom an image's program runs as, and which images are asked for."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils import _registry_image as images
from ansible_collections.kubelocal.registry.plugins.module_utils._docker import File
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError

FILES = {
    "/etc/passwd": b"root:x:0:0:root:/root:/bin/sh\n\nodd\nregistry:x:1000:2000:,,,:/:/bin/false\nbad:x:a:b:::\n",
    "/etc/group": b"root:x:0:\nstaff:x:50:ada\n",
}


@pytest.fixture(autouse=True)
def _files(monkeypatch: pytest.MonkeyPatch) -> None:
    def read_tree(_container: Any, path: str) -> dict[str, File] | None:
        return {"": File(FILES[path])} if path in FILES else None

    monkeypatch.setattr(images._docker, "read_tree", read_tree)


@pytest.mark.parametrize(
    ("user", "owner"),
    [
        ("", (0, 0)),
        ("0", (0, 0)),
        ("1000", (1000, 0)),
        ("1000:2000", (1000, 2000)),
        ("registry", (1000, 2000)),
        ("registry:50", (1000, 50)),
        ("registry:staff", (1000, 50)),
        ("7:staff", (7, 50)),
    ],
)
def test_owner(user: str, owner: tuple[int, int]) -> None:
    assert images._owner(None, user) == owner


@pytest.mark.parametrize("user", ["nobody", "bad", "odd", "registry:nogroup"])
def test_owner_that_the_image_does_not_know(user: str) -> None:
    with pytest.raises(ExpectedError, match="which it does not know"):
        images._owner(None, user)


@pytest.mark.parametrize("reference", ["sha256:" + "a" * 64, "a" * 64])
def test_an_id_is_not_pulled(reference: str) -> None:
    with pytest.raises(ExpectedError, match="give a name that it can pull"):
        images._pull(None, reference, have=False)
