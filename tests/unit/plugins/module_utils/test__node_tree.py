# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A view reads each folder once, and only when it is asked for."""

from __future__ import annotations

from ansible_collections.kubelocal.registry.plugins.module_utils._node_tree import Entry, Outcome, Plan, Restart, View


class Node:
    name, running, born = "n", True, 0.0

    def __init__(self) -> None:
        self.asked: list[str] = []

    def read(self, path: str) -> dict[str, Entry]:
        self.asked.append(path)
        folder = {path: Entry("dir"), f"{path}/b": Entry("dir")}
        return {**folder, f"{path}/b/x.toml": Entry("file", b"1"), f"{path}/a": Entry("file")}

    def is_dir(self, path: str) -> bool:
        self.asked.append("? " + path)
        return True

    def owed(self, restart: Restart) -> bool:
        raise AssertionError(restart)

    def apply(self, plan: Plan) -> Outcome:
        raise AssertionError(plan)


def test_one_read() -> None:
    node = Node()
    view = View(node)
    view.load("/etc/c")
    assert view.names("/etc/c") == ["a", "b"]
    assert view.is_dir("/etc/c/b")
    assert not view.is_dir("/etc/c/a")
    assert view.get("/etc/c/none") is None
    assert view.texts() == {"/etc/c/b/x.toml": "1"}
    assert node.asked == ["/etc/c"]
    # a name that only begins alike is another folder, and is asked about without being read
    assert view.is_dir("/etc/cc")
    assert node.asked == ["/etc/c", "? /etc/cc"]
