# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: whether a port of the Engine's host is free, and who holds it if not."""

from __future__ import annotations

import ipaddress
import os
import re
import socket
import struct
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils._registry_observed import is_registry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_LISTEN = "0A"
# A container that is being started holds its port by docker-proxy before the Engine lists it.
_PATIENCE = 5.0
_PROXIES = ("docker-proxy", "rootlesskit", "vpnkit", "com.docker.backend", "slirp4netns")


@dataclass(frozen=True)
class Holder:
    """Who holds a port: a container (and whether that is a registry), or a process."""

    container: str = ""
    registry: bool = False
    process: str = ""
    pid: int = 0

    def __str__(self) -> str:
        if self.container:
            return f"the container '{self.container}'"
        if self.process:
            return f"the process '{self.process}' (pid {self.pid})"
        return "a process that can't be read by this user"


def holder(client: Any, address: str, port: int, ours: Iterable[str] = (), local: bool | None = None) -> Holder | None:
    """Who holds the port, other than the containers ``ours`` (by id); None when it is free."""
    ours = set(ours)
    local = is_local(client) if local is None else local
    deadline = time.monotonic() + _PATIENCE
    while True:
        containers = list(_container_holders(client, address, port))
        for found_id, found in containers:
            if found_id not in ours:
                return found
        if containers or not local:  # held by ours alone, or nothing more can be looked at
            return None
        process = _process_holder(address, port)
        if process is None:
            return None
        if process.process and not process.process.startswith(_PROXIES):
            return process
        if time.monotonic() > deadline:
            return process
        time.sleep(0.25)


def explain(found: Holder, address: str, port: int) -> str:
    """The error for a port that is held."""
    text = f"port {port} on {address} is held by {found}; "
    if found.registry:
        return (
            text
            + f"to adopt it, set the registry's name (registry_name) to '{found.container}', or choose another port (registry_port)."
        )
    return text + "stop that, or choose another port (registry_port)."


def is_local(client: Any) -> bool:
    """Whether the Engine shares this machine's ports, as far as its address tells."""
    return str(client.api.base_url) in ("http+docker://localhost", "http+docker://localnpipe")


def overlap(one: str, other: str) -> bool:
    """Whether listening on both addresses collides."""
    first, second = _address(one), _address(other)
    if first is None or second is None:
        return True
    if first.is_unspecified or second.is_unspecified:
        # :: takes IPv4 too, as Linux has it unless told otherwise
        return first.version == second.version or (first if first.version == 6 else second).is_unspecified
    return first == second


def _container_holders(client: Any, address: str, port: int) -> Iterator[tuple[str, Holder]]:
    for container in client.api.containers():
        for published in container.get("Ports") or []:
            if (
                published.get("PublicPort") == port
                and published.get("Type", "tcp") == "tcp"
                and overlap(address, published.get("IP") or "0.0.0.0")
            ):
                ports = [f"{p.get('PrivatePort')}/{p.get('Type')}" for p in container.get("Ports") or []]
                registry = is_registry(container.get("Image") or "", container.get("Labels") or {}, ports)
                yield container["Id"], Holder(container=container["Names"][0].lstrip("/"), registry=registry)
                break


def _process_holder(address: str, port: int) -> Holder | None:
    if not os.path.exists("/proc/net/tcp"):
        return None if _can_bind(address, port) else Holder()
    inodes = {
        inode
        for name in ("/proc/net/tcp", "/proc/net/tcp6")
        for inode, bound in _listening(name, port)
        if overlap(address, bound)
    }
    if not inodes:
        return None
    for pid, inode in _socket_owners(inodes):
        return Holder(process=_process_name(pid), pid=pid) if inode else Holder()
    return Holder()


def _listening(path: str, port: int) -> Iterator[tuple[str, str]]:
    """Inode and address of each socket that listens on the port."""
    try:
        with open(path, encoding="ascii") as file:
            lines = file.read().splitlines()[1:]
    except OSError:
        return
    for line in lines:
        columns = line.split()
        if len(columns) > 9 and columns[3] == _LISTEN:
            hexadecimal, _colon, number = columns[1].partition(":")
            if int(number, 16) == port:
                yield columns[9], decode_address(hexadecimal)


def decode_address(hexadecimal: str) -> str:
    """An address as the kernel writes it: words of four bytes in the machine's order."""
    words = (hexadecimal[start : start + 8] for start in range(0, len(hexadecimal), 8))
    packed = b"".join(struct.pack("=I", int(word, 16)) for word in words)
    address = ipaddress.ip_address(packed)
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def _socket_owners(inodes: set[str]) -> Iterator[tuple[int, str]]:
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with os.scandir(f"/proc/{name}/fd") as entries:
                for entry in entries:
                    found = re.fullmatch(r"socket:\[(\d+)\]", os.readlink(entry.path))
                    if found and found.group(1) in inodes:
                        yield int(name), found.group(1)
                        break
        except OSError:
            continue


def _process_name(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""


def _can_bind(address: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except PermissionError:
            return True  # the Engine may
        except OSError:
            return False
    return True


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
