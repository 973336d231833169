# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a machine's containerd is told to ask directly."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils import _machine_proxy

PROXY = 'HTTPS_PROXY=http://proxy:3128 "NO_PROXY=localhost,10.0.0.0/8"'


def test_a_machine_without_a_proxy_is_left_alone() -> None:
    assert _machine_proxy.wanted("PATH=/bin", "", ["registry"]) == ""


def test_the_registry_is_added_to_what_is_excepted_already() -> None:
    assert '"NO_PROXY=localhost,10.0.0.0/8,registry"' in _machine_proxy.wanted(PROXY, "", ["registry"])


def test_what_was_written_stays_while_there_is_a_proxy_and_goes_with_it() -> None:
    written = _machine_proxy.wanted(PROXY, "", ["registry"])
    now = 'HTTPS_PROXY=http://proxy:3128 "NO_PROXY=localhost,10.0.0.0/8,registry"'
    assert _machine_proxy.wanted(now, written, ["registry"]) == written
    assert "registry,other" in _machine_proxy.wanted(now, written, ["other"])
    assert _machine_proxy.wanted("NO_PROXY=registry", written, ["registry"]) == ""
    assert _machine_proxy.wanted(now, written, []) == ""


@pytest.mark.parametrize("check", [True, False])
def test_a_drop_in_is_written_once(check: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def systemctl(*words: str) -> tuple[int, str]:
        asked.append(words[0])
        return 0, PROXY

    monkeypatch.setattr(_machine_proxy, "_systemctl", systemctl)
    monkeypatch.setattr(_machine_proxy, "_FOLDER", str(tmp_path))
    monkeypatch.setattr(_machine_proxy.os.path, "isdir", lambda _path: True)
    result = _machine_proxy.ensure("containerd", ["registry"], check)
    assert result.changed
    assert result.actions == ["Excepted registry from the proxy of containerd, and restarted it."]
    file = tmp_path / "containerd.service.d" / "zz-kubelocal-registry-no-proxy.conf"
    assert file.exists() is not check
    assert asked == (["show"] if check else ["show", "daemon-reload", "try-restart"])
    assert not list(tmp_path.rglob("*.new"))
