# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: what a developer's machine is and has: system, init system, Docker Engine, user, tools."""

from __future__ import annotations

import getpass
import grp
import json
import os
import platform
import pwd
import shlex
import shutil
import subprocess
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

# What each family of systems calls the Engine; the family is the first of ID and ID_LIKE that is listed.
ENGINE_PACKAGES: dict[str, list[str]] = {
    "alpine": ["docker"],
    "amzn": ["docker"],
    "arch": ["docker"],
    "debian": ["docker.io"],
    "fedora": ["moby-engine"],
    # not in their own repositories: the role adds Docker's
    "rhel": ["docker-ce", "docker-ce-cli", "containerd.io"],
    "suse": ["docker"],
    "ubuntu": ["docker.io"],
}
_FAMILY = {
    "almalinux": "rhel",
    "centos": "rhel",
    "ol": "rhel",
    "opensuse": "suse",
    "opensuse-leap": "suse",
    "opensuse-tumbleweed": "suse",
    "rocky": "rhel",
    "sles": "suse",
}
SUPPORTED = "Debian, Ubuntu, Fedora, RHEL and its likes, openSUSE, Arch, Alpine, Amazon Linux"

VERSION_COMMANDS: dict[str, list[str]] = {
    "kind": ["version"],
    "kubectl": ["version", "--client", "-o", "json"],
    "k3d": ["version"],
}

_ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64", "armv7l": "arm"}


@dataclass
class System:
    """The operating system."""

    name: str
    id: str
    version: str
    family: str
    supported: bool
    os: str
    architecture: str
    init: str
    engine_packages: list[str] = field(default_factory=list)


@dataclass
class User:
    """Who is to use Docker: ``in_docker_group`` by the machine's data base, ``session_in_docker_group`` in this login."""

    name: str
    root: bool
    in_docker_group: bool
    session_in_docker_group: bool


@dataclass
class Tool:
    """A tool as it was found; no path when it was not."""

    path: str | None = None
    version: str | None = None


def parse_os_release(text: str) -> dict[str, str]:
    """The assignments of an os-release file; what is no assignment is skipped."""
    values: dict[str, str] = {}
    for line in text.splitlines():
        name, equals, value = line.strip().partition("=")
        if not equals or name.startswith("#"):
            continue
        try:
            words = shlex.split(value)
        except ValueError:
            continue
        values[name] = words[0] if words else ""
    return values


def family(values: Mapping[str, str]) -> str:
    """The family whose packages the system uses, or nothing when it is none that is known."""
    for name in [values.get("ID", ""), *values.get("ID_LIKE", "").split()]:
        known = _FAMILY.get(name, name)
        if known in ENGINE_PACKAGES:
            return known
    return ""


def system(root: Path = Path("/"), kernel: str | None = None, machine: str | None = None) -> System:
    """The system whose files lie below ``root``."""
    kernel = (kernel or platform.system()).lower()
    values: dict[str, str] = {}
    for path in (root / "etc/os-release", root / "usr/lib/os-release"):
        if path.is_file():
            values = parse_os_release(path.read_text(encoding="utf-8", errors="replace"))
            break
    if kernel == "darwin":
        values = {"ID": "macos", "PRETTY_NAME": "macOS", "VERSION_ID": platform.mac_ver()[0]}
    found = family(values)
    machine = machine or platform.machine()
    return System(
        name=values.get("PRETTY_NAME") or values.get("NAME") or kernel,
        id=values.get("ID", ""),
        version=values.get("VERSION_ID", ""),
        family=found,
        supported=bool(found),
        os=kernel,
        architecture=_ARCHITECTURES.get(machine.lower(), machine.lower()),
        init=init_system(root, kernel),
        engine_packages=list(ENGINE_PACKAGES.get(found, [])),
    )


def init_system(root: Path = Path("/"), kernel: str = "linux") -> str:
    """The init system that runs (not one that is only installed): systemd, openrc, launchd or none."""
    if kernel == "darwin":
        return "launchd"
    if (root / "run/systemd/system").is_dir():
        return "systemd"
    # OpenRC writes this when it has brought the machine up
    if (root / "run/openrc/softlevel").exists():
        return "openrc"
    return "none"


