# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The images of one layer: a registry, a busybox, and the programs that the host needs."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.testbed import programs
from tests.testbed.archive import Layer

_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
# what docker.io/library/registry:3 has there
_REGISTRY_CONFIG = b"""version: 0.1
log:
  fields:
    service: registry
storage:
  cache:
    blobdescriptor: inmemory
  filesystem:
    rootdirectory: /var/lib/registry
http:
  addr: :5000
  headers:
    X-Content-Type-Options: [nosniff]
health:
  storagedriver:
    enabled: true
    interval: 10s
    threshold: 3
"""
_REGISTRY_ENTRYPOINT = b"""#!/bin/sh
set -e
case "$1" in
  *.yaml | *.yml) set -- registry serve "$@" ;;
  serve | garbage-collect | help | -*) set -- registry "$@" ;;
esac
exec "$@"
"""
_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def registry(folder: Path) -> tuple[list[Path], dict[str, Any]]:
    """Stands in for the official image: the same entry point, configuration file, volume, port, and a shell."""
    layer = Layer(folder / "layer.tar")
    _add_busybox(layer)
    layer.file("bin/registry", programs.ALL["registry"].path)
    layer.content("entrypoint.sh", _REGISTRY_ENTRYPOINT, 0o755)
    layer.content("etc/distribution/config.yml", _REGISTRY_CONFIG)
    if _CERTIFICATES.exists():
        layer.file("etc/ssl/certs/ca-certificates.crt", _CERTIFICATES, 0o644)
    layer.folder("var/lib/registry")
    return [layer.close()], {
        "Entrypoint": ["/entrypoint.sh"],
        "Cmd": ["/etc/distribution/config.yml"],
        "Env": [_PATH, "OTEL_TRACES_EXPORTER=none"],
        "Volumes": {"/var/lib/registry": {}},
        "ExposedPorts": {"5000/tcp": {}},
    }


def busybox(folder: Path) -> tuple[list[Path], dict[str, Any]]:
    """Stands in for docker.io/library/busybox."""
    layer = Layer(folder / "layer.tar")
    _add_busybox(layer)
    return [layer.close()], {"Cmd": ["sh"], "Env": [_PATH]}


def tools(folder: Path) -> tuple[list[Path], dict[str, Any]]:
    """Nothing to run: kind and kubectl, to be copied out."""
    layer = Layer(folder / "layer.tar")
    layer.file("kind", programs.ALL["kind"].path)
    layer.file("kubectl", programs.ALL["kubernetes"].path)
    return [layer.close()], {"Cmd": ["/kind"]}


def _add_busybox(layer: Layer) -> None:
    program = Path(shutil.which("busybox") or "/bin/busybox")
    layer.file("bin/busybox", program)
    applets = subprocess.run([str(program), "--list"], capture_output=True, text=True, check=True).stdout.split()
    for applet in applets:
        if applet != "busybox":
            layer.link(f"bin/{applet}", "busybox")
    layer.folder("tmp", 0o1777)
    layer.content("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n")
    layer.content("etc/group", b"root:x:0:\nnogroup:x:65534:\n")
