# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs built from Go modules; one is built again only when what it is made from has changed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from tests.testbed import debian, digest, versions
from tests.testbed.places import CACHE, HERE, PROGRAMS, Failed, run, say

_GO = HERE / "go"
_FLAGS = {"CGO_ENABLED": "0", "GOFLAGS": "-trimpath -mod=mod"}


@dataclass(frozen=True)
class Program:
    """``package`` of a module; without one, our own main package in the folder go/``name``, on top of the module."""

    name: str
    module: str = ""
    version: str = ""
    package: str = ""
    tags: str = ""
    # variables that the linker sets to the version
    stamped: tuple[str, ...] = ()

    @property
    def path(self) -> Path:
        """Where it is once built."""
        return PROGRAMS / self.name

    def made_from(self) -> str:
        """The digest of what it is made from."""
        sources = [] if self.package else list((_GO / self.name).iterdir())
        return digest.of([self.module, self.version, self.package, self.tags, self.stamped], sources)


_CONTAINERD = "github.com/containerd/containerd/v2"
_SHIM = "containerd-shim-runc-v2"
_NO_SNAPSHOTTERS = "no_btrfs no_zfs no_devmapper"
ALL = {
    program.name: program
    for program in (
        # longest first
        Program(
            "kubernetes",
            "k8s.io/kubernetes",
            versions.KUBERNETES,
            stamped=("k8s.io/component-base/version", "k8s.io/client-go/pkg/version"),
        ),
        Program("registry", "github.com/distribution/distribution/v3", versions.REGISTRY, "cmd/registry"),
        Program("coredns", "github.com/coredns/coredns", versions.COREDNS),
        Program("etcd", "go.etcd.io/etcd/server/v3", versions.ETCD),
        Program("containerd", _CONTAINERD, versions.CONTAINERD, "cmd/containerd", _NO_SNAPSHOTTERS),
        Program(_SHIM, _CONTAINERD, versions.CONTAINERD, f"cmd/{_SHIM}", _NO_SNAPSHOTTERS),
        Program("ctr", _CONTAINERD, versions.CONTAINERD, "cmd/ctr", _NO_SNAPSHOTTERS),
        Program("local-path-provisioner", "github.com/rancher/local-path-provisioner", versions.PROVISIONER, "."),
        Program("kind", "sigs.k8s.io/kind", versions.KIND, "."),
        Program("pause"),
    )
}


def need(names: Iterable[str]) -> None:
    """Build those of the programs that are missing or made from something else."""
    wanted = set(names)
    missing = [program for name, program in ALL.items() if name in wanted and not _is_built(program)]
    if not missing:
        return
    debian.need("go")
    say(f"building {', '.join(program.name for program in missing)}; cold, this takes some minutes")
    # two at a time: while one links or loads modules, the other compiles
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(_build, missing))


@contextmanager
def background(work: Callable[[], None] | None) -> Iterator[None]:
    """Do other work meanwhile; it is done in the end."""
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(work) if work else None
        yield
        if future:
            future.result()


def _is_built(program: Program) -> bool:
    stamp = _stamp(program)
    return program.path.exists() and stamp.exists() and stamp.read_text() == program.made_from()


def _stamp(program: Program) -> Path:
    return PROGRAMS / f".{program.name}.made-from"


def _build(program: Program) -> None:
    folder = CACHE / "go" / program.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    PROGRAMS.mkdir(parents=True, exist_ok=True)
    _stamp(program).unlink(missing_ok=True)
    flags = "-s -w"
    for variable in program.stamped:
        flags += f" -X {variable}.gitVersion={program.version} -X {variable}.gitTreeState=clean"
        flags += f" -X {variable}.gitMajor=1 -X {variable}.gitMinor={program.version.split('.')[1]}"
    options = ["-ldflags", flags, "-tags", program.tags]
    if program.package:
        package = f"{program.module}/{program.package}".removesuffix("/.") + f"@{program.version}"
        run(f"build-{program.name}", ["go", "install", *options, package], {**_FLAGS, "GOBIN": str(folder)})
    else:
        (folder / "go.mod").write_text(_go_mod(program))
        shutil.copy(_GO / program.name / "main.go", folder)
        run(f"build-{program.name}", ["go", "build", *options, "-o", program.name, "."], _FLAGS, folder)
    (folder / program.name).replace(program.path)
    _stamp(program).write_text(program.made_from())
    say(f"built {program.name}")


def _go_mod(program: Program) -> str:
    lines = [f"module testbed/{program.name}", "go 1.26"]
    if program.module:
        lines.append(f"require {program.module} {program.version}")
    if program.name == "kubernetes":
        # its go.mod names its own modules by folder; each is published under v0 of the same minor and patch version
        published = program.version.replace("v1.", "v0.")
        lines += [f"replace {module} => {module} {published}" for module in own_modules(_upstream_go_mod(program))]
    return "\n".join(lines) + "\n"


def own_modules(go_mod: str) -> list[str]:
    """The modules that Kubernetes' go.mod takes from its own tree."""
    return sorted(set(re.findall(r"^\s*(k8s\.io/\S+) v0\.0\.0(?:\s|$)", go_mod, re.MULTILINE)))


def _upstream_go_mod(program: Program) -> str:
    command = ["go", "mod", "download", "-json", f"{program.module}@{program.version}"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise Failed(f"'{' '.join(command)}' failed: {(answer.stderr or answer.stdout).strip()}.")
    return Path(json.loads(answer.stdout)["GoMod"]).read_text()
