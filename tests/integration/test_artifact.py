# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The artifact of the collection: what is in it, and that it works from another project."""

from __future__ import annotations

import re
import tarfile
from pathlib import Path

import pytest

from tests.checks.common import FQCN, collection_copy, files, run

# The folders and files at the top that a user gets; anything else is the checkout's own.
TOP = re.compile(
    r"(plugins|roles|playbooks|meta|docs|changelogs|LICENSES)(/|$)"
    r"|(README|CHANGELOG|CONTRIBUTING)\.md$|COPYING$|REUSE\.toml$|requirements\.txt$|MANIFEST\.json$|FILES\.json$"
    r"|\.(ansible-lint|yamllint)$"
)


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("artifact")
    with collection_copy() as copy:
        code, output = run(
            ["ansible-galaxy", "collection", "build", "--output-path", str(folder)],
            cwd=copy / "ansible_collections" / "kubelocal" / "registry",
        )
    assert code == 0, output
    (built,) = folder.glob("kubelocal-registry-*.tar.gz")
    return built


def test_content_and_size(artifact: Path) -> None:
    assert artifact.stat().st_size < 2_000_000
    with tarfile.open(artifact) as tar:
        packed = {member.name for member in tar if not member.isdir()}
    assert [name for name in sorted(packed) if not TOP.match(name)] == []
    assert not [name for name in packed if "__pycache__" in name or name.endswith(".pyc")]
    wanted = {name for name in files() if name.startswith(("plugins/", "roles/", "playbooks/", "meta/"))}
    assert sorted(wanted - packed) == []
    assert {"README.md", "MANIFEST.json", "requirements.txt", "meta/runtime.yml"} <= packed


def test_installs_into_an_empty_place_and_runs_from_another_project(artifact: Path, tmp_path: Path) -> None:
    project, collections, home = tmp_path / "project", tmp_path / "collections", tmp_path / "home"
    project.mkdir()
    home.mkdir()
    (project / "ansible.cfg").touch()
    environment = {
        "HOME": str(home),
        "ANSIBLE_CONFIG": str(project / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(collections),
        # only the installed one is to be found, not the checkout that the environment links to
        "ANSIBLE_COLLECTIONS_SCAN_SYS_PATH": "false",
    }
    install = ["ansible-galaxy", "collection", "install", "--no-deps", "--offline", str(artifact)]
    code, output = run([*install, "-p", str(collections)], cwd=project, environment=environment)
    assert code == 0, output
    (project / "play.yml").write_text(
        "- hosts: localhost\n"
        "  gather_facts: false\n"
        "  tasks:\n"
        f"    - {FQCN}.workstation_info:\n"
        "      register: found\n"
        "    - ansible.builtin.debug:\n"
        "        msg: 'engine {{ found.workstation.engine.reachable }}'\n"
    )
    code, output = run(["ansible-playbook", "-vv", "play.yml"], cwd=project, environment=environment)
    assert code == 0, output
    assert "engine True" in output
    # a playbook by its FQCN, as far as its first look at the variables
    told = ["ansible-playbook", f"{FQCN}.up", "-e", "registry_prot=1"]
    code, output = run(told, cwd=project, environment=environment)
    assert code != 0
    assert "did you mean 'registry_port'" in " ".join(output.split())
