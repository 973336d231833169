# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The environment that runs the tests holds just the versions that its set names."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.runner import dependencies
from tests.support.playbooks import playbook_environment, run_playbook

SET = os.environ.get(dependencies.VARIABLE)
pytestmark = pytest.mark.skipif(
    SET is None, reason=f"{dependencies.VARIABLE} is not set, as in the parts lowest and newest"
)


@pytest.fixture(scope="module")
def wanted() -> dependencies.Dependencies:
    """The set that the environment was made of."""
    assert SET is not None
    return dependencies.load(SET)


def test_python(wanted: dependencies.Dependencies) -> None:
    assert "{}.{}".format(*sys.version_info[:2]) == wanted.python


def test_packages(wanted: dependencies.Dependencies) -> None:
    assert {name: importlib.metadata.version(name) for name in wanted.packages} == wanted.packages


def test_ansible_finds_these_collections_and_no_others_of_their_names(
    wanted: dependencies.Dependencies, tmp_path: Path
) -> None:
    galaxy = Path(sys.executable).with_name("ansible-galaxy")
    listed = subprocess.run(
        [str(galaxy), "collection", "list", "--format", "json"],
        env=playbook_environment(tmp_path, {}),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    folders = json.loads(listed.stdout)
    for name, bundled in wanted.collections.items():
        found = [collections[name]["version"] for collections in folders.values() if name in collections]
        assert found == [bundled.version], name


def test_a_play_and_its_modules_have_them_too(wanted: dependencies.Dependencies, tmp_path: Path) -> None:
    play = tmp_path / "play.yml"
    packages = ", ".join(f"'{name}'" for name in wanted.packages)
    code = f"import importlib.metadata as m, json; print(json.dumps([[n, m.version(n)] for n in [{packages}]]))"
    task = {"ansible.builtin.command": {"argv": ["{{ ansible_playbook_python }}", "-c", code]}, "register": "told"}
    show = {"ansible.builtin.debug": {"msg": "core {{ ansible_version.full }} {{ told.stdout }}"}}
    play.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": [task, show]}]))
    output = run_playbook(play).stdout.replace("\\", "")
    assert f"core {wanted.packages['ansible-core']} " in output
    for name, version in wanted.packages.items():
        assert f'["{name}", "{version}"]' in output
