# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: containerd's own configuration, of which only the registry's config_path is ever edited.

Files of version 2, 3 and 4 are known, each imported file by its own version. Comments and everything else stay as they are.
"""

from __future__ import annotations

import fnmatch
import functools
import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils._containerd_toml import (
    Statement,
    TomlError,
    leaves,
    quote,
    statements,
)
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError

if TYPE_CHECKING:
    from collections.abc import Mapping

_OLD = ("plugins", "io.containerd.grpc.v1.cri", "registry")
_NEW = ("plugins", "io.containerd.cri.v1.images", "registry")
_TABLES: dict[int, tuple[str, ...]] = {2: _OLD, 3: _NEW, 4: _NEW}

_FRESH = f"""version = 2

[plugins.{quote(_OLD[1])}.registry]
  config_path = """


@dataclass(frozen=True)
class Setting:
    """What containerd takes as config_path, and the file that says so; ``value`` None when no file does."""

    file: str
    value: str | None


def imports(path: str, text: str) -> list[str]:
    """The patterns of the files that the one at ``path`` imports, absolute."""
    value = _leaves(path, text).get(("imports",)) or []
    patterns = [str(item) for item in value] if isinstance(value, list) else []
    return [posixpath.normpath(posixpath.join(posixpath.dirname(path), pattern)) for pattern in patterns]


def effective(main: str, files: Mapping[str, str]) -> Setting:
    """The setting that counts: imported files win over the main one, later ones over earlier ones.

    ``files`` are the texts by path of everything that may be imported; a file that excludes config_path is an ExpectedError.
    """
    setting = Setting(main, None)
    queue, seen = [main], set()
    version = _version(main, files[main]) if main in files else 2
    while queue:
        path = queue.pop(0)
        if path in seen or path not in files:
            continue
        seen.add(path)
        text = files[path]
        values = _leaves(path, text)
        table = _table(path, text, version)
        _refuse_legacy(path, values, table)
        value = values.get((*table, "config_path"))
        if isinstance(value, str):
            setting = Setting(path, value)
        for pattern in imports(path, text):
            queue += sorted(name for name in files if fnmatch.fnmatchcase(name, pattern))
    return setting


def set_config_path(path: str, text: str, folder: str) -> str:
    """The text with config_path set to ``folder``, and nothing else changed."""
    if not _meaning(text):
        return f"{text.rstrip()}\n\n{_FRESH}{quote(folder)}\n".lstrip()
    table = _table(path, text, None)
    wanted = (*table, "config_path")
    edited = _edit(path, text, table, folder)
    before, after = _leaves(path, text), _leaves(path, edited)
    before[wanted] = folder
    for key in (table, wanted):
        if before.get(key) == {} or after.get(key) == {}:
            before.pop(key, None)
            after.pop(key, None)
    if {key: value for key, value in after.items() if value != {}} != {
        key: value for key, value in before.items() if value != {}
    } or not _valid(edited):
        raise ExpectedError(
            f"{path} is written in a way that can't be edited safely; set config_path = {quote(folder)} in its table "
            f"{_dotted(table)} yourself."
        )
    return edited


def _edit(path: str, text: str, table: tuple[str, ...], folder: str) -> str:
    wanted = (*table, "config_path")
    found = statements(text)
    for statement in found:
        if statement.header:
            continue
        if statement.path == wanted:
            return text[: statement.start] + quote(folder) + text[statement.end :]
        if statement.path == wanted[: len(statement.path)]:
            raise ExpectedError(
                f"{path}: {_dotted(statement.path)} is an inline table; write it as a table [{_dotted(table)}] of its own lines."
            )
    for statement in found:
        if statement.header and statement.path == table and not statement.array:
            return _insert_after(text, statement, f"{_indent(text, statement)}  config_path = {quote(folder)}")
    for statement in found:
        # registry.something = … in the plugin's table: a table of that name can't be opened any more
        if not statement.header and len(statement.table) < len(table) and statement.path[: len(table)] == table:
            key = ".".join(quote(part) for part in wanted[len(statement.table) :])
            return _insert_after(text, statement, f"{_indent(text, statement)}{key} = {quote(folder)}")
    gap = "" if text.endswith("\n") else "\n"
    return f"{text}{gap}\n[{_dotted(table)}]\n  config_path = {quote(folder)}\n"


def _insert_after(text: str, statement: Statement, line: str) -> str:
    end = text.find("\n", statement.end)
    if end < 0:
        return f"{text}\n{line}\n"
    return f"{text[: end + 1]}{line}\n{text[end + 1 :]}"


def _indent(text: str, statement: Statement) -> str:
    line = text[statement.line_start : statement.start]
    return line[: len(line) - len(line.lstrip())]


def _dotted(path: tuple[str, ...]) -> str:
    return ".".join(part if part.replace("_", "").replace("-", "").isalnum() else quote(part) for part in path)


def _leaves(path: str, text: str) -> dict[tuple[str, ...], Any]:
    try:
        return dict(_parsed(text))
    except TomlError as error:
        raise ExpectedError(
            f"{path} is not valid TOML ({error}); mend it, containerd does not start with it."
        ) from error


@functools.lru_cache(maxsize=64)
def _parsed(text: str) -> dict[tuple[str, ...], Any]:
    """Asked for several times of each file, and nodes mostly have the same ones."""
    return leaves(text)


def _meaning(text: str) -> bool:
    return any(line.strip() and not line.lstrip().startswith("#") for line in text.splitlines())


def _version(path: str, text: str) -> int:
    values = _leaves(path, text)
    version = values.get(("version",))
    if version is None and not any(key[0] != "imports" for key in values):
        return 2
    if version is None or version == 1:
        raise ExpectedError(
            f"{path} is of version 1 of containerd's configuration, which has no config_path; "
            "convert it with 'containerd config migrate'."
        )
    if version not in _TABLES:
        raise ExpectedError(
            f"{path} is of version {version} of containerd's configuration; versions 2, 3 and 4 are known here."
        )
    return int(version)


def _table(path: str, text: str, fallback: int | None) -> tuple[str, ...]:
    values = _leaves(path, text)
    if ("version",) not in values and fallback is not None:
        # an imported file need not say its version: it is taken by the names that it uses
        if any(key[:2] == _NEW[:2] for key in values):
            return _NEW
        if any(key[:2] == _OLD[:2] for key in values):
            return _OLD
        return _TABLES[fallback]
    if ("version",) not in values and any(key[:2] == _NEW[:2] for key in values):
        return _NEW
    return _TABLES[_version(path, text)]


def _refuse_legacy(path: str, values: Mapping[tuple[str, ...], Any], table: tuple[str, ...]) -> None:
    depth = len(table)
    for key in values:
        if key[:depth] != table or len(key) <= depth + 1:
            continue
        if key[depth] == "mirrors" or (key[depth] == "configs" and "tls" in key[depth + 2 :]):
            raise ExpectedError(
                f"{path} has the legacy table {_dotted(key[: depth + 2])}, which excludes config_path; declare "
                f"'{key[depth + 1]}' in registries instead and remove the tables {key[depth]} from that file."
            )


def _valid(text: str) -> bool:
    """By Python's own reader where there is one (3.11)."""
    try:
        import tomllib
    except ImportError:
        return True
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return True


def socket(files: Mapping[str, str]) -> str:
    """The socket that containerd listens on; it is made anew at each start."""
    for path, text in files.items():
        address = _leaves(path, text).get(("grpc", "address"))
        if isinstance(address, str) and address.startswith("/"):
            return address
    return "/run/containerd/containerd.sock"
