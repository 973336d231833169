# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of the tests, in the two lanes in which they run side by side."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.runner import dependencies, environment, pythons
from tests.runner.part import Part
from tests.runner.places import CACHE, OUTPUT, ROOT

_PYTHON = sys.executable
_TESTBED = CACHE / "testbed.yml"
# what is in no package registry, so that a scenario is skipped where nobody put it on PATH
_PROGRAMS = {"k3d": ("k3d",)}
_ENGINE = "tests/faults/test_engine.py"
# what runs with the lowest and the newest versions too: what drives Docker, Kubernetes and other collections, and logic
_DEPENDENT = [
    "tests/dependencies",
    "tests/unit/plugins",
    *(
        f"tests/integration/test_{name}.py"
        for name in (
            "artifact",
            "cluster_info",
            "containerd_hosts",
            "kind_cluster",
            "playbooks",
            "registry_connection",
            "registry_container",
            "registry_discovery",
            "role_connect",
            "role_registry",
        )
    ),
    "tests/integration/test_registry_mirrors.py::test_credentials",
    "tests/integration/test_role_remote.py::test_a_node_and_a_client_get_what_they_need",
]


def lanes(long: bool, cluster: str) -> list[list[Part]]:
    """Two cores, two lanes: what needs no Engine runs beside what prepares it. ``cluster`` is the shared one's name."""
    machine = Part("machine", _machine(cluster), 30)
    kubeconfig = str(OUTPUT / "kubeconfig")
    shared = {"KUBELOCAL_TEST_CLUSTER": cluster, "KUBELOCAL_TEST_KUBECONFIG": kubeconfig}
    scenarios = _molecule()
    first = [
        machine,
        _pytest("integration", long, 120 if long else 65, shared),
        _pytest("commands", long, 20, {}),
        # the longest of them, so that both lanes end at about the same time
        *(part for part in scenarios if part.name == "molecule-remote"),
    ]
    second = [
        Part("lint", [[_PYTHON, "-m", "tests.checks", "--jobs", "1"]], 25),
        _pytest("unit", long, 15, {}, after=()),
        *(part for part in scenarios if part.name != "molecule-remote"),
        _pytest("faults", long, 120 if long else 45, {}),
    ]
    if long:
        first += [_with(name, shared) for name in ("lowest", "newest")]
        second.append(_engine())
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


def _with(name: str, shared: dict[str, str]) -> Part:
    """A part in an environment of just the versions of a set; skipped where the Python that it wants is not there."""
    wanted = dependencies.load(name).python
    needed = (pythons.find(wanted) or f"python{wanted}",)
    part = Part(name, [], 40, ("machine",), {**shared, dependencies.VARIABLE: name}, is_pytest=True, programs=needed)
    pytest = [str(environment.python_of(name)), "-m", "pytest", "-q", "-o", f"cache_dir={OUTPUT / 'cache' / name}"]
    part.commands = [
        [_PYTHON, "-m", "tests.runner.environment", name],
        [*pytest, "-m", "not long", "--durations", "15", "--junitxml", str(part.report), *_DEPENDENT],
    ]
    again = ["--last-failed", "--last-failed-no-failures", "none", "--junitxml", str(part.second_report)]
    part.again = [*pytest, *again, *_DEPENDENT]
    return part


def _engine() -> Part:
    """It restarts the Engine, so everything else has to be over."""
    part = Part("engine", [], 15, ("machine",), is_pytest=True, alone=True)
    part.commands = [[_PYTHON, "-m", "pytest", "-q", "--junitxml", str(part.report), _ENGINE]]
    return part


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
