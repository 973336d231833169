# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one more node costs containerd_hosts, against the two 'docker exec' of kind's script.

The nodes are containers that sleep: reading, writing and renaming are real, containerd is not there.
"""

from __future__ import annotations

import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import docker

from tests.support import nodes
from tests.support.modules import run_module
from tests.support.names import Names
from tests.support.removal import remove_leftovers
from tests.support.testbed import load

COUNTS = (1, 5, 20, 40)
LIMIT = 0.2


def main() -> int:
    """Print the table; 1 when a limit is missed."""
    client = docker.from_env(version="auto", timeout=120)
    names = Names()
    found = [names(f"node{number}") for number in range(max(COUNTS))]
    try:
        image = load().busybox_image
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda name: nodes.sleeping(client, image, name), found))
        return _measure(found)
    finally:
        remove_leftovers(client, lambda name: name.startswith(names.prefix))


def _measure(found: list[str]) -> int:
    script = _script(found[:10])
    print(f"one more node by kind's script (two docker exec): {script * 1000:.0f} ms")
    print("nodes (sleeping containers)   no change      change")
    base = {"no change": 0.0, "change": 0.0}
    missed = 0
    for count in COUNTS:
        _seconds(found[:count], 5000)
        same = min(_seconds(found[:count], 5000) for _ in range(2))
        change = min(_seconds(found[:count], 5001 + number) for number in range(2))
        if count == COUNTS[0]:
            base = {"no change": same, "change": change}
            print(f"{count:5}                        {same:6.2f} s    {change:6.2f} s")
            continue
        more = [(same - base["no change"]) / (count - 1), (change - base["change"]) / (count - 1)]
        texts = [f"{each * 1000:4.0f} ms = {each / script:4.2f}" for each in more]
        print(f"{count:5}                        {same:6.2f} s    {change:6.2f} s   one more: {', '.join(texts)}")
        missed += sum(each / script > LIMIT for each in more)
    print(f"limit for one more node: {LIMIT} of the script's; {'missed' if missed else 'held'}")
    return 1 if missed else 0


def _seconds(found: list[str], port: int) -> float:
    url = f"http://registry:{port}"
    registries: list[dict[str, Any]] = [{"host": "localhost:5001", "server": url, "endpoints": [{"url": url}]}]
    begun = time.monotonic()
    run_module("containerd_hosts", nodes=found, registries=registries)
    return time.monotonic() - begun


def _script(found: list[str]) -> float:
    begun = time.monotonic()
    folder = f"{nodes.CERTS}/script:5001"
    for name in found:
        subprocess.run(["docker", "exec", name, "mkdir", "-p", folder], check=True)
        copy = ["docker", "exec", "-i", name, "cp", "/dev/stdin", f"{folder}/hosts.toml"]
        subprocess.run(copy, input=b'[host."http://registry:5000"]\n', check=True)
    return (time.monotonic() - begun) / len(found)


if __name__ == "__main__":
    raise SystemExit(main())
