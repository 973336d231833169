# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wrapper that asks runc only for what this host can give, and how machines get it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.testbed import engine
from tests.testbed.places import HERE

WRAPPER = HERE / "runc-host-caps"
LACKS_RESOURCE = 0x1FFFEFFFFFF
ALL = 0x1FFFFFFFFFF
# words that look like what is changed, where nothing may be
WORDS = ["sh", "-c", 'x "capabilities":{"CAP_SYS_RESOURCE"} \n\\ -', "CAP_SYS_RESOURCE", "-", "é"]
FORMATS: list[dict[str, Any]] = [{"separators": (",", ":")}, {}, {"indent": 2}]
LISTS = [
    ["CAP_SYS_RESOURCE", "CAP_CHOWN", "CAP_KILL"],
    ["CAP_CHOWN", "CAP_SYS_RESOURCE", "CAP_KILL"],
    ["CAP_CHOWN", "CAP_KILL", "CAP_SYS_RESOURCE"],
    ["CAP_SYS_RESOURCE"],
    ["CAP_CHOWN"],
    [],
    None,
]


@pytest.fixture
def call(tmp_path: Path) -> Any:
    """Calls the wrapper of a host with the given bounding set; what runc was called with comes back."""

    def calling(bounding: int, *words: str) -> list[str]:
        (tmp_path / "status").write_text(f"Name:\tx\nCapPrm:\t{ALL:016x}\nCapBnd:\t{bounding:016x}\nSeccomp:\t0\n")
        runc = tmp_path / "runc"
        runc.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
        runc.chmod(0o755)
        text = WRAPPER.read_text()
        assert text.count("/usr/sbin/runc") == text.count("/proc/self/status") == 1
        text = text.replace("/usr/sbin/runc", str(runc)).replace("/proc/self/status", str(tmp_path / "status"))
        done = subprocess.run(["sh", "-c", text, "runc", *words], capture_output=True, text=True, check=True)
        assert done.stderr == ""
        return done.stdout.splitlines()

    return calling


@pytest.mark.parametrize("written", FORMATS)
@pytest.mark.parametrize("listed", LISTS)
def test_what_the_host_lacks_is_not_asked_for(
    call: Any, tmp_path: Path, listed: list[str] | None, written: dict[str, Any]
) -> None:
    def process(capabilities: list[str] | None) -> dict[str, Any]:
        sets = {"bounding": capabilities, "effective": capabilities, "permitted": ["CAP_KILL"]}
        return {"args": WORDS, "capabilities": sets, "env": ["CAP_SYS_RESOURCE", "a- ,b"], "noNewPrivileges": True}

    left = None if listed is None else [name for name in listed if name != "CAP_SYS_RESOURCE"]
    config, alone = tmp_path / "config.json", tmp_path / "process.json"
    config.write_text(json.dumps({"ociVersion": "1", "process": process(listed), "hostname": "-"}, **written))
    words = ["--root", "/r", "create", "--bundle", str(tmp_path), "--pid-file", "/p", "name"]
    assert call(LACKS_RESOURCE, *words) == words
    assert json.loads(config.read_text()) == {"ociVersion": "1", "process": process(left), "hostname": "-"}
    alone.write_text(json.dumps(process(listed), **written))
    words = ["--root", "/r", "exec", "--process", str(alone), "--detach", "create"]
    assert call(LACKS_RESOURCE, *words) == words
    assert json.loads(alone.read_text()) == process(left)


def test_several_are_taken_out_wherever_they_stand(call: Any, tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    names = ["CAP_SYS_TIME", "CAP_SYS_RESOURCE", "CAP_CHOWN", "CAP_SYS_RESOURCE", "CAP_SYS_TIME", "CAP_BPF"]
    config.write_text(json.dumps({"process": {"capabilities": {"bounding": names}}}))
    call(LACKS_RESOURCE & ~(1 << 25), "run", f"--bundle={tmp_path}", "name")
    assert json.loads(config.read_text()) == {"process": {"capabilities": {"bounding": ["CAP_CHOWN", "CAP_BPF"]}}}


@pytest.mark.parametrize("text", ['{"process":{"args":["capabilities"]}}', "{}", ""])
def test_a_file_without_capabilities_stays(call: Any, tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    call(LACKS_RESOURCE, "create", "-b", str(tmp_path), "name")
    assert (tmp_path / "config.json").read_text().strip() == text


def test_a_host_that_can_give_all_changes_nothing(call: Any, tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text('{"process":{"capabilities":{"bounding":["CAP_SYS_RESOURCE"]}}}')
    before = os.stat(config).st_mtime_ns
    assert call(ALL, "create", "-b", str(tmp_path), "name")[0] == "create"
    assert os.stat(config).st_mtime_ns == before
    # what is about no specification goes straight on
    assert call(LACKS_RESOURCE, "kill", "a b", "KILL") == ["kill", "a b", "KILL"]
    assert os.stat(config).st_mtime_ns == before


def test_an_old_one_is_renewed_where_the_engine_calls_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configuration, wrapper = tmp_path / "daemon.json", tmp_path / "bin" / "runc-host-caps"
    wrapper.parent.mkdir()
    monkeypatch.setattr(engine, "_CONFIGURATION", configuration)
    monkeypatch.setattr(engine, "_WRAPPER", wrapper)
    monkeypatch.setattr(engine, "answers", lambda: True)
    engine.start()
    configuration.write_text("{}")
    wrapper.write_text("old")
    engine.start()
    assert wrapper.read_text() == "old"
    configuration.write_text(json.dumps({"runtimes": {"host-caps": {"path": str(wrapper)}}}))
    held = wrapper.open()
    engine.start()
    assert wrapper.read_text() == WRAPPER.read_text()
    assert os.access(wrapper, os.X_OK)
    assert held.read() == "old"
    assert os.listdir(wrapper.parent) == [wrapper.name]
    before = os.stat(wrapper).st_ino
    engine.start()
    assert os.stat(wrapper).st_ino == before
