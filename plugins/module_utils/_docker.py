# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: reaching a Docker Engine as Docker's own CLI would, and files and commands in its containers."""

from __future__ import annotations

import contextlib
import io
import os
import stat
import tarfile
import time
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils import _container_root
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError

DOCKER_IMPORT_ERROR: str | None = None
try:
    import docker
    from docker.context import ContextAPI
    from docker.errors import APIError, DockerException, NotFound
    from requests.exceptions import RequestException
    from requests.exceptions import Timeout as RequestTimeout
except ImportError:  # told by the module, with missing_required_lib
    DOCKER_IMPORT_ERROR = traceback.format_exc()

if TYPE_CHECKING:
    from collections.abc import Mapping

# the SDK's base of addresses that are reached by a socket of this machine or by SSH
_LOCAL = "http+docker://"

DOCKER_OPTIONS: dict[str, dict[str, Any]] = {
    "docker_host": {"type": "str"},
    "docker_timeout": {"type": "int", "default": 60},
}


class EngineError(ExpectedError):
    """The Engine can't be reached or refused what was asked."""


def chosen_host(docker_host: str | None = None, environment: Mapping[str, str] | None = None) -> str | None:
    """The Engine's address as Docker's CLI chooses it, or None for the platform's default socket.

    Order: the option, DOCKER_HOST, DOCKER_CONTEXT, the current context of the CLI's configuration.
    """
    environment = os.environ if environment is None else environment
    if docker_host:
        return docker_host
    if environment.get("DOCKER_HOST"):
        return environment["DOCKER_HOST"]
    context = _context(environment)
    return None if context is None else str(context.Host)


def cli_environment(docker_host: str | None = None) -> dict[str, str]:
    """What a program that calls Docker's CLI (kind, k3d) needs in its environment to reach the same Engine."""
    host = docker_host or os.environ.get("DOCKER_HOST") or ""
    if host:
        return {"DOCKER_HOST": host}
    context = _context(os.environ)
    # k3d reads no contexts, so the address is named outright
    return {} if context is None or not context.Host else {"DOCKER_HOST": str(context.Host)}


def connect(docker_host: str | None = None, timeout: int = 60) -> docker.DockerClient:
    """A client whose API version was negotiated, or EngineError with what to do."""
    host = chosen_host(docker_host)
    where = host or "unix:///var/run/docker.sock"
    arguments: dict[str, Any] = {"version": "auto", "timeout": timeout}
    if host:
        arguments["base_url"] = host
        if host.startswith("ssh://"):
            arguments["use_ssh_client"] = True
    try:
        tls = _tls(docker_host)
        if tls is not None:
            arguments["tls"] = tls
        client = docker.DockerClient(**arguments)
        if client.api.base_url.startswith(_LOCAL):
            # what the environment says about proxies is read anew for each request, and matters to none of these
            client.api.trust_env = False
        return client
    except (DockerException, RequestException, OSError, ValueError) as error:
        raise EngineError(_unreachable(where, error)) from error


def explain(error: Exception) -> str:
    """The Engine's own words for a refusal, without the HTTP around them."""
    if isinstance(error, APIError):
        return str(error.explanation or error).strip().rstrip(".")
    if isinstance(error, RequestTimeout):
        return "it did not answer in time"
    return str(error).strip().rstrip(".")


def _context(environment: Mapping[str, str]) -> Any:
    name = environment.get("DOCKER_CONTEXT")
    try:
        context = ContextAPI.get_context(name) if name else ContextAPI.get_current_context()
    except (DockerException, OSError, ValueError) as error:
        if not name:
            return None
        raise EngineError(f"the Docker context '{name}' that DOCKER_CONTEXT names can't be read: {error}.") from error
    if context is None and name and name != "default":
        raise EngineError(
            f"DOCKER_CONTEXT names the Docker context '{name}', which does not exist; 'docker context ls' shows those that do."
        )
    return None if context is None or context.Name == "default" else context


