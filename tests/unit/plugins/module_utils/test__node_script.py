# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The script of nodes in every shell that is here: all bytes get through, and half a request does nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._node_script import SCRIPT, answered, request, written

ALL_BYTES = bytes(range(256))
SHELLS = [words for words in (["dash"], ["bash", "--posix"], ["busybox", "sh"]) if shutil.which(words[0])]


def ask(shell: list[str], lines: bytes) -> str:
    return subprocess.run(
        [*shell, "-c", SCRIPT, "token"], input=lines, stdout=subprocess.PIPE, check=True
    ).stdout.decode()


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_all_bytes_get_through(shell: list[str], tmp_path: Path) -> None:
    contents = {"all": ALL_BYTES, "digits": b"\0" + b"123\n\n", "escapes": rb"\n \0101 \c %s $(id) `id` ", "empty": b""}
    stage = f"{tmp_path}/a stage"
    words = ["stage", stage]
    for name, content in contents.items():
        words += ["write", f"{stage}/{name}", "600" if name == "all" else "644", written(content)]
        words += ["move", f"{stage}/{name}", f"{tmp_path}/$({name}) é\\"]
    assert ask(shell, request(words)) == "\ntoken 0\n"
    for name, content in contents.items():
        made = tmp_path / f"$({name}) é\\"
        assert made.read_bytes() == content
        assert made.stat().st_mode & 0o777 == (0o600 if name == "all" else 0o644)
    assert len(list(tmp_path.iterdir())) == len(contents)


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_half_a_request_does_nothing(shell: list[str], tmp_path: Path) -> None:
    whole = request(["folder", f"{tmp_path}/a", "folder", f"{tmp_path}/b"])
    for cut in range(len(whole)):
        assert ask(shell, whole[:cut]) == ""
        assert list(tmp_path.iterdir()) == []
        if shell[0] != "dash" and cut > 20:
            break
    assert ask(shell, whole * 2) == "\ntoken 0\n" * 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_what_was_asked_in_full_is_done_when_nobody_listens_any_more(shell: list[str], tmp_path: Path) -> None:
    nobody, output = os.pipe()
    os.close(nobody)
    lines = request(["folder", f"{tmp_path}/a"]) + request(["folder", f"{tmp_path}/b"])
    subprocess.run([*shell, "-c", SCRIPT, "token"], input=lines, stdout=output, stderr=subprocess.DEVNULL, check=False)
    os.close(output)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_a_step_that_fails_is_the_last_one(shell: list[str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said = ask(
        shell, request(["stage", f"{tmp_path}/s", "write", f"{tmp_path}/file/x", "644", "x", "folder", f"{tmp_path}/n"])
    )
    assert said.endswith("\ntoken 1\n")
    assert "file/x" in said
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    # and the shell goes on
    lines = (
        request(["folder", f"{tmp_path}/file/x"]) + request(["is_dir", str(tmp_path)]) + request(["is_dir", "/none"])
    )
    assert ask(shell, lines).endswith("\ntoken 1\n\ntoken 0\n\ntoken 1\n")


def test_a_line_break_in_a_name_is_refused() -> None:
    with pytest.raises(ExpectedError, match="line break"):
        request(["move", "a\nb", "c"])


def test_an_answer_is_known_by_its_end() -> None:
    assert answered(bytearray(b"data\ntoken 3\n"), "token") == (9, 3)
    assert answered(bytearray(b"\ntoken 0\n"), "token") == (9, 0)
    for other in (b"", b"data\ntoken 3", b"data token 3\n", b"\ntoken 3\nmore"):
        assert answered(bytearray(other), "token") is None
