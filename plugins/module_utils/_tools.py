# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: command line tools in a folder, from a verified download, a file or Go; and out of it again."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.parse import urlsplit

from ansible_collections.kubelocal.registry.plugins.module_utils import _workstation
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import IO

# Which tools of a folder are ours, and as we made them.
MARKER = ".kubelocal.registry.json"
GO_PACKAGES = {"kind": "sigs.k8s.io/kind"}
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True)
class Spec:
    """A tool as it is wanted. ``url`` and ``checksum`` may hold {version}, {os} and {arch}."""

    name: str
    source: str = "url"
    version: str = ""
    url: str = ""
    checksum: str = ""
    path: str = ""


@dataclass
class Result:
    """What was done, or would be."""

    actions: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    tools: dict[str, dict[str, Any]] = field(default_factory=dict)
    before: dict[str, str | None] = field(default_factory=dict)
    after: dict[str, str | None] = field(default_factory=dict)


class Toolbox:
    """The tools of one folder."""

    def __init__(
        self,
        folder: Path,
        system: _workstation.System,
        opener: Callable[[str], IO[bytes]],
        check: bool,
        on_difference: str = "warn",
    ) -> None:
        self.folder = folder
        self.system = system
        self.open = opener
        self.check = check
        self.on_difference = on_difference
        self.marks = _read_marks(folder)
        self.result = Result()

    def present(self, specs: Sequence[Spec]) -> Result:
        """Have every tool as declared. All that can be known to be wrong is told before the first is touched."""
        wanted = [validate(self._filled(spec)) for spec in specs]
        todo = [spec for spec in wanted if self._lacks(spec)]
        for spec in todo:
            self._install(spec)
        return self.result

    def absent(self, names: Sequence[str]) -> Result:
        """Remove the tools that were put here by us and are still as we put them."""
        for name in names:
            path = self.folder / name
            mark = self.marks.get(name)
            self.result.before[name] = self.result.after[name] = str(path) if path.exists() else None
            if mark is None:
                continue
            if path.exists() and sha256(path) != mark.get("sha256"):
                self.result.warnings.append(f"{path} was changed since it was installed, so it is kept.")
                continue
            self.result.actions.append(f"removed {path}")
            self.result.after[name] = None
            if not self.check:
                path.unlink(missing_ok=True)
                del self.marks[name]
                _write_marks(self.folder, self.marks)
        return self.result

    def _filled(self, spec: Spec) -> Spec:
        version = _workstation.canonical(spec.version)
        words = {"version": version, "os": self.system.os, "arch": self.system.architecture}
        return Spec(
            name=spec.name,
            source=spec.source,
            version=version,
            url=_fill(spec.url, words),
            checksum=_fill(spec.checksum.strip(), words),
            path=os.path.expanduser(spec.path),
        )

    def _lacks(self, spec: Spec) -> bool:
        found = _workstation.find_tool(spec.name, self.folder)
        self._record(spec.name, found.path, found.version)
        self.result.before[spec.name] = self.result.after[spec.name] = _shown(found.path, found.version)
        if found.path and self._satisfies(spec, Path(found.path), found.version):
            return False
        destination = self.folder / spec.name
        foreign = found.path is not None and not self._is_ours(spec.name, Path(found.path))
        if not foreign or self.on_difference == "replace":
            return True
        said = (
            f"{found.path} is {found.version or 'of an unknown version'}, and what is declared is "
            f"{spec.version if spec.source != 'path' else spec.path}; it was not installed by this collection"
        )
        cure = f"workstation_on_difference=replace puts the declared one at {destination}"
        if self.on_difference == "fail":
            raise ExpectedError(f"{said}; {cure}, or remove it.", self.result.actions)
        self.result.warnings.append(f"{said}, so it is used as it is; {cure}.")
        return False

    def _satisfies(self, spec: Spec, path: Path, version: str | None) -> bool:
        if spec.source == "path":
            return path.resolve() == Path(spec.path).resolve() or sha256(path) == sha256(Path(spec.path))
        return not spec.version or version == spec.version

    def _is_ours(self, name: str, path: Path) -> bool:
        return path == self.folder / name and name in self.marks and sha256(path) == self.marks[name].get("sha256")

    def _install(self, spec: Spec) -> None:
        destination = self.folder / spec.name
        origin = {"url": spec.url, "path": spec.path, "go": f"{GO_PACKAGES.get(spec.name)}@{spec.version}"}[spec.source]
        version: str | None = spec.version or None
        if not self.check:
            self.folder.mkdir(parents=True, exist_ok=True)
            # beside the destination, so that the last step is a rename within one file system
            with tempfile.TemporaryDirectory(prefix=".kubelocal-", dir=self.folder) as scratch:
                new = Path(scratch) / spec.name
                {"url": self._download, "path": self._copy, "go": self._go}[spec.source](spec, new)
                new.chmod(0o755)
                version = _workstation.version_of(spec.name, str(new))
                self._check_new(spec, version, origin)
                digest = sha256(new)
                new.replace(destination)
            self.marks[spec.name] = {"sha256": digest, "version": version, "from": origin}
            _write_marks(self.folder, self.marks)
        self.result.actions.append(
            f"installed {spec.name} {version or ''}".rstrip() + f" at {destination} from {origin}"
        )
        self._record(spec.name, str(destination), version)
        self.result.after[spec.name] = _shown(str(destination), version)

    def _check_new(self, spec: Spec, version: str | None, origin: str) -> None:
        if version is None and spec.name in _workstation.VERSION_COMMANDS:
            raise ExpectedError(
                f"what came from {origin} does not run as {spec.name} on {self.system.os}/{self.system.architecture}; "
                f"nothing was installed. Check workstation_{spec.name}_{spec.source}.",
                self.result.actions,
            )
        if spec.source != "path" and spec.version and version != spec.version:
            raise ExpectedError(
                f"what came from {origin} says that it is {version}, not {spec.version}; nothing was installed. "
                f"Check workstation_{spec.name}_version.",
                self.result.actions,
            )

    def _download(self, spec: Spec, to: Path) -> None:
        expected = self._expected(spec)
        digest = hashlib.sha256()
        try:
            with self.open(spec.url) as answer, to.open("wb") as file:
                for chunk in iter(lambda: answer.read(1 << 20), b""):
                    digest.update(chunk)
                    file.write(chunk)
        except (URLError, OSError) as error:
            raise self._no_answer(spec, "url", spec.url, error) from error
        if digest.hexdigest() != expected:
            raise ExpectedError(
                f"{spec.url} has the SHA-256 {digest.hexdigest()}, and not {expected} as workstation_{spec.name}_checksum "
                "says; nothing was installed.",
                self.result.actions,
            )

    def _expected(self, spec: Spec) -> str:
        if "://" not in spec.checksum:
            return spec.checksum.removeprefix("sha256:").lower()
        try:
            with self.open(spec.checksum) as answer:
                text = answer.read(1 << 20).decode(errors="replace")
        except (URLError, OSError) as error:
            raise self._no_answer(spec, "checksum", spec.checksum, error) from error
        found = checksum_in(text, spec.url.rsplit("/", 1)[-1])
        if found is None:
            raise ExpectedError(
                f"{spec.checksum} has no SHA-256 for {spec.url.rsplit('/', 1)[-1]}; nothing was installed. "
                f"Set workstation_{spec.name}_checksum to the sum itself, or to a file that has it.",
                self.result.actions,
            )
        return found

    def _no_answer(self, spec: Spec, option: str, url: str, error: Exception) -> ExpectedError:
        return ExpectedError(
            f"{url} can't be had: {getattr(error, 'reason', None) or error}; set workstation_{spec.name}_{option} to where it "
            f"can, or workstation_{spec.name}_source to path and workstation_{spec.name}_path to a copy.",
            self.result.actions,
        )

    def _copy(self, spec: Spec, to: Path) -> None:
        shutil.copyfile(spec.path, to)

    def _go(self, spec: Spec, to: Path) -> None:
        process = subprocess.run(
            ["go", "install", f"{GO_PACKAGES[spec.name]}@{spec.version}"],
            env={**os.environ, "GOBIN": str(to.parent), "CGO_ENABLED": "0", "GOFLAGS": "-trimpath"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        if process.returncode != 0:
            last = (process.stderr.strip().splitlines() or ["no message"])[-1]
            raise ExpectedError(f"go can't install {spec.name} {spec.version}: {last}", self.result.actions)

    def _record(self, name: str, path: str | None, version: str | None) -> None:
        self.result.tools[name] = {"path": path, "version": version}


def validate(spec: Spec) -> Spec:
    """The spec itself, or ExpectedError for one that can't be."""
    prefix = f"workstation_{spec.name}"
    if spec.version and not re.fullmatch(r"v\d+\.\d+\.\d+([-+.][0-9A-Za-z.+-]+)?", spec.version):
        raise ExpectedError(f"{prefix}_version: '{spec.version}' is no version; give one such as v0.33.0.")
    if spec.source == "url":
        _validate_url(prefix, spec)
    elif spec.source == "path":
        if not spec.path:
            raise ExpectedError(f"{prefix}_path is not set, and {prefix}_source is path; name the program's file.")
        if not Path(spec.path).is_file():
            raise ExpectedError(f"{prefix}_path: '{spec.path}' is no file; name the program's file.")
    elif spec.source == "go":
        if spec.name not in GO_PACKAGES:
            raise ExpectedError(f"{prefix}_source: '{spec.name}' can't be had from Go; use url, package or path.")
        if not spec.version:
            raise ExpectedError(f"{prefix}_version is not set, and {prefix}_source is go; give one such as v0.33.0.")
        if not shutil.which("go"):
            raise ExpectedError(
                f"{prefix}_source is go, and Go is not on PATH; install it, or use url, package or path."
            )
    return spec


def _validate_url(prefix: str, spec: Spec) -> None:
    for name, url in (("url", spec.url), ("checksum", spec.checksum if "://" in spec.checksum else "")):
        parts = urlsplit(url)
        if (name == "url" or url) and (parts.scheme not in ("https", "http") or not parts.hostname or _has_blank(url)):
            raise ExpectedError(f"{prefix}_{name}: '{url}' is no URL; give one that begins with https://.")
    checksum = spec.checksum
    if "://" in checksum:
        parts = urlsplit(checksum)
        if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            raise ExpectedError(
                f"{prefix}_checksum: '{checksum}' is read without TLS, so it proves nothing; use https:// or the sum itself."
            )
    elif not re.fullmatch(r"(sha256:)?[0-9a-fA-F]{64}", checksum):
        raise ExpectedError(
            f"{prefix}_checksum: '{checksum}' is no SHA-256; give 64 hexadecimal digits, or the https:// URL of a file that "
            "has them."
        )


def checksum_in(text: str, name: str) -> str | None:
    """The SHA-256 for a file in what sha256sum writes, or the only one where the text is just that."""
    lines = [line.split() for line in text.splitlines() if line.strip()]
    sums = [
        (words[0].lower(), words[1].lstrip("*") if len(words) > 1 else "")
        for words in lines
        if re.fullmatch(r"[0-9a-fA-F]{64}", words[0])
    ]
    for digest, file in sums:
        if file.rsplit("/", 1)[-1] == name:
            return digest
    return sums[0][0] if len(sums) == 1 and not sums[0][1] else None


def sha256(path: Path) -> str:
    """The file's SHA-256 in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for chunk in iter(lambda: file.read(1 << 20), b""):
            digest.update(chunk)
    return digest.hexdigest()


def _fill(text: str, words: dict[str, str]) -> str:
    for name, value in words.items():
        text = text.replace("{" + name + "}", value)
    return text


def _has_blank(text: str) -> bool:
    return any(character.isspace() or not character.isprintable() for character in text)


def _shown(path: str | None, version: str | None) -> str | None:
    return f"{path} {version or ''}".strip() if path else None


def _read_marks(folder: Path) -> dict[str, dict[str, Any]]:
    try:
        marks = json.loads((folder / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {name: mark for name, mark in marks.items() if isinstance(mark, dict)} if isinstance(marks, dict) else {}


def _write_marks(folder: Path, marks: dict[str, dict[str, Any]]) -> None:
    path = folder / MARKER
    if not marks:
        path.unlink(missing_ok=True)
        return
    new = path.with_name(f"{MARKER}.{os.getpid()}")
    new.write_text(json.dumps(marks, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    new.replace(path)
