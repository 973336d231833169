# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: reads TOML and says where each value stands, so that one of them can be edited in place.

Python's own tomllib is not on nodes with Python 3.9 and tells no positions. What containerd's files don't use is read
leniently (a date is a plain word): this reader finds and edits, containerd judges.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_WORD = re.compile(r"[^\s,\]}#]+")
_ESCAPES = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", "e": "\x1b", '"': '"', "\\": "\\"}


class TomlError(ValueError):
    """The text is not TOML; the message names the line."""


@dataclass(frozen=True)
class Statement:
    """``key = value`` (``path`` holds the table's path too), or a table's header (``header``); ``start``/``end`` span value or header."""

    path: tuple[str, ...]
    value: Any
    table: tuple[str, ...]
    start: int
    end: int
    line_start: int
    header: bool = False
    array: bool = False


def statements(text: str) -> list[Statement]:
    """All headers and assignments, in the order of the text."""
    return _Reader(text).read()


def quote(value: str) -> str:
    """A TOML basic string."""
    out = []
    for char in value:
        if char in '"\\':
            out.append("\\" + char)
        elif ord(char) < 0x20 or ord(char) == 0x7F:
            out.append(f"\\u{ord(char):04X}")
        else:
            out.append(char)
    return '"' + "".join(out) + '"'


def leaves(text: str) -> dict[tuple[str, ...], Any]:
    """Every value by its whole path, inline tables opened; a table without values is there as an empty dict."""
    found: dict[tuple[str, ...], Any] = {}
    for statement in statements(text):
        if statement.header:
            found.setdefault(statement.path, {})
        else:
            _open(found, statement.path, statement.value)
    return found


def _open(found: dict[tuple[str, ...], Any], path: tuple[str, ...], value: Any) -> None:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            _open(found, (*path, key), inner)
    else:
        found[path] = value


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def read(self) -> list[Statement]:
        found: list[Statement] = []
        table: tuple[str, ...] = ()
        while True:
            self._skip(lines=True)
            if self.at >= len(self.text):
                return found
            start = self.at
            line_start = self.text.rfind("\n", 0, start) + 1
            if self.text[self.at] == "[":
                array = self.text.startswith("[[", self.at)
                self.at += 2 if array else 1
                table = self._key()
                self._expect("]]" if array else "]")
                found.append(Statement(table, None, table, start, self.at, line_start, True, array))
            else:
                key = self._key()
                self._expect("=")
                self._skip()
                begin = self.at
                value = self._value()
                found.append(Statement(table + key, value, table, begin, self.at, line_start))
            self._skip()
            if self.at < len(self.text) and self.text[self.at] != "\n":
                raise self._error("something follows the value")

    def _error(self, what: str) -> TomlError:
        return TomlError(f"line {self.text.count(chr(10), 0, self.at) + 1}: {what}")

    def _skip(self, lines: bool = False) -> None:
        blank = " \t\r\n" if lines else " \t\r"
        while self.at < len(self.text):
            if self.text[self.at] in blank:
                self.at += 1
            elif self.text[self.at] == "#":
                end = self.text.find("\n", self.at)
                self.at = len(self.text) if end < 0 else end
            else:
                return

    def _expect(self, what: str) -> None:
        self._skip()
        if not self.text.startswith(what, self.at):
            raise self._error(f"'{what}' is expected")
        self.at += len(what)

    def _key(self) -> tuple[str, ...]:
        parts: list[str] = []
        while True:
            self._skip()
            quoted = self.text[self.at : self.at + 1]
            bare = _BARE.match(self.text, self.at)
            if quoted in ('"', "'") and quoted:
                parts.append(self._string())
            elif bare:
                parts.append(bare.group())
                self.at = bare.end()
            else:
                raise self._error("a key is expected")
            self._skip()
            if not self.text.startswith(".", self.at):
                return tuple(parts)
            self.at += 1

    def _value(self) -> Any:
        char = self.text[self.at : self.at + 1]
        if char in ('"', "'") and char:
            return self._string()
        if char == "[":
            return self._array()
        if char == "{":
            return self._inline()
        word = _WORD.match(self.text, self.at)
        if not word:
            raise self._error("a value is expected")
        self.at = word.end()
        if word.group() in ("true", "false"):
            return word.group() == "true"
        try:
            return int(word.group().replace("_", ""), 0)
        except ValueError:
            return word.group()

    def _array(self) -> list[Any]:
        self.at += 1
        items: list[Any] = []
        while True:
            self._skip(lines=True)
            if self.text.startswith("]", self.at):
                self.at += 1
                return items
            items.append(self._value())
            self._skip(lines=True)
            if self.text.startswith(",", self.at):
                self.at += 1
            elif not self.text.startswith("]", self.at):
                raise self._error("an array does not end")

    def _inline(self) -> dict[str, Any]:
        self.at += 1
        items: dict[str, Any] = {}
        while True:
            self._skip(lines=True)
            if self.text.startswith("}", self.at):
                self.at += 1
                return items
            key = self._key()
            self._expect("=")
            self._skip()
            inner = items
            for part in key[:-1]:
                inner = inner.setdefault(part, {})
            inner[key[-1]] = self._value()
            self._skip(lines=True)
            if self.text.startswith(",", self.at):
                self.at += 1
            elif not self.text.startswith("}", self.at):
                raise self._error("an inline table does not end")

    def _string(self) -> str:
        char = self.text[self.at]
        long = char * 3
        if self.text.startswith(long, self.at):
            self.at += 3
            # the first line break is not part of it
            if self.text.startswith("\n", self.at):
                self.at += 1
            return self._until(long, char == '"', lines=True)
        self.at += 1
        return self._until(char, char == '"', lines=False)

    def _until(self, end: str, escapes: bool, lines: bool) -> str:
        out: list[str] = []
        while self.at < len(self.text):
            char = self.text[self.at]
            if self.text.startswith(end, self.at):
                self.at += len(end)
                # up to two quotes may stand right before a long string's end
                while len(end) == 3 and self.text.startswith(end[0], self.at):
                    out.append(end[0])
                    self.at += 1
                return "".join(out)
            if char == "\n" and not lines:
                break
            if char == "\\" and escapes:
                out.append(self._escape())
            else:
                out.append(char)
                self.at += 1
        raise self._error("a string does not end")

    def _escape(self) -> str:
        kind = self.text[self.at + 1 : self.at + 2]
        self.at += 2
        if kind in _ESCAPES and kind:
            return _ESCAPES[kind]
        if kind in ("u", "U") and kind:
            size = 4 if kind == "u" else 8
            digits = self.text[self.at : self.at + size]
            self.at += size
            try:
                return chr(int(digits, 16))
            except (ValueError, OverflowError):
                raise self._error("an escape is unknown") from None
        if kind in (" ", "\t", "\r", "\n") and kind:
            while self.at < len(self.text) and self.text[self.at] in " \t\r\n":
                self.at += 1
            return ""
        raise self._error("an escape is unknown")
