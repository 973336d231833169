# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a registry is asked, and what of its log is told."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils import _registry_files as files
from ansible_collections.kubelocal.registry.plugins.module_utils import _registry_health as health
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_observed import Observed

LOCAL = "http+docker://localhost"


def observed(*bound: tuple[str, int], networks: dict[str, str] | None = None, https: bool = False) -> Observed:
    ports = {"5000/tcp": [{"HostIp": address, "HostPort": str(port)} for address, port in bound]}
    attrs = {
        "Id": "1",
        "Name": "/hub",
        "State": {"Status": "running"},
        "NetworkSettings": {
            "Ports": ports,
            "Networks": {name: {"IPAddress": address} for name, address in (networks or {}).items()},
        },
    }
    base = files.merge(files.load(None), {"http": {"tls": {"certificate": "/c"}}}) if https else files.load(None)
    return Observed(None, attrs, {}, base=base)


@pytest.mark.parametrize(
    ("engine", "found", "expected"),
    [
        (LOCAL, observed(("127.0.0.1", 5001)), ["http://127.0.0.1:5001"]),
        (LOCAL, observed(("127.0.0.1", 5001), https=True), ["https://127.0.0.1:5001"]),
        (LOCAL, observed(("0.0.0.0", 5001), ("::", 5001)), ["http://127.0.0.1:5001", "http://[::1]:5001"]),
        (LOCAL, observed(("10.0.0.1", 5001)), ["http://10.0.0.1:5001"]),
        # without a published port: by its address on a network, which only the Engine's own host reaches
        (LOCAL, observed(networks={"kind": "172.18.0.5", "cut": ""}), ["http://172.18.0.5:5000"]),
        (LOCAL, observed(("127.0.0.1", 5001), networks={"kind": "172.18.0.5"}), ["http://127.0.0.1:5001"]),
        (LOCAL, observed(), []),
        ("https://far.example:2376", observed(("0.0.0.0", 5001)), ["http://far.example:5001"]),
        ("https://far.example:2376", observed(("127.0.0.1", 5001)), []),
        ("https://far.example:2376", observed(networks={"kind": "172.18.0.5"}), []),
        ("http+docker://ssh", observed(("0.0.0.0", 5001)), []),
        # a tunnel to somewhere
        ("http://localhost:2375", observed(("0.0.0.0", 5001)), []),
    ],
)
def test_addresses(engine: str, found: Observed, expected: list[str]) -> None:
    client: Any = SimpleNamespace(api=SimpleNamespace(base_url=engine))
    assert health.addresses(client, found) == expected


@pytest.mark.parametrize(("status", "is_healthy"), [(200, True), (401, True), (404, False), (503, False)])
def test_asked_by_its_port_and_never_through_a_proxy(
    monkeypatch: pytest.MonkeyPatch, status: int, is_healthy: bool
) -> None:
    asked: list[Any] = []

    def registry(url: str, **options: Any) -> Any:
        asked.append((url, options["direct"]))
        return SimpleNamespace(probe=lambda: status)

    monkeypatch.setattr(health, "Registry", registry)
    client: Any = SimpleNamespace(api=SimpleNamespace(base_url=LOCAL))
    found = observed(networks={"kind": "172.18.0.5"})
    assert health.healthy(client, found) is is_healthy
    assert asked == [("http://172.18.0.5:5000", True)]
    found.attrs["State"]["Status"] = "paused"
    assert not health.healthy(client, found)


@pytest.mark.parametrize(
    ("log", "line"),
    [
        ("", ""),
        ("\n \n", ""),
        ("starting\nlistening on [::]:5000\n", "listening on [::]:5000"),
        ("level=error msg=first\nlistening\n", "level=error msg=first"),
        (
            "panic: unknown driver\n\ngoroutine 1 [running]:\nmain.main()\n\t/src/main.go:24 +0x1d\n",
            "panic: unknown driver",
        ),
        (
            "configuration error: error parsing /etc/config.yml\nUsage:\n  registry serve <config> [flags]\n",
            "configuration error: error parsing /etc/config.yml",
        ),
    ],
)
def test_telling_line(log: str, line: str) -> None:
    assert health.telling_line(log) == line


def test_last_words_hide_secrets() -> None:
    container: Any = SimpleNamespace(logs=lambda **_arguments: b"fatal: s3cr3t-long is wrong, so is s3cr3t.\n")
    assert health.last_words(container, ["s3cr3t-long", "s3cr3t", ""]) == (
        "; it said last: fatal: ******** is wrong, so is ********"
    )
    silent: Any = SimpleNamespace(logs=lambda **_arguments: b"")
    assert health.last_words(silent) == ""
