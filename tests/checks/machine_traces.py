# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing of the machine that this was made on is in the tree: no paths, no hosts of package registries."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

from tests.checks.common import ROOT, files, run

# Hosts that may be set here and are named for other reasons.
PUBLIC = re.compile(r"(^|\.)(github\.com|localhost|docker\.com)$")
# Paths that belong to a machine and not to a project: a work tree called by its branch, and folders for a while.
PATHS = re.compile(r"(?<![\w.}~$-])(?:/[a-z]+)+/(?:main|shared)\b(?!\.ya?ml)|/tmp/[a-z]/|/home/[a-z]+/(?:src|work)/")


def check() -> list[str]:
    words = _paths() | _hosts()
    problems = []
    for name in files():
        path = ROOT / name
        if path.is_symlink() or not path.is_file():
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found = {word for word in words if word in text} | {match.group() for match in PATHS.finditer(text)}
        problems += [f"{name}: {word}" for word in sorted(found)]
    return problems


def _paths() -> set[str]:
    paths = {ROOT, Path(sys.prefix)}
    home = Path.home()
    # '/root' is every container's, and a short path may be part of another
    if len(home.parts) > 2:
        paths.add(home)
    return {str(path) for path in paths if len(path.parts) > 2}


def _hosts() -> set[str]:
    """Hosts of package registries as pip, Go, npm and apt are set to use here."""
    texts = [value for name, value in os.environ.items() if re.search(r"INDEX|GOPROXY|NPM|REGISTRY|PROXY", name, re.I)]
    texts.append(run([sys.executable, "-m", "pip", "config", "list"])[1])
    if shutil.which("go"):
        texts.append(subprocess.run(["go", "env", "GOPROXY"], capture_output=True, text=True, check=False).stdout)
    for source in [*Path("/etc/apt").glob("sources.list*"), *Path("/etc/apt").glob("sources.list.d/*")]:
        if source.is_file():
            texts.append(source.read_text(encoding="utf-8", errors="replace"))
    hosts = {urlsplit(url).hostname for text in texts for url in re.findall(r"https?://[^\s'\",|]+", text)}
    return {host for host in hosts if host and "." in host and not PUBLIC.search(host) and host != "127.0.0.1"}
