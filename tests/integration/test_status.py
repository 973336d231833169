# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the playbook status sees of a registry that not everybody may look into."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.certificates import Authority
from tests.support.modules import run_module
from tests.support.names import Names
from tests.support.playbooks import run_playbook
from tests.support.testbed import Testbed

USERS = {"dev": "hush-hush-1234"}


@pytest.mark.parametrize("secured", [False, True], ids=["users", "users and https"])
def test_it_looks_as_the_declared_user(
    testbed: Testbed, names: Names, free_port: Callable[[], int], tmp_path: Path, secured: bool
) -> None:
    name, port, file = names("r"), free_port(), tmp_path / "status.json"
    declared: dict[str, Any] = {"name": name, "port": port, "image": testbed.registry_image, "users": USERS}
    told: dict[str, Any] = {"registry_users": USERS}
    if secured:
        authority = Authority()
        certificate, key = authority.issue(name, "localhost")
        declared["https"] = told["registry_https"] = {"certificate": certificate, "key": key}
        told["connect_registry_ca"] = authority.certificate
    run_module("registry_container", more=declared)
    variables = {"registry_name": name, "registry_port": port, "cluster_name": names("c"), "status_file": str(file)}

    def links(more: dict[str, Any]) -> dict[str, bool | None]:
        # there is no cluster, so that something is always wrong
        result = run_playbook("kubelocal.registry.status", {**variables, **more}, fails=True)
        assert USERS["dev"] not in result.stdout + result.stderr
        return {link["link"]: link["ok"] for link in json.loads(file.read_text())["links"]}

    assert links({})["images"] is not True
    seen = links(told)
    assert (seen["/v2/"], seen["images"]) == (True, True)
