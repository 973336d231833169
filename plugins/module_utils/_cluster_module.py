# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: what the modules for clusters of kind and of k3d do alike: from options to an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible.module_utils.basic import missing_required_lib

from ansible_collections.kubelocal.registry.plugins.module_utils import _cluster_declared, _docker
from ansible_collections.kubelocal.registry.plugins.module_utils._cluster_declared import Declared
from ansible_collections.kubelocal.registry.plugins.module_utils._cluster_tool import difference_message
from ansible_collections.kubelocal.registry.plugins.module_utils._cluster_work import Work
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._managed_cluster import ManagedCluster, connect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible.module_utils.basic import AnsibleModule

    from ansible_collections.kubelocal.registry.plugins.module_utils._cluster_tool import Tool


def argument_spec(executable: str, own: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The options of a module; ``own`` are those that only its tool has."""
    return {**_cluster_declared.OPTIONS, "executable": {"type": "path", "default": executable}, **own}


def answer(module: AnsibleModule, tool: type[Tool], own: Mapping[str, Any]) -> None:
    """Have the cluster as declared and end the module; ``tool`` is made with the options that ``own`` names."""
    if _docker.DOCKER_IMPORT_ERROR is not None:
        module.fail_json(msg=missing_required_lib("docker"), exception=_docker.DOCKER_IMPORT_ERROR)
    options = dict(module.params)
    state, timeout = options.pop("state"), options.pop("docker_timeout")
    own_options = {name: options.pop(name) for name in own}
    try:
        declared = Declared(**options)
        declared.check()
        made = tool(declared, **own_options)
        made.wanted()
        client = connect(declared, timeout, module.check_mode)
        result = ManagedCluster(Work(client, made, declared, module.check_mode)).run(state)
    except ExpectedError as error:
        module.fail_json(msg=str(error), changed=bool(error.actions), actions=error.actions)
    if result.differences:
        module.warn(difference_message(made, declared.name, result.differences))
    told = {
        "changed": result.changed,
        "cluster": result.cluster.as_result(),
        "actions": result.actions,
        "differences": result.differences,
        "pending": result.pending,
        "progress": result.progress,
        "log": result.log,
    }
    if module._diff:
        told["diff"] = {"before": result.before, "after": result.after}
    module.exit_json(**told)
