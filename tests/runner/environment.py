# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a virtual environment of just the versions of a set: ``python -m tests.runner.environment NAME``.

Collections are taken out of releases of the package ``ansible``: a package index has no others. What is there is kept.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from tests.runner import dependencies, pythons
from tests.runner.places import ROOT

_FOLDER = ROOT / ".cache"
_COLLECTIONS = "ansible_collections"


def python_of(name: str) -> Path:
    """The environment's Python, whether it was made already or not."""
    return _FOLDER / name / "bin" / "python"


def make(name: str) -> None:
    """Make the environment, unless it is there and was made of the same."""
    _FOLDER.mkdir(exist_ok=True)
    folder = _FOLDER / name
    with (_FOLDER / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = dependencies.load(name)
        base = pythons.find(wanted.python)
        if base is None:
            sys.exit(f"the environment '{name}' needs Python {wanted.python} with venv and ensurepip; install it.")
        tools = _pinned("pytest")
        made = folder / "made"
        key = _key(base, dependencies.path(name).read_text(), tools, str(ROOT))
        if made.exists() and made.read_text() == key:
            print(f"{folder} is there")
            return
        shutil.rmtree(folder, ignore_errors=True)
        _run(base, "-m", "venv", str(folder))
        python = str(python_of(name))
        packages = [f"{package}=={version}" for package, version in wanted.packages.items()]
        _pip(python, "install", *packages, tools)
        site = Path(_run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
        _add_collections(python, wanted.collections, site)
        ours = site / _COLLECTIONS / "kubelocal"
        ours.mkdir(parents=True)
        (ours / "registry").symlink_to(ROOT)
        made.write_text(key)
        print(f"{folder} was made")


def _pinned(package: str) -> str:
    """The version of a tool that all tests are run with, as pip takes it."""
    match = re.search(rf"^{package}==\S+$", (ROOT / "tests" / "requirements.txt").read_text(), re.MULTILINE)
    assert match, f"tests/requirements.txt does not name {package}"
    return match.group()


def _key(*parts: str) -> str:
    return hashlib.sha256("\0".join((*parts, Path(__file__).read_text())).encode()).hexdigest()


def _run(*command: str) -> str:
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def _pip(python: str, command: str, *arguments: str) -> None:
    _run(python, "-m", "pip", command, "--quiet", "--disable-pip-version-check", *arguments)


def _add_collections(python: str, wanted: dict[str, dependencies.Bundled], site: Path) -> None:
    for release in sorted({bundled.ansible for bundled in wanted.values()}):
        names = [name for name, bundled in wanted.items() if bundled.ansible == release]
        with tempfile.TemporaryDirectory(prefix="kltest-") as folder:
            # whatever Python the release wants: only collections are taken, and they say themselves what they want
            options = ["--no-deps", "--only-binary=:all:", "--ignore-requires-python", "--dest", folder]
            _pip(python, "download", *options, f"ansible=={release}")
            (wheel,) = Path(folder).glob("*.whl")
            with zipfile.ZipFile(wheel) as archive:
                _extract(archive, names, site)


def _extract(archive: zipfile.ZipFile, names: list[str], site: Path) -> None:
    """Take out collections, and those that they depend on where no other release gave them already."""
    for name in names:
        folder = f"{_COLLECTIONS}/{name.replace('.', '/')}/"
        archive.extractall(site, [member for member in archive.namelist() if member.startswith(folder)])
        needed = json.loads(archive.read(f"{folder}MANIFEST.json"))["collection_info"]["dependencies"]
        absent = [other for other in needed if not (site / _COLLECTIONS / other.replace(".", "/")).exists()]
        _extract(archive, absent, site)


if __name__ == "__main__":
    make(sys.argv[1])
