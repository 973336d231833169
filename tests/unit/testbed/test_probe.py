# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""When the testbed is needed."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator

import pytest

from tests.testbed import probe
from tests.testbed.places import Failed


@pytest.fixture
def greeting() -> Iterator[str]:
    """A server that asks who is there, as a registry does."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(401 if self.path == "/v2/" else 503)
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_it_is_not_where_a_registry_answers(greeting: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TESTBED", raising=False)
    monkeypatch.setattr(probe, "_ASKED", f"{greeting}/v2/")
    assert not probe.is_needed(already=False)
    assert probe.is_needed(already=True)
    monkeypatch.setattr(probe, "_ASKED", f"{greeting}/other")
    assert probe.is_needed(already=False)


@pytest.mark.parametrize(("told", "needed"), [("on", True), ("off", False)])
def test_a_person_overrides_it(told: str, needed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TESTBED", told)
    assert probe.is_needed(already=False) is needed
    assert probe.is_needed(already=True) is needed


def test_another_word_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TESTBED", "yes")
    with pytest.raises(Failed, match="TESTBED is 'yes'"):
        probe.is_needed(already=False)
