# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of the tests, in the two lanes in which they run side by side."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.runner.part import Part
from tests.runner.places import CACHE, OUTPUT, ROOT

_PYTHON = sys.executable
_TESTBED = CACHE / "testbed.yml"
# what is in no package registry, so that a scenario is skipped where nobody put it on PATH
_PROGRAMS = {"k3d": ("k3d",)}
_ENGINE = "tests/faults/test_engine.py"


def lanes(long: bool, cluster: str) -> list[list[Part]]:
    """Two cores, two lanes: what needs no Engine runs beside what prepares it. ``cluster`` is the shared one's name."""
    machine = Part("machine", _machine(cluster), 30)
    kubeconfig = str(OUTPUT / "kubeconfig")
    shared = {"KUBELOCAL_TEST_CLUSTER": cluster, "KUBELOCAL_TEST_KUBECONFIG": kubeconfig}
    first = [
        machine,
        _pytest("integration", long, 90 if long else 50, shared),
        _pytest("commands", long, 20, {}),
    ]
    second = [
        Part("lint", [[_PYTHON, "-m", "tests.checks", "--jobs", "1"]], 25),
        _pytest("unit", long, 15, {}, after=()),
        *_molecule(),
        _pytest("faults", long, 120 if long else 45, {}),
    ]
    if long:
        # it restarts the Engine, so everything else has to be over
        others = tuple(part.name for part in (*first, *second) if part.commands)
        second.append(_engine(others))
    return [[part for part in lane if part.commands] for lane in (first, second)]


def _machine(cluster: str) -> list[list[str]]:
    playbook = str(Path(_PYTHON).with_name("ansible-playbook"))
    prepare = [_PYTHON, str(ROOT / "tests" / "testbed" / "prepare")]
    return [
        [*prepare, "programs"],
        [playbook, "kubelocal.registry.workstation", "-e", f"@{_TESTBED}"],
        [*prepare, "images"],
        [_PYTHON, "-m", "tests.runner.leftovers"],
        [_PYTHON, "-m", "tests.runner.shared_cluster", cluster, str(OUTPUT)],
    ]


def _pytest(
    name: str, long: bool, minutes: float, environment: dict[str, str], after: tuple[str, ...] = ("machine",)
) -> Part:
    folder = ROOT / "tests" / name
    if not any(folder.rglob("test_*.py")):
        return Part(name, [], minutes)
    marks = [] if long else ["-m", "not long"]
    part = Part(name, [], minutes, after, environment, is_pytest=True)
    # lanes run side by side, and each remembers what failed in a folder of its own
    cache = f"cache_dir={OUTPUT / 'cache' / name}"
    pytest = [_PYTHON, "-m", "pytest", "-q", *marks, "-o", cache, f"--ignore={_ENGINE}", f"tests/{name}"]
    part.commands = [[*pytest, "--durations", "15", "--junitxml", str(part.report)]]
    part.again = [*pytest, "--last-failed", "--last-failed-no-failures", "none", "--junitxml", str(part.second_report)]
    return part


def _engine(after: tuple[str, ...]) -> Part:
    report = ["--junitxml", str(OUTPUT / "engine.xml")]
    command = [_PYTHON, "-m", "pytest", "-q", *report, _ENGINE]
    return Part("engine", [command], 15, after, {}, is_pytest=True)


def _molecule() -> list[Part]:
    """One part per scenario. Molecule looks elsewhere for scenarios, so a base configuration is named."""
    base = ROOT / "molecule" / "base.yml"
    tools = Path(_PYTHON).parent
    parts = []
    for file in sorted((ROOT / "molecule").glob("*/molecule.yml")):
        scenario = file.parent.name
        options = ["-c", str(base)] if base.exists() else []
        command = [str(tools / "molecule"), *options, "test", "-s", scenario]
        environment = {
            "PATH": f"{tools}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            # Molecule installs the collection there: not among this user's, where it would hide the checkout
            "ANSIBLE_HOME": str(OUTPUT / "ansible"),
            "ANSIBLE_COLLECTIONS_PATH": str(OUTPUT / "ansible" / "collections"),
        }
        programs = _PROGRAMS.get(scenario, ())
        part = Part(f"molecule-{scenario}", [command], 20, ("machine",), environment, programs=programs, again=command)
        parts.append(part)
    return parts