def user(name: str | None = None, environment: Mapping[str, str] | None = None) -> User:
    """The named user, else the one behind sudo, else the one who runs this."""
    environment = os.environ if environment is None else environment
    chosen = name or (environment.get("SUDO_USER") if os.geteuid() == 0 else None) or _login()
    try:
        entry = pwd.getpwnam(chosen)
    except KeyError:
        return User(chosen, False, False, False)
    try:
        group = grp.getgrnam("docker")
    except KeyError:
        return User(chosen, entry.pw_uid == 0, False, False)
    return User(
        name=chosen,
        root=entry.pw_uid == 0,
        in_docker_group=chosen in group.gr_mem or entry.pw_gid == group.gr_gid,
        session_in_docker_group=group.gr_gid in {*os.getgroups(), os.getegid()},
    )


def user_exists(name: str) -> bool:
    """Whether the machine knows the user."""
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def _login() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return getpass.getuser()


def bin_dir(chosen: str | None, default: Path = Path("/usr/local/bin")) -> Path:
    """Where tools go: what was chosen, else the machine's folder when it can be written, else the user's own."""
    if chosen:
        return Path(os.path.expanduser(chosen))
    return default if writable(default) else Path.home() / ".local" / "bin"


def writable(folder: Path) -> bool:
    """Whether a file can be made in the folder, or the folder itself where it is not there yet."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)


def on_path(folder: Path) -> bool:
    """Whether a shell finds what lies in the folder."""
    return str(folder) in os.environ.get("PATH", os.defpath).split(os.pathsep)


def find_tool(name: str, folder: Path, run: Callable[[Sequence[str]], str] | None = None) -> Tool:
    """The tool in ``folder``, else on PATH, with the version that it says."""
    own = folder / name
    path = str(own) if os.access(own, os.X_OK) and own.is_file() else shutil.which(name)
    return Tool(path, version_of(name, path, run)) if path else Tool()


def version_of(name: str, path: str, run: Callable[[Sequence[str]], str] | None = None) -> str | None:
    """What the program at ``path`` says its version is, with a leading v; None when it says nothing of use."""
    if name not in VERSION_COMMANDS:
        return None
    return parse_version(name, (run or _output)([path, *VERSION_COMMANDS[name]]))


def parse_version(name: str, output: str) -> str | None:
    """The version in what a tool printed."""
    if name == "kubectl":
        try:
            return str(json.loads(output)["clientVersion"]["gitVersion"])
        except (ValueError, KeyError, TypeError):
            return None
    # 'kind v0.33.0 go1.26.0 linux/amd64', 'k3d version v5.9.0', and for what was built from a checkout 'kind 0.33.0-alpha'
    for word in output.split():
        if word.lstrip("v")[:1].isdigit():
            return canonical(word)
    return None


def canonical(version: str) -> str:
    """The version with its leading v."""
    return f"v{version.strip().lstrip('v')}" if version.strip() else ""


def _output(command: Sequence[str]) -> str:
    try:
        process = subprocess.run(
            list(command), capture_output=True, text=True, errors="replace", timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return process.stdout


def engine_installed() -> bool:
    """Whether the Engine's program is on this machine."""
    return any(
        shutil.which("dockerd", path=path) for path in (None, "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin:/sbin")
    )


def describe(names: Sequence[str], chosen_bin_dir: str | None, chosen_user: str | None) -> dict[str, Any]:
    """Everything but the Engine's state, as plain data."""
    folder = bin_dir(chosen_bin_dir)
    return {
        "system": asdict(system()),
        "supported_systems": SUPPORTED,
        "user": {**asdict(user(chosen_user)), "runs_as_root": os.geteuid() == 0},
        "bin_dir": {"path": str(folder), "writable": writable(folder), "on_path": on_path(folder)},
        "tools": {name: asdict(find_tool(name, folder)) for name in names if name in VERSION_COMMANDS},
    }
