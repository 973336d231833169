# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many nodes: one that fails does not keep the others from being done, and the answer names it."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.kubelocal.registry.plugins.module_utils import _containerd_run as module
from ansible_collections.kubelocal.registry.plugins.module_utils._containerd_plan import Wanted
from ansible_collections.kubelocal.registry.plugins.module_utils._hosts_toml import parse
from ansible_collections.kubelocal.registry.plugins.module_utils._node_local import LocalNode
from ansible_collections.kubelocal.registry.plugins.module_utils._node_tree import Entry, NotStarted, Outcome, Plan


class Broken(LocalNode):
    name = "broken"
    tries = 0

    def read(self, path: str) -> dict[str, Entry]:
        raise RuntimeError(f"no {path.rsplit('/', 1)[-1]}")


class Never(LocalNode):
    name = "never"
    tries = 0

    def read(self, _path: str) -> dict[str, Entry]:
        return {}  # not what another node, in the same folder, may have written meanwhile

    def apply(self, plan: Plan) -> Outcome:
        Never.tries += 1
        raise NotStarted(f"{len(plan.writes)} were put back.")


def test_failures_are_named_and_the_rest_is_done(tmp_path: Path) -> None:
    wanted = Wanted(
        registries=parse([{"host": "a"}]), config_file=f"{tmp_path}/c/config.toml", certs_dir=f"{tmp_path}/c/certs.d"
    )
    results = module.run([Broken(), Never(), LocalNode()], wanted, "containerd", False)
    answer = module.answer(results, True)
    assert answer["failed"]
    assert answer["msg"] == (
        "2 of 3 nodes failed, the others are done: broken: unexpected: RuntimeError: no c; never: 2 were put back."
    )
    assert answer["changed"]
    assert [name for name, node in answer["nodes"].items() if not node["failed"]] == ["localhost"]
    assert (tmp_path / "c" / "certs.d" / "a" / "hosts.toml").exists()
    assert answer["diff"]
    # what would not help is not tried again
    assert Never.tries == 1
