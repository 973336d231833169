# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Docker Engine: started only where no init system would do it, configured only where it must be."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Callable

from tests.testbed import debian
from tests.testbed.places import HERE, Failed, say

_CONFIGURATION = Path("/etc/docker/daemon.json")
_LOG = Path("/var/log/dockerd.log")
_WRAPPER = Path("/usr/local/bin/runc-host-caps")
_OUR_WRAPPER = HERE / "runc-host-caps"
_CAP_SYS_RESOURCE = 24


def answers() -> bool:
    """Whether an Engine can be used."""
    return _docker("version").returncode == 0


def is_installed() -> bool:
    """Whether an Engine could be started here."""
    return shutil.which("dockerd", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin") is not None


def start() -> None:
    """Make sure that an Engine answers."""
    _refresh_wrapper()
    if answers():
        return
    if os.environ.get("DOCKER_HOST"):
        raise Failed(f"no Docker Engine answers at {os.environ['DOCKER_HOST']}; start it or unset DOCKER_HOST.")
    if Path("/run/systemd/system").is_dir() or Path("/run/openrc").is_dir():
        raise Failed("no Docker Engine answers; start it ('systemctl start docker') or run 'make up', which does.")
    if os.geteuid() != 0:
        raise Failed("no Docker Engine answers, and only root can start one where no init system runs.")
    debian.need("dockerd")
    _configure()
    _forget_dead_one()
    say(f"starting the Docker Engine; its log is {_LOG}")
    with _LOG.open("ab") as log:
        process = subprocess.Popen(
            ["dockerd"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    _wait("dockerd", 60, lambda: answers() or process.poll() is not None)
    if process.poll() is not None:
        raise Failed(f"dockerd ended at once; see {_LOG}.")


def labels(image: str) -> dict[str, str]:
    """An image's labels; none when there is no such image."""
    answer = _docker("image", "inspect", "--format", "{{json .Config.Labels}}", image)
    return {} if answer.returncode else (json.loads(answer.stdout) or {})


def load(archive: Path) -> None:
    """Give the Engine the images of an archive."""
    answer = _docker("load", "--quiet", "--input", str(archive))
    if answer.returncode:
        raise Failed(f"the Engine did not take an image: {answer.stderr.strip()}.")


def derive(name: str, base: str, layers: Iterable[Path], labels: dict[str, str]) -> None:
    """Make an image that is another one with a few files more; its configuration is that one's."""
    created = _docker("create", base)
    if created.returncode:
        raise Failed(f"the Engine made no container of {base}: {created.stderr.strip()}.")
    container = created.stdout.strip()
    changes = [word for key, value in labels.items() for word in ("--change", f'LABEL "{key}"="{value}"')]
    try:
        for layer in layers:
            with layer.open("rb") as content:
                answer = _docker("cp", "-", f"{container}:/", stdin=content)
            if answer.returncode:
                raise Failed(f"the Engine did not take the files of {name}: {answer.stderr.strip()}.")
        answer = _docker("commit", *changes, container, name)
    finally:
        _docker("rm", "--force", "--volumes", container)
    if answer.returncode:
        raise Failed(f"the Engine did not make {name}: {answer.stderr.strip()}.")


def copy_out(image: str, path: str, to: Path) -> None:
    """Copy a file or a folder out of an image."""
    created = _docker("create", image, "nothing")
    if created.returncode:
        raise Failed(f"the Engine made no container of {image}: {created.stderr.strip()}.")
    container = created.stdout.strip()
    try:
        answer = _docker("cp", f"{container}:{path}", str(to))
    finally:
        _docker("rm", "--force", "--volumes", container)
    if answer.returncode:
        raise Failed(f"{path} could not be copied out of {image}: {answer.stderr.strip()}.")


def lacks_capability(status: str) -> bool:
    """Whether a process's status file says that its host can't give CAP_SYS_RESOURCE."""
    bounding = next(line.split()[1] for line in status.splitlines() if line.startswith("CapBnd"))
    return not int(bounding, 16) >> _CAP_SYS_RESOURCE & 1


def _configure() -> None:
    if _CONFIGURATION.exists() or not lacks_capability(Path("/proc/self/status").read_text()):
        return
    say(f"this host can't give CAP_SYS_RESOURCE: {_CONFIGURATION} names a runtime that does not ask for it")
    _install_wrapper()
    runtime = {"runtimes": {"host-caps": {"path": str(_WRAPPER)}}, "default-runtime": "host-caps"}
    _CONFIGURATION.parent.mkdir(parents=True, exist_ok=True)
    _CONFIGURATION.write_text(json.dumps(runtime) + "\n")


def _refresh_wrapper() -> None:
    """A machine that was configured earlier keeps its daemon.json, not the wrapper that it had then."""
    try:
        named = str(_WRAPPER) in _CONFIGURATION.read_text()
    except OSError:
        return
    current = _WRAPPER.read_bytes() if _WRAPPER.is_file() else None
    if named and current != _OUR_WRAPPER.read_bytes() and os.access(_WRAPPER.parent, os.W_OK):
        say(f"renewing {_WRAPPER}")
        _install_wrapper()


def _install_wrapper() -> None:
    """By a rename, because the Engine may be calling the old one right now."""
    new = _WRAPPER.with_name(f".{_WRAPPER.name}.{os.getpid()}")
    shutil.copyfile(_OUR_WRAPPER, new)
    new.chmod(0o755)
    new.replace(_WRAPPER)


def _forget_dead_one() -> None:
    """A stopped dockerd's containerd needs some seconds to end, and until then a new dockerd hangs."""
    containerd = Path("/run/docker/containerd/containerd.pid")
    _wait("the containerd of a stopped dockerd to end", 30, lambda: not _is_running(containerd, "containerd"))
    pid = Path("/run/docker.pid")
    _wait("a stopping dockerd to end", 30, lambda: not _is_running(pid, "dockerd"))
    pid.unlink(missing_ok=True)


def _is_running(file: Path, name: str) -> bool:
    try:
        return Path(f"/proc/{int(file.read_text())}/comm").read_text().strip() == name
    except (OSError, ValueError):
        return False


def _wait(what: str, seconds: int, condition: Callable[[], bool]) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise Failed(f"waited {seconds} s in vain for {what}; see {_LOG}.")
        time.sleep(0.05)


def _docker(*arguments: str, stdin: IO[bytes] | None = None) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(["docker", *arguments], stdin=stdin, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return subprocess.CompletedProcess(["docker"], 127, "", "docker is not installed")
