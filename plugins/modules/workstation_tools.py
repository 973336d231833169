# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: workstation_tools
short_description: Have kind, kubectl and k3d in a folder at declared versions
version_added: 0.1.0
author: "kubelocal contributors (@kubelocal)"
description:
  - Installs command line tools from a URL whose SHA-256 is verified, from a file, or (kind) by Go. All tools in one call.
  - A tool that is found at its declared version, in O(bin_dir) or anywhere on E(PATH), is left alone.
  - What is installed runs once, to tell its version, before it takes the place of an older one. A file that does not run, or is
    another version than declared, is not installed.
  - What this module installed is remembered in C(.kubelocal.registry.json) in O(bin_dir), and only that is ever removed or, unless
    O(on_difference=replace), replaced.
options:
  state:
    description:
      - V(present) has the tools as declared.
      - V(absent) removes those that this module installed and that nobody changed since.
    type: str
    choices:
      - present
      - absent
    default: present
  bin_dir:
    description:
      - Folder for the tools; made when it is not there.
      - By default C(/usr/local/bin) where the user who runs the module can write there, else C(~/.local/bin).
    type: path
  on_difference:
    description:
      - What to do about a tool of another version that this module did not install.
      - V(warn) uses it and warns, V(fail) fails before anything is installed, V(replace) installs the declared one in O(bin_dir).
    type: str
    choices:
      - warn
      - fail
      - replace
    default: warn
  tools:
    description:
      - The tools.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - Which tool.
        type: str
        choices:
          - kind
          - kubectl
          - k3d
        required: true
      source:
        description:
          - Where it comes from. V(url) downloads O(tools[].url), V(path) copies O(tools[].path), V(go) builds O(tools[].version) of kind with
            C(go install).
        type: str
        choices:
          - url
          - path
          - go
        default: url
      version:
        description:
          - The version, such as V(v0.33.0). Empty takes any version that is there.
          - Not looked at with O(tools[].source=path). There the file is what is declared.
        type: str
        default: ""
      url:
        description:
          - The program's address. C({version}), C({os}) and C({arch}) in it are filled in, as in V(v0.33.0), V(linux) and V(amd64).
        type: str
        default: ""
      checksum:
        description:
          - The program's SHA-256, as 64 hexadecimal digits (C(sha256:) before them may stand), or the C(https://) address of a file that has it, with
            the same words filled in as in O(tools[].url).
          - Required with O(tools[].source=url).
        type: str
        default: ""
      path:
        description:
          - The program's file on the machine where the module runs. Required with O(tools[].source=path).
        type: path
        default: ""
extends_documentation_fragment:
  - kubelocal.registry.attributes
  - kubelocal.registry.attributes.full
"""

EXAMPLES = r"""
- name: Have kind as its publisher released it
  kubelocal.registry.workstation_tools:
    bin_dir: ~/.local/bin
    tools:
      - name: kind
        version: v0.33.0
        url: https://github.com/kubernetes-sigs/kind/releases/download/{version}/kind-{os}-{arch}
        checksum: https://github.com/kubernetes-sigs/kind/releases/download/{version}/kind-{os}-{arch}.sha256sum

- name: Have the kubectl that lies on a share
  kubelocal.registry.workstation_tools:
    tools:
      - name: kubectl
        source: path
        path: /mnt/tools/kubectl
"""

RETURN = r"""
actions:
  description: What was done, or in check mode would be, one sentence each.
  returned: always
  type: list
  elements: str
  sample: ["installed kind v0.33.0 at /usr/local/bin/kind from /mnt/tools/kind"]
bin_dir:
  description: The folder for the tools.
  returned: success
  type: str
  sample: /usr/local/bin
tools:
  description: Each tool by name, with the C(path) and C(version) that are used now.
  returned: success and O(state=present)
  type: dict
  sample: {"kind": {"path": "/usr/local/bin/kind", "version": "v0.33.0"}}
"""

from typing import IO, cast

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.urls import open_url

from ansible_collections.kubelocal.registry.plugins.module_utils import _options, _tools, _workstation
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError


def open_address(url: str) -> IO[bytes]:
    """What lies at the URL, to be read."""
    return cast("IO[bytes]", open_url(url, timeout=60, http_agent="kubelocal.registry"))


def main() -> None:
    text = {"type": "str", "default": ""}
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "bin_dir": {"type": "path"},
            "on_difference": {"type": "str", "choices": ["warn", "fail", "replace"], "default": "warn"},
            "tools": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "name": {"type": "str", "choices": ["kind", "kubectl", "k3d"], "required": True},
                    "source": {"type": "str", "choices": ["url", "path", "go"], "default": "url"},
                    "version": text,
                    "url": text,
                    "checksum": text,
                    "path": {"type": "path", "default": ""},
                },
            },
        },
        supports_check_mode=True,
    )
    _options.check(
        module,
        {
            "bin_dir": "path",
            "tools.version": "version",
            "tools.url": "url",
            "tools.checksum": "checksum",
            "tools.path": "path",
        },
    )
    options = module.params
    folder = _workstation.bin_dir(options["bin_dir"])
    box = _tools.Toolbox(
        folder, _workstation.system(), open_address, module.check_mode, on_difference=options["on_difference"]
    )
    try:
        if options["state"] == "present":
            result = box.present([_tools.Spec(**tool) for tool in options["tools"]])
        else:
            result = box.absent([tool["name"] for tool in options["tools"]])
    except ExpectedError as error:
        module.fail_json(msg=str(error), changed=bool(error.actions), actions=error.actions)
    except OSError as error:
        module.fail_json(
            msg=f"{folder} can't be written: {error}; set workstation_bin_dir to a folder that can, or run as root.",
            changed=bool(box.result.actions),
            actions=box.result.actions,
        )
    for warning in result.warnings:
        module.warn(warning)
    answer = {"changed": bool(result.actions), "actions": result.actions, "bin_dir": str(folder), "tools": result.tools}
    if module._diff:
        answer["diff"] = {"before": result.before, "after": result.after}
    module.exit_json(**answer)


if __name__ == "__main__":
    main()
