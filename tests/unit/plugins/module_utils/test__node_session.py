# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One shell asked over one connection: what comes back, how long it is waited for, and how it ends."""

from __future__ import annotations

import io
import tarfile
import time
from pathlib import Path

import pytest

pytest.importorskip("docker.errors")

from ansible_collections.kubelocal.registry.plugins.module_utils import _node_session as module
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from tests.support.exec_engine import ExecApi


def test_much_comes_back_whole(tmp_path: Path) -> None:
    # what looks like an end is none
    content = bytes(range(256)) * 2000 + b"\n0123 0\n"
    (tmp_path / "x").write_bytes(content)
    session = module.Session(ExecApi(), "1")
    for _time in range(2):
        answer = session.ask(["archive", f"{tmp_path}/x"])
        with tarfile.open(fileobj=io.BytesIO(answer.output)) as tar:
            source = tar.extractfile("./x")
            assert source is not None
            assert source.read() == content
    assert session.ask(["archive", f"{tmp_path}/none"]).code == 5
    session.close()


def test_one_that_does_not_answer_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "tar").write_text("#!/bin/sh\nexec sleep 100\n")
    (tmp_path / "tar").chmod(0o755)
    api = ExecApi(["env", f"PATH={tmp_path}:/usr/bin:/bin", "sh"])
    api.timeout = 1
    session = module.Session(api, "1")
    before = time.monotonic()
    with pytest.raises(ExpectedError, match="did not answer within 1 s"):
        session.ask(["archive", str(tmp_path)])
    assert time.monotonic() - before < 5
    session.close()
    api.started[0].kill()


def test_one_that_ends_is_told() -> None:
    session = module.Session(ExecApi(["sh", "-c", "echo no such shell >&2; exit 127"]), "1")
    with pytest.raises(ExpectedError, match=r"ended before it answered: .+\.$"):
        session.ask(["is_dir", "/"])
    session.close()


def test_the_shell_ends_with_the_session() -> None:
    api = ExecApi()
    session = module.Session(api, "1")
    assert session.ask(["is_dir", "/"]).code == 0
    session.close()
    assert api.started[0].wait(5) == 0
