# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation that several modules share: how a cluster that a tool makes of containers is declared."""

from __future__ import annotations


class ModuleDocFragment:
    # A module adds the descriptions of name, config and no_proxy, and the default of executable.
    DOCUMENTATION = r"""
options:
  state:
    description:
      - V(present) creates the cluster when it is not there, starts its stopped nodes and unpauses paused ones, writes its kubeconfig entry
        when that is missing or wrong, and waits until it works.
      - V(absent) deletes it and its kubeconfig entry.
    type: str
    choices:
      - present
      - absent
    default: present
  name:
    type: str
    required: true
  config:
    type: dict
    default: {}
  kubeconfig:
    description:
      - Path of the kubeconfig file that the cluster's context is written into.
      - If not set, E(KUBECONFIG) tells, else it is C(~/.kube/config), as for kubectl.
    type: path
  on_difference:
    description:
      - What to do when an existing cluster differs from the declaration in its number of nodes, their images, or in the rest of the
        configuration that it was created from, such as ports and mounts.
    type: str
    choices:
      - warn
      - fail
    default: warn
  wait:
    description:
      - Whether to wait until the cluster works. With V(false) a creation is only begun, and another call of this module waits for it.
    type: bool
    default: true
  wait_timeout:
    description:
      - Seconds to wait for the cluster to be created, and again for it to work.
    type: int
    default: 600
  progress_interval:
    description:
      - Return with RV(pending=true) after so many seconds of waiting for a creation. V(0) waits without a word.
      - In a play this is taken care of, and progress is shown every 10 seconds unless another number is set.
    type: int
    default: 0
  no_proxy:
    type: list
    elements: str
    default: []
  executable:
    description:
      - Name or path of the tool's program. It is only needed when something has to be done.
    type: path
requirements:
  - PyYAML
"""
