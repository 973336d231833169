#!/usr/bin/python
# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: containerd_no_proxy
short_description: Let containerd ask a registry directly where it has a proxy
version_added: 0.1.0
author: "kubelocal contributors (@kubelocal)"
description:
  - On the machine that it runs on, looks whether the systemd service of containerd has a proxy. If so, and O(names) are not excepted from
    it yet, writes a drop-in that does, and restarts the service. Pods keep running.
  - Without a proxy it does nothing, and takes away a drop-in that it wrote earlier.
options:
  names:
    description: Host names and addresses, without ports, that are asked directly. Empty takes away what was written.
    type: list
    elements: str
    default: []
  service:
    description: Name of containerd's systemd service.
    type: str
    default: containerd
extends_documentation_fragment:
  - kubelocal.registry.attributes
  - kubelocal.registry.attributes.full
"""

EXAMPLES = r"""
- name: Ask the team's registry directly
  kubelocal.registry.containerd_no_proxy:
    names: [registry.example.org]
  become: true
"""

RETURN = r"""
actions:
  description: What was done, one sentence each. In check mode, what would be done.
  returned: always
  type: list
  elements: str
  sample: ["Excepted registry.example.org from the proxy of containerd, and restarted it."]
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.kubelocal.registry.plugins.module_utils import _machine_proxy, _options
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "names": {"type": "list", "elements": "str", "default": []},
            "service": {"type": "str", "default": "containerd"},
        },
        supports_check_mode=True,
    )
    _options.check(module, {"names": "text", "service": "service"})
    try:
        result = _machine_proxy.ensure(module.params["service"], module.params["names"], module.check_mode)
    except ExpectedError as error:
        module.fail_json(msg=str(error), actions=error.actions)
    answer: dict[str, Any] = {"changed": result.changed, "actions": result.actions}
    if module._diff:
        answer["diff"] = {"before": result.before, "after": result.after}
    module.exit_json(**answer)


if __name__ == "__main__":
    main()
