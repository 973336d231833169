# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs playbooks as a person does, and reads what they printed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.testbed import ROOT

_RECAP = re.compile(r"^(\S+)\s+: ((?:\w+=\d+\s*)+)$", re.MULTILINE)
_FAILED = re.compile(r"^(?:fatal|failed): \[[^\]]+\].*?=> (?=\{)", re.MULTILINE)
_ERROR = re.compile(r"^\[?ERROR\]?[:!] *(.*)", re.MULTILINE)


@dataclass(frozen=True)
class PlaybookResult:
    """What ansible-playbook answered."""

    rc: int
    stdout: str
    stderr: str

    @property
    def recap(self) -> dict[str, dict[str, int]]:
        """Counts by host: ``recap["localhost"]["changed"]``."""
        return {
            host: {name: int(count) for name, count in (pair.split("=") for pair in counts.split())}
            for host, counts in _RECAP.findall(self.stdout.partition("PLAY RECAP")[2])
        }

    @property
    def changed(self) -> dict[str, int]:
        """How many tasks changed something, by host."""
        return {host: counts["changed"] for host, counts in self.recap.items()}

    @property
    def failed_message(self) -> str:
        """The message of the last task that failed (ignored failures don't count), else Ansible's own last error."""
        messages = list(_messages(self.stdout))
        if messages:
            return messages[-1]
        errors = _ERROR.findall(self.stdout + "\n" + self.stderr)
        return str(errors[-1]).strip() if errors else ""


def run_playbook(
    playbook: str | Path,
    variables: dict[str, Any] | None = None,
    *arguments: str,
    check: bool = False,
    fails: bool | None = False,
    environment: dict[str, str] | None = None,
    home: Path | None = None,
    timeout: float = 600,
) -> PlaybookResult:
    """Run a playbook (a path, below the repository if relative, or a FQCN) on the implicit localhost.

    An AssertionError with the output unless it fails exactly when ``fails`` says so (None: either is fine).
    ``home`` is the HOME it gets; KUBECONFIG is then only what ``environment`` says.
    """
    with tempfile.TemporaryDirectory(prefix="kltest-") as folder:
        command = playbook_command(playbook, variables or {}, Path(folder))
        command += ["--check"] if check else []
        process = subprocess.run(
            [*command, *arguments],
            cwd=ROOT,
            env=playbook_environment(Path(folder), environment or {}, home),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    result = PlaybookResult(process.returncode, process.stdout, process.stderr)
    assert fails is None or (result.rc != 0) == fails, f"{' '.join(command)}\n{result.stdout}\n{result.stderr}"
    return result


def playbook_command(playbook: str | Path, variables: dict[str, Any], folder: Path) -> list[str]:
    """The command line; the variables go through a file in ``folder``."""
    name = str(playbook)
    if "/" in name or name.endswith((".yml", ".yaml")):
        name = str(ROOT / name)
    file = folder / "variables.json"
    file.write_text(json.dumps(variables))
    # ansible-playbook of the environment that runs the tests, whatever PATH says
    return [str(Path(sys.executable).with_name("ansible-playbook")), name, "-e", f"@{file}"]


def playbook_environment(folder: Path, environment: dict[str, str], home: Path | None = None) -> dict[str, str]:
    """This process's environment without Ansible's settings of whoever runs the tests."""
    result = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    if home is not None:
        result.pop("KUBECONFIG", None)
        result["HOME"] = str(home)
    configuration = folder / "ansible.cfg"
    configuration.touch()
    result.update(ANSIBLE_CONFIG=str(configuration), ANSIBLE_NOCOLOR="1", ANSIBLE_LOCALHOST_WARNING="false")
    result.update(ANSIBLE_INVENTORY_UNPARSED_WARNING="false", ANSIBLE_DEPRECATION_WARNINGS="true")
    # there is nothing: so that collections are those beside this Python, whatever this user has installed
    result.update(ANSIBLE_COLLECTIONS_PATH=str(folder / "collections"))
    result.update(environment)
    return result


def _messages(output: str) -> Iterator[str]:
    decoder = json.JSONDecoder()
    for match in _FAILED.finditer(output):
        try:
            answer, end = decoder.raw_decode(output, match.end())
        except ValueError:
            continue
        if not output[end:].lstrip("\n").startswith("...ignoring"):
            yield str(answer.get("msg", ""))
