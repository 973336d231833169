# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What containerd keeps of imported images, as a layer of the node's image: written by containerd itself."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from tests.testbed import programs
from tests.testbed.archive import Layer
from tests.testbed.places import Failed, run

# all but what an import needs
_DISABLED = (
    "io.containerd.cri.v1.images",
    "io.containerd.cri.v1.runtime",
    "io.containerd.grpc.v1.cri",
    "io.containerd.internal.v1.opt",
    "io.containerd.nri.v1.nri",
)


def layer(folder: Path, archive: Path) -> Path:
    """The layer that has an archive's images below /var/lib/containerd, pinned and not unpacked."""
    root, socket = folder / "containerd", folder / "state" / "containerd.sock"
    configuration = folder / "containerd.toml"
    disabled = ", ".join(f'"{plugin}"' for plugin in _DISABLED)
    configuration.write_text(
        f'version = 3\nroot = "{root}"\nstate = "{folder / "state"}"\ndisabled_plugins = [{disabled}]\n'
        f'[grpc]\n  address = "{socket}"\n'
    )
    with (folder / "containerd.log").open("wb") as log:
        command = [str(programs.ALL["containerd"].path), "--config", str(configuration)]
        containerd = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    ctr = [str(programs.ALL["ctr"].path), "--address", str(socket), "--namespace", "k8s.io"]
    try:
        _wait_for(ctr, containerd, folder)
        pinned = "--label=io.cri-containerd.pinned=pinned"
        run("preload", [*ctr, "images", "import", "--no-unpack", pinned, str(archive)])
    finally:
        containerd.terminate()
        containerd.wait()
    result = Layer(folder / "preloaded.tar")
    for below in ("io.containerd.content.v1.content", "io.containerd.metadata.v1.bolt"):
        result.tree(f"var/lib/containerd/{below}", root / below)
    return result.close()


def _wait_for(ctr: list[str], containerd: subprocess.Popen[bytes], folder: Path) -> None:
    end = time.monotonic() + 30
    while subprocess.run([*ctr, "version"], capture_output=True, check=False).returncode:
        if containerd.poll() is not None or time.monotonic() > end:
            said = (folder / "containerd.log").read_text(errors="replace")
            raise Failed(f"containerd did not answer; it said: {said[-500:]}")
        time.sleep(0.05)
