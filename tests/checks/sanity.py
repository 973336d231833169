# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``ansible-test sanity``, on a copy, since it refuses a symlinked checkout."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import ansible

from tests.checks.common import NAMESPACE, cache, collection_copy, run

# ansible-test bootstraps pip in its environments with a file from the network; Python's own ensurepip does the same.
_GET_PIP = """\
import ensurepip
ensurepip.bootstrap()
"""
_GET_PIP_NAME = "get_pip_24_2.py"


def check() -> list[str]:
    # a home of its own: the stand-in must not reach the user's cache. Short, since it ends up in #! lines.
    home = cache() / "at"
    stand_in = home / ".ansible" / "test" / "cache" / _GET_PIP_NAME
    stand_in.parent.mkdir(parents=True, exist_ok=True)
    stand_in.write_text(_GET_PIP)
    # what users don't get is looked at by ruff alone: pylint would take minutes for it
    with collection_copy(without=("molecule/", "scripts/", "tests/")) as folder:
        _link_dependencies(folder / "ansible_collections")
        code, output = run(
            ["ansible-test", "sanity", "--color", "no", "--python", "{}.{}".format(*sys.version_info[:2])],
            cwd=folder / "ansible_collections" / "kubelocal" / "registry",
            environment={"HOME": str(home), "PYTHONPATH": "", "LC_ALL": os.environ.get("LC_ALL", "C.UTF-8")},
        )
    if code == 0:
        return []
    return [
        line
        for line in output.splitlines()
        if line.strip() and not line.startswith(("Running sanity test", "Creating new container", "Initializing"))
    ] or [f"ansible-test ended with {code}"]


def _link_dependencies(folder: Path) -> None:
    """ansible-test imports plugins from the tree alone, so what comes with Ansible is linked into it."""
    installed = Path(ansible.__file__).resolve().parents[1] / "ansible_collections"
    for collection in installed.glob("*") if installed.is_dir() else ():
        if collection.is_dir() and collection.name not in (NAMESPACE, "__pycache__"):
            (folder / collection.name).symlink_to(collection)
