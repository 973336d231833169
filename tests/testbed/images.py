# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The testbed's images; one is made only when the Engine has none made from the same."""

from __future__ import annotations

import inspect
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

from tests.testbed import (
    archive,
    debian,
    debian_node_image,
    digest,
    engine,
    node_image,
    node_packages,
    programs,
    rootfs,
    small_images,
    ssh_node_image,
    versions,
)
from tests.testbed.places import CACHE, PROGRAMS, say

LABEL = "kubelocal.testbed.made-from"


@dataclass(frozen=True)
class Image:
    """``make(folder)`` writes its layers there, and tells them and its configuration."""

    name: str
    make: Callable[[Path], tuple[list[Path], dict[str, Any]]]
    programs: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
    root: bool = False  # whether it has the node's root file system
    base: Image | None = None  # what its layers lie upon
    packages: tuple[str, ...] = ()  # Debian's, that the base has not

    def made_from(self) -> str:
        """The digest of what it is made from, the code that makes it included."""
        parts = [programs.ALL[name].made_from() for name in self.programs]
        if self.base is not None:
            parts += [self.base.made_from(), self.packages]
        code = Path(inspect.getsourcefile(self.make) or "").read_text()
        return digest.of([self.name, parts, code, rootfs.made_from() if self.root else ""], self.files)


REGISTRY = Image(f"testbed/registry:{versions.REGISTRY[1:]}", small_images.registry, ("registry",))
BUSYBOX = Image("testbed/busybox:1", small_images.busybox)
# programs that the host needs, so that they too are built once per Engine
TOOLS = Image("testbed/tools:1", small_images.tools, ("kind", "kubernetes"))
NODE = Image(
    f"testbed/kind-node:{versions.KUBERNETES}", node_image.make, node_image.PROGRAMS, tuple(node_image.files()), True
)
# a node that is reached by SSH only
_PACKAGES_CODE = (Path(inspect.getsourcefile(node_packages) or ""),)
SSH_NODE = Image(
    f"testbed/ssh-node:{versions.KUBERNETES}",
    ssh_node_image.make,
    files=_PACKAGES_CODE,
    base=NODE,
    packages=versions.SSH_NODE_PACKAGES,
)
# the same with Debian's containerd
DEBIAN_NODE = Image(
    f"testbed/debian-node:{versions.KUBERNETES}",
    debian_node_image.make,
    files=_PACKAGES_CODE,
    base=SSH_NODE,
    packages=versions.DEBIAN_NODE_PACKAGES,
)
ALL = (REGISTRY, BUSYBOX, TOOLS, NODE, SSH_NODE, DEBIAN_NODE)


def missing() -> list[Image]:
    """The images that the Engine has not, or made from something else."""
    return [image for image in ALL if engine.labels(image.name).get(LABEL) != image.made_from()]


def need_parts(images: Iterable[Image]) -> None:
    """What can be made without an Engine: programs and the root file system, side by side."""
    wanted = list(images)
    if not wanted:
        return
    debian.need("busybox", *(["debootstrap"] if any(image.root for image in wanted) else []))
    with programs.background(rootfs.need if any(image.root for image in wanted) else None):
        programs.need(name for image in wanted for name in image.programs)


def make(images: Iterable[Image]) -> None:
    """Make images and give them to the Engine."""
    for image in images:
        say(f"making {image.name}")
        with tempfile.TemporaryDirectory(prefix="image-", dir=CACHE) as name:
            folder = Path(name)
            layers, config = image.make(folder)
            labels = {LABEL: image.made_from()}
            if image.base is not None:
                engine.derive(image.name, image.base.name, layers, labels)
                continue
            config = {**config, "Labels": labels}
            engine.load(archive.write(folder / "image.tar", [archive.ImageContent([image.name], layers, config)]))


def copy_tools() -> None:
    """Get kind and kubectl out of their image, unless they are here."""
    stamp = PROGRAMS / ".tools.made-from"
    if stamp.exists() and stamp.read_text() == TOOLS.made_from() and all(tool.exists() for tool in tools().values()):
        return
    PROGRAMS.mkdir(parents=True, exist_ok=True)
    for name, path in tools().items():
        engine.copy_out(TOOLS.name, f"/{name}", path)
    stamp.write_text(TOOLS.made_from())


def link_tools() -> None:
    """The same from the programs that were built here."""
    for name, path in tools().items():
        source = programs.ALL["kubernetes" if name == "kubectl" else name].path
        if source != path:
            shutil.copy2(source, path)
    (PROGRAMS / ".tools.made-from").write_text(TOOLS.made_from())


def tools() -> dict[str, Path]:
    """Where the host's programs are."""
    return {name: PROGRAMS / name for name in ("kind", "kubectl")}
