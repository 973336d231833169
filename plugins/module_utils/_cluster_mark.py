# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: the mark in a cluster that its creation was completed, with what it was made from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils import _cluster, _docker

try:
    from docker.errors import DockerException
    from requests.exceptions import RequestException
except ImportError:  # told by the module, by way of _docker.DOCKER_IMPORT_ERROR
    pass

if TYPE_CHECKING:
    from ansible_collections.kubelocal.registry.plugins.module_utils._cluster_work import Work


def mark(work: Work, cluster: _cluster.Cluster) -> dict[str, Any] | None:
    """Remember in the cluster that it works and what it was made from; the configuration, None if it is not known."""
    if cluster.mark is not None:
        return _remembered(cluster.mark)
    record = work.creation.record()
    if record is None or not record.configuration or created_before(cluster, record.started):
        return None
    if work.check:
        return record.configuration
    content = json.dumps({"complete": True, "configuration": work.tool.to_remember(record.configuration)}, indent=1)
    file = _docker.File(content.encode(), 0o600)
    try:
        for node in cluster.control_planes:
            _docker.put_files(node.container, _cluster.MARK_FOLDERS[work.tool.NAME], {_cluster.MARK_NAME: file})
    except (DockerException, RequestException, OSError) as error:
        raise _docker.EngineError(
            f"the {work.what} can't be marked as complete: {_docker.explain(error)}; run this again."
        ) from error
    work.creation.close_record()
    if not work.actions:
        work.act(f"Complete the {work.what}, whose creation an earlier run began.")
    return record.configuration


def _remembered(text: bytes) -> dict[str, Any] | None:
    try:
        content = json.loads(text)
    except ValueError:
        return None
    configuration = content.get("configuration") if isinstance(content, dict) else None
    return configuration if isinstance(configuration, dict) else None


def created_before(cluster: _cluster.Cluster, moment: float) -> bool:
    """Whether the cluster is older than the record of a creation, so that the record is of another one of this name."""
    created = [float(node.container.attrs.get("Created") or 0) for node in cluster.control_planes]
    # clocks of a remote Engine may differ a little
    return min(created, default=0) < moment - 60
