# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: values of modules' options that can't be right, refused before anybody is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils import _formats

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ansible.module_utils.basic import AnsibleModule

# Forms of _formats, by option; those of an option of an option stand behind a dot.
_DOCKER = {"docker_host": "engine", "docker_timeout": "timeout"}
_KUBERNETES = {
    "kubeconfig": "path",
    "context": "context",
    "host": "url",
    "api_key": "secret",
    "username": "text",
    "password": "secret",
    "ca_cert": "path",
    "client_cert": "path",
    "client_key": "path",
    "proxy": "url",
    "no_proxy": "text",
    "proxy_headers.proxy_basic_auth": "secret",
    "proxy_headers.basic_auth": "secret",
    "proxy_headers.user_agent": "secret",
    "impersonate_user": "text",
    "impersonate_groups": "text",
}


def check(module: AnsibleModule, forms: Mapping[str, str] | None = None) -> None:
    """End the module with a sentence about the first value that can't be. What reaches Docker and Kubernetes is known here."""
    spec: Mapping[str, Any] = module.argument_spec
    known = {
        **(_DOCKER if "docker_host" in spec else {}),
        **(_KUBERNETES if "impersonate_user" in spec else {}),
        **(forms or {}),
    }
    for path, form in known.items():
        for name, value, option in _found(module.params, spec, path.split(".")):
            wrong = _wrong(form, value, option)
            if wrong:
                shown = _formats.shown(value, form in ("secret", "key") or bool(option.get("no_log")))
                module.fail_json(msg=f"{name}: {shown} {wrong}", actions=[])


def _wrong(form: str, value: Any, option: Mapping[str, Any]) -> str | None:
    # where it may be left out, nothing is as good as leaving it out
    if value is None or (value == "" and not option.get("required") and not option.get("default")):
        return None
    # a kubeconfig may be given as what it holds
    return None if isinstance(value, dict) else _formats.misfit(form, value)


def _found(
    values: Mapping[str, Any] | None, spec: Mapping[str, Any], path: list[str], before: str = ""
) -> Iterator[tuple[str, Any, Mapping[str, Any]]]:
    """Names, values and specifications of what stands at a path; of a list each item."""
    value, option = (values or {}).get(path[0]), spec[path[0]]
    name = f"{before}{path[0]}"
    items = (
        [(f"{name}[{index}]", item) for index, item in enumerate(value)] if isinstance(value, list) else [(name, value)]
    )
    for where, item in items:
        if path[1:]:
            yield from _found(item, option["options"], path[1:], f"{where}.")
        else:
            yield where, item, option
