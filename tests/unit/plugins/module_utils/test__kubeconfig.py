# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which kubeconfig is meant, and what it says."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from ansible_collections.kubelocal.registry.plugins.module_utils import _kubeconfig
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError


def write(path: Path, *names: str) -> Path:
    content = {
        "current-context": names[0] if names else "",
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}} for name in names],
        "clusters": [
            {"name": name, "cluster": {"server": f"https://127.0.0.1:700{i}"}} for i, name in enumerate(names)
        ],
        "users": [{"name": name, "user": {"token": "t"}} for name in names],
    }
    path.write_text(yaml.safe_dump(content))
    return path


def test_the_one_given_comes_first(tmp_path: Path) -> None:
    assert _kubeconfig.paths(str(tmp_path / "a"), {"KUBECONFIG": "/b"}) == [str(tmp_path / "a")]
    assert _kubeconfig.paths(None, {"KUBECONFIG": "/b:/c::/b"}) == ["/b", "/c"]
    assert _kubeconfig.paths(None, {})[0].endswith("/.kube/config")


def test_a_new_context_goes_where_kind_writes_it(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    environment = {"KUBECONFIG": f"{first}:{second}"}
    assert _kubeconfig.file_to_write(None, environment) == str(second), "the last, if none exists"
    write(second, "b")
    assert _kubeconfig.file_to_write(None, environment) == str(second)
    write(first, "a")
    assert _kubeconfig.file_to_write(None, environment) == str(first)
    assert _kubeconfig.file_for(None, "b", environment) == str(second), "where the context is"


def test_reads_what_a_context_leads_to(tmp_path: Path) -> None:
    path = str(write(tmp_path / "config", "a", "b"))
    assert _kubeconfig.server(path, "b") == "https://127.0.0.1:7001"
    assert _kubeconfig.server(path, "c") is None
    assert _kubeconfig.server(str(tmp_path / "none"), "a") is None
    assert _kubeconfig.current_context(path) == "a"
    assert _kubeconfig.has(path, "b")
    assert not _kubeconfig.has(path, "bb")


def test_half_an_entry_is_none(tmp_path: Path) -> None:
    path = write(tmp_path / "config", "a")
    content = yaml.safe_load(path.read_text())
    content["users"] = None
    path.write_text(yaml.safe_dump(content))
    assert _kubeconfig.server(str(path), "a") is None
    assert _kubeconfig.has(str(path), "a"), "there is something to remove"


@pytest.mark.parametrize("text", ["{", "[]", "- a\n", "\x00"])
def test_tells_what_is_no_kubeconfig(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises(ExpectedError, match="mend or replace that file"):
        _kubeconfig.load(str(path))


def test_an_empty_file_has_nothing(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text("")
    assert _kubeconfig.load(str(path)) == {}
