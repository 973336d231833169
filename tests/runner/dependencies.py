# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sets of versions in tests/dependencies that the collection is tested with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.runner.places import ROOT

FOLDER = ROOT / "tests" / "dependencies"
# names the set that the tests' environment was made of
VARIABLE = "KUBELOCAL_TEST_DEPENDENCIES"


@dataclass(frozen=True)
class Bundled:
    """A collection's version, and the release of the package ``ansible`` that holds it."""

    version: str
    ansible: str


@dataclass(frozen=True)
class Dependencies:
    """One set: Python's minor version, packages, collections."""

    python: str
    packages: dict[str, str]
    collections: dict[str, Bundled]


def path(name: str) -> Path:
    """The file that holds a set."""
    return FOLDER / f"{name}.yml"


def names() -> list[str]:
    """The sets that there are."""
    return sorted(file.stem for file in FOLDER.glob("*.yml"))


def load(name: str) -> Dependencies:
    """A set by its name, ``lowest`` or ``newest``."""
    told = yaml.safe_load(path(name).read_text())
    return Dependencies(
        python=told["python"],
        packages=told["packages"],
        collections={collection: Bundled(**bundled) for collection, bundled in told["collections"].items()},
    )
