# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What k3d says, taken out of its log."""

from __future__ import annotations

from ansible_collections.kubelocal.registry.plugins.module_utils._k3d_log import essence, step

# as k3d 5.9 prints it with LOG_COLORS=false
LOG = """time="2026-11-20T10:00:00Z" level=info msg="Prep: Network"
time="2026-11-20T10:00:00Z" level=info msg="Created network 'k3d-dev'"
time="2026-11-20T10:00:01Z" level=info msg=Starting
time="10:00:02Z" level=error msg="failed to start node 'k3d-dev-server-0': Bind failed: \\"port\\" is allocated."
time="2026-11-20T10:00:02Z" level=error msg="Failed to create cluster >>> Rolling Back"
time="2026-11-20T10:00:03Z" level=fatal msg="Cluster creation FAILED, all changes have been rolled back!"
"""
WRONG = (
    'time="10:00:00Z" level=fatal msg="Schema Validation failed for config file /tmp/k3d-x.yaml: '
    '- (root): Additional property foo is not allowed\\n- options.k3d: Additional property bar is not allowed\\n"\n'
)


def test_tells_why_it_failed_and_not_only_that() -> None:
    assert essence(LOG).startswith("failed to start node 'k3d-dev-server-0'")
    assert essence("no such command\n") == "no such command"
    assert essence("") == "it printed nothing"


def test_tells_what_is_wrong_with_a_configuration() -> None:
    assert essence(WRONG) == (
        "(root): Additional property foo is not allowed; options.k3d: Additional property bar is not allowed"
    )


def test_tells_the_step() -> None:
    assert step("\n".join(LOG.splitlines()[:3])) == "Starting"
    assert step("") == ""
