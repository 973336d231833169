#!/usr/bin/python
# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: image_preload
version_added: 0.1.0
short_description: Have images in pull-through caches and on nodes before they are needed
description:
  - Has the caches of M(kubelocal.registry.registry_mirrors) pull all of each image for one platform, and nodes pull it through them as their kubelet would.
  - Images that are already there are not pulled again. By tag, a cache asks its upstream whether the tag has moved.
  - An image that is not made for the platform is told, with the platforms that it is made for.
author: kubelocal contributors (@kubelocal)
extends_documentation_fragment:
  - kubelocal.registry.docker
  - kubelocal.registry.attributes
  - kubelocal.registry.attributes.full
  - kubelocal.registry.attributes.docker_group
attributes:
  check_mode:
    support: full
    details: What a cache has is read from its disk, so a tag that has moved upstream is not seen in check mode.
options:
  images:
    description:
      - References of images, as in V(nginx:1.29) or V(ghcr.io/team/app@sha256:...).
    type: list
    elements: str
    required: true
  caches:
    description:
      - Load each image into the cache of its host. An image whose host has no cache (and none for V(_default)) goes to the nodes only, and
        is not loaded when there are none in O(nodes).
    type: bool
    default: true
  nodes:
    description:
      - Names of node containers that should have the images. They need containerd, as the nodes of kind and k3d do.
    type: list
    elements: str
    default: []
  platform:
    description:
      - Platform of the images as in V(linux/arm64). By default it is the Docker Engine's own.
    type: str
  certs_dir:
    description:
      - The nodes' folder of hosts.toml trees, for nodes without C(crictl).
    type: path
    default: /etc/containerd/certs.d
  timeout:
    description:
      - Seconds that each request to a cache may take.
    type: int
    default: 600
  strict:
    description:
      - Whether the task fails when an image could not be loaded. Otherwise it warns. All others are loaded either way.
    type: bool
    default: true
seealso:
  - module: kubelocal.registry.registry_mirrors
"""

EXAMPLES = r"""
- name: Have the images of the demo in the caches
  kubelocal.registry.image_preload:
    images:
      - nginx:1.29
      - ghcr.io/team/app:2

- name: Have them on a node as well
  kubelocal.registry.image_preload:
    images: ["nginx:1.29"]
    nodes: [dev-worker]
"""

RETURN = r"""
actions:
  description: What was done, or in check mode would be done, one sentence each.
  returned: always
  type: list
  elements: str
  sample: ["Loaded docker.io/library/nginx:1.29 into the cache mirror-docker-io."]
platform:
  description: The platform that was loaded.
  returned: success
  type: str
  sample: linux/amd64
loaded:
  description: How many images were loaded somewhere by this call.
  returned: always
  type: int
  sample: 1
present:
  description: How many were everywhere already.
  returned: always
  type: int
  sample: 3
not_loaded:
  description: How many could not be loaded somewhere.
  returned: always
  type: int
  sample: 0
images:
  description: What happened to each image, in the order given.
  returned: always
  type: list
  elements: dict
  contains:
    image:
      description: The whole reference.
      type: str
      returned: always
      sample: docker.io/library/nginx:1.29
    digest:
      description: Digest that the cache gave. Empty when it was not asked.
      type: str
      returned: always
      sample: sha256:9d6b58feebd2dbd3c56ab5853333d627cc6e281011cfd6050fa4bcf2072c9496
    cache:
      description: V(loaded), V(present) or V(failed). V(null) when there is no cache for its host.
      type: str
      returned: always
      sample: loaded
    cache_name:
      description: Name of the cache's container.
      type: str
      returned: always
      sample: mirror-docker-io
    nodes:
      description: V(loaded), V(present) or V(failed) by node.
      type: dict
      returned: always
      sample: {"dev-worker": "present"}
    failed:
      description: Whether it is missing somewhere.
      type: bool
      returned: always
      sample: false
    message:
      description: Why it is missing. Empty otherwise.
      type: str
      returned: always
      sample: ""
"""

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.kubelocal.registry.plugins.module_utils import _docker, _options, _preload, _preload_run
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "images": {"type": "list", "elements": "str", "required": True},
            "caches": {"type": "bool", "default": True},
            "nodes": {"type": "list", "elements": "str", "default": []},
            "platform": {"type": "str"},
            "certs_dir": {"type": "path", "default": "/etc/containerd/certs.d"},
            "timeout": {"type": "int", "default": 600},
            "strict": {"type": "bool", "default": True},
            **_docker.DOCKER_OPTIONS,
        },
        supports_check_mode=True,
    )
    _options.check(module, {"platform": "platform", "certs_dir": "path", "nodes": "container", "timeout": "timeout"})
    if _docker.DOCKER_IMPORT_ERROR is not None:
        module.fail_json(msg=missing_required_lib("docker"), exception=_docker.DOCKER_IMPORT_ERROR)
    options = module.params
    try:
        refs = _preload.references(options["images"])
        # a node's pull is one answer of the Engine: it may take as long as a request to a cache
        client = _docker.connect(options["docker_host"], max(options["docker_timeout"], options["timeout"]))
        platform = _preload.platform_of(client, options["platform"])
        outcomes = _preload.preload(
            refs,
            _preload_run.caches(client) if options["caches"] else {},
            _preload_run.nodes(client, options["nodes"]),
            platform,
            options["certs_dir"],
            options["timeout"],
            module.check_mode,
        )
    except ExpectedError as error:
        module.fail_json(msg=str(error), actions=error.actions)
    failed = [outcome for outcome in outcomes if outcome.failed]
    actions = _preload_run.actions(outcomes)
    result = {
        "changed": bool(actions),
        "actions": actions,
        "platform": platform,
        "images": [outcome.as_result() for outcome in outcomes],
        "loaded": sum(outcome.loaded and not outcome.failed for outcome in outcomes),
        "present": sum(not outcome.loaded and not outcome.failed for outcome in outcomes),
        "not_loaded": len(failed),
    }
    if module._diff:
        result["diff"] = _preload_run.diff(outcomes)
    if failed and options["strict"]:
        module.fail_json(msg=_preload.summary(outcomes), **result)
    if failed:
        module.warn(_preload.summary(outcomes))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
