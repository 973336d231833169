# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: a cluster of a tool is deleted, with all that the tool leaves behind."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils import _docker, _kubeconfig
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError

try:
    from docker.errors import APIError, DockerException
    from docker.errors import NotFound as NoSuchContainer
    from requests.exceptions import RequestException
except ImportError:  # told by the module, by way of _docker.DOCKER_IMPORT_ERROR
    pass

if TYPE_CHECKING:
    from ansible_collections.kubelocal.registry.plugins.module_utils._cluster_work import Work


def remove(work: Work) -> None:
    """Its containers and its entry in the kubeconfig; what the tool can't do is done without it."""
    paths = _kubeconfig.paths(work.declared.kubeconfig)
    entry = [path for path in paths if _kubeconfig.has(path, work.context)]
    for path in entry:
        work.unlock(path)
    told = ""
    spared = work.tool.spare(work.client)
    try:
        program = work.program()
        for path in entry or paths[-1:]:
            code, output = work.run(work.tool.delete(program, path), path)
            told = "" if code == 0 else work.tool.essence(output)
    except ExpectedError as error:
        told = str(error).rstrip(".")
    finally:
        spared()
    _remove_containers(work)
    entry = [path for path in entry if _kubeconfig.has(path, work.context)]
    if entry:
        raise ExpectedError(
            f"the context {work.context} is still in the kubeconfig {entry[0]}: {told or f'{work.tool.NAME} left it there'}; "
            f"remove it with 'kubectl config delete-context {work.context}'."
        )


def _remove_containers(work: Work) -> None:
    """What the tool left: a node that the Engine was slow to remove, all of them where it can't run."""
    found = work.find()
    left = [node.container for node in [*found.nodes, *found.helpers]]
    if not left:
        return
    try:
        with ThreadPoolExecutor(max_workers=8) as pool:
            list(pool.map(_remove_container, left))
    except (DockerException, RequestException, OSError) as error:
        raise _docker.EngineError(
            f"a node of the {work.what} can't be removed: {_docker.explain(error)}; "
            "check that the Docker Engine is healthy, and run this again."
        ) from error


def _remove_container(container: Any) -> None:
    try:
        container.remove(force=True, v=True)
    except NoSuchContainer:
        pass
    except APIError as error:
        if "already in progress" not in str(error):
            raise
