# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the status says beside the facts."""

from __future__ import annotations

from ansible_collections.kubelocal.registry.plugins.module_utils import _status


def test_the_command_that_mends_repeats_what_is_not_the_default() -> None:
    options = {"provider": "kind", "name": "a b", "registry_port": 6001, "registry_name": "local-registry"}
    assert (
        _status.up_command(options)
        == "ansible-playbook kubelocal.registry.up -e 'cluster_name=a b' -e registry_port=6001"
    )
    assert (
        _status.up_command({"provider": "kind", "name": "dev", "registry_port": None})
        == "ansible-playbook kubelocal.registry.up"
    )


def test_ok_means_that_no_link_is_broken() -> None:
    status = _status.Status()
    status.add("one", True, "fine.", "never shown")
    status.add("two", None, "not looked at")
    assert status.ok
    assert status.links[0] == _status.Link("one", True, "fine", "")
    status.add("three", False, "gone", "up")
    assert not status.ok
    assert status.as_result()["links"][2]["mend"] == "up"