def _tls(docker_host: str | None) -> Any:
    if docker_host is None and not os.environ.get("DOCKER_HOST"):
        context = _context(os.environ)
        return None if context is None else context.TLSConfig
    if os.environ.get("DOCKER_TLS_VERIFY") or os.environ.get("DOCKER_TLS"):
        folder = os.environ.get("DOCKER_CERT_PATH") or os.path.join(os.path.expanduser("~"), ".docker")
        return docker.tls.TLSConfig(
            client_cert=(os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem")),
            ca_cert=os.path.join(folder, "ca.pem"),
            verify=bool(os.environ.get("DOCKER_TLS_VERIFY")),
        )
    return None


def _unreachable(where: str, error: Exception) -> str:
    text = str(error)
    if "Permission denied" in text or "PermissionError" in text:
        return (
            f"no permission for the Docker Engine at {where}; add this user to the group 'docker' and log in again, "
            "or set docker_host to an Engine that it may use."
        )
    if any(
        word in text for word in ("FileNotFoundError", "No such file", "Connection refused", "ConnectionRefusedError")
    ):
        return (
            f"no Docker Engine answers at {where}; start it (for example 'systemctl start docker' or Docker Desktop), "
            "or set docker_host to where it listens."
        )
    return (
        f"the Docker Engine at {where} can't be used: {text.rstrip('.')}; check docker_host and that the Engine runs."
    )


@dataclass(frozen=True)
class File:
    """A file in a container: its content, permission bits and owner."""

    content: bytes
    mode: int = 0o644
    uid: int = 0
    gid: int = 0


def read_tree(container: Any, path: str) -> dict[str, File] | None:
    """Every regular file below ``path`` by its path relative to ``path``; None when it is not there.

    A regular file at ``path`` itself is the one entry ``""``. Works on stopped containers too. An archive takes the Engine a tenth of a
    second, which is saved where the container's file system can be seen from here.
    """
    root = _container_root.find(str(container.id), container.attrs.get("State"))
    if root is not None:
        with contextlib.closing(root), contextlib.suppress(OSError):
            found = root.read(path)
            regular = [each for each in found if stat.S_ISREG(each.told.st_mode)]
            return {each.path[len(path) :].lstrip("/"): _file(each) for each in regular} if found else None
    try:
        chunks, _stat = container.get_archive(path)
        archive = io.BytesIO(b"".join(chunks))
    except NotFound:
        return None
    files: dict[str, File] = {}
    with tarfile.open(fileobj=archive) as tar:
        for member in tar:
            source = tar.extractfile(member) if member.isfile() else None
            if source is None:
                continue
            # the archive's first component is the last of ``path``
            _top, _slash, relative = member.name.partition("/")
            files[relative] = File(source.read(), member.mode & 0o7777, member.uid, member.gid)
    return files


def read_file(container: Any, path: str) -> File | None:
    """The regular file at ``path``; None where there is none."""
    return (read_tree(container, path) or {}).get("")


def _file(found: _container_root.Named) -> File:
    return File(found.content, stat.S_IMODE(found.told.st_mode), found.told.st_uid, found.told.st_gid)


def put_files(container: Any, folder: str, files: Mapping[str, File]) -> None:
    """Put files, by their path relative to the existing ``folder``, into a container in one archive; folders between are made (0755)."""
    buffer = io.BytesIO()
    folders: set[str] = set()
    now = int(time.time())
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, file in sorted(files.items()):
            parts = path.split("/")[:-1]
            for depth in range(1, len(parts) + 1):
                name = "/".join(parts[:depth])
                if name not in folders:
                    folders.add(name)
                    info = tarfile.TarInfo(name)
                    info.type, info.mode, info.mtime = tarfile.DIRTYPE, 0o755, now
                    tar.addfile(info)
            info = tarfile.TarInfo(path)
            info.size, info.mode, info.uid, info.gid, info.mtime = len(file.content), file.mode, file.uid, file.gid, now
            tar.addfile(info, io.BytesIO(file.content))
    container.put_archive(folder, buffer.getvalue())


def run_in(container: Any, argv: list[str], environment: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Run a command (never through a shell) in a running container: its exit code and its output, both streams together."""
    code, output = container.exec_run(argv, environment=dict(environment or {}))
    return int(code if code is not None else -1), (output or b"").decode(errors="replace")
