# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: which kubeconfig file is meant, as kubectl and kind choose it, and what it says of a context."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ansible.module_utils.basic import missing_required_lib

from ansible_collections.kubelocal.registry.plugins.module_utils import _yaml
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError

try:
    import yaml
except ImportError:
    yaml = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Mapping


def paths(given: str | None, environment: Mapping[str, str] | None = None) -> list[str]:
    """The files that are read: the one given, else those of KUBECONFIG, else ~/.kube/config."""
    environment = os.environ if environment is None else environment
    if given:
        return [os.path.abspath(os.path.expanduser(given))]
    named = list(dict.fromkeys(path for path in environment.get("KUBECONFIG", "").split(os.pathsep) if path))
    return [os.path.abspath(path) for path in named] or [os.path.join(os.path.expanduser("~"), ".kube", "config")]


def file_to_write(given: str | None, environment: Mapping[str, str] | None = None) -> str:
    """The file that kind and kubectl write a new context into: the first that exists, else the last."""
    chosen = paths(given, environment)
    return next((path for path in chosen if os.path.isfile(path)), chosen[-1])


def file_for(given: str | os.PathLike[str] | None, context: str, environment: Mapping[str, str] | None = None) -> str:
    """The file that has this context, else the one that it would be written into."""
    given = None if given is None else os.fspath(given)
    chosen = paths(given, environment)
    if len(chosen) > 1:
        for path in chosen:
            if os.path.isfile(path) and _named(load(path), "contexts", context, "context") is not None:
                return path
    return file_to_write(given, environment)


def exists(path: str) -> bool:
    return os.path.isfile(path)


def current_context(path: str) -> str:
    return str(load(path).get("current-context") or "") if exists(path) else ""


def server(path: str, context: str) -> str | None:
    """The API server's URL that a context leads to; None when the file, the context, its cluster or its user is missing."""
    if not exists(path):
        return None
    content = load(path)
    chosen = _named(content, "contexts", context, "context")
    if chosen is None or _named(content, "users", chosen.get("user"), "user") is None:
        return None
    cluster = _named(content, "clusters", chosen.get("cluster"), "cluster") or {}
    return str(cluster["server"]) if cluster.get("server") else None


def has(path: str, name: str) -> bool:
    """Whether anything of this name (a tool's context, cluster or user) is in the file."""
    if not exists(path):
        return False
    content = load(path)
    return any(
        entry.get("name") == name
        for section in ("contexts", "clusters", "users")
        for entry in content.get(section) or []
        if isinstance(entry, dict)
    )


def load(path: str) -> dict[str, Any]:
    """The file's content; ExpectedError when it can't be read or is no kubeconfig."""
    if yaml is None:
        raise ExpectedError(missing_required_lib("PyYAML"))
    try:
        with open(path, encoding="utf-8") as stream:
            content = _yaml.load(stream)
    except (OSError, ValueError, yaml.YAMLError) as error:
        first = str(getattr(error, "strerror", None) or error).splitlines()[0]
        raise ExpectedError(f"the kubeconfig {path} can't be read: {first}; mend or replace that file.") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ExpectedError(f"the kubeconfig {path} is not a kubeconfig; mend or replace that file.")
    return content


def lock_of(path: str) -> str:
    """The file that kind and kubectl create for the moment that they write a kubeconfig."""
    return f"{path}.lock"


def _named(content: Mapping[str, Any], section: str, name: Any, key: str) -> dict[str, Any] | None:
    entries = content.get(section)
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict) and entry.get("name") == name:
            value = entry.get(key)
            return value if isinstance(value, dict) else {}
    return None
