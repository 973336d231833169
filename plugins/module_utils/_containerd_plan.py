# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: what has to change in a node's files so that containerd finds its registries as declared."""

from __future__ import annotations

import hashlib
import posixpath
import re
import secrets
from dataclasses import dataclass, field

from ansible_collections.kubelocal.registry.plugins.module_utils._containerd_config import (
    effective,
    imports,
    set_config_path,
    socket,
)
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._hosts_toml import (
    EMPTIED,
    Registry,
    Rendered,
    mask,
    ours,
    render,
)
from ansible_collections.kubelocal.registry.plugins.module_utils._node_tree import (
    MARK,
    STAGE,
    NewFile,
    Plan,
    Restart,
    View,
)

CERTS_DIR = "/etc/containerd/certs.d"
_PEM = re.compile(r"(?:ca|client)-[0-9]+\.(?:crt|key)")


@dataclass(frozen=True)
class Wanted:
    """The module's options, the same for all nodes."""

    registries: list[Registry] = field(default_factory=list)
    present: bool = True
    exclusive: bool = False
    certs_dir: str | None = None
    config_file: str = "/etc/containerd/config.toml"
    service: str = "containerd"
    k3s_config: str = "/etc/rancher/k3s"
    k3s_data: str = "/var/lib/rancher/k3s"


def plan_containerd(view: View, wanted: Wanted) -> Plan:
    """The plan for one node with the plain layout."""
    plan = Plan()
    base = posixpath.dirname(wanted.config_file)
    view.load(base)
    configuration = _load(view, wanted.config_file)
    setting = effective(wanted.config_file, configuration)
    certs_dir = wanted.certs_dir or _single_folder(view, setting.value) or CERTS_DIR
    start(plan, view, certs_dir)
    plan_tree(plan, view, wanted, certs_dir)
    if wanted.present and setting.value != certs_dir:
        _plan_config(plan, view, setting.file, configuration.get(setting.file, ""), certs_dir)
    plan.restart = _restart(plan, view, wanted, configuration)
    return plan


def start(plan: Plan, view: View, certs_dir: str) -> None:
    """Choose where new files are put first, and find what runs cut short have left."""
    parent = certs_dir
    while parent != "/" and not view.is_dir(parent):
        parent = posixpath.dirname(parent)
    plan.stage = posixpath.join(parent, f"{STAGE}-{secrets.token_hex(4)}")
    view.load(certs_dir)
    for folder in sorted({parent, posixpath.dirname(certs_dir)}):
        if view.covers(folder):
            plan.clear += [posixpath.join(folder, name) for name in view.names(folder) if name.startswith(STAGE)]
    if plan.clear:
        plan.actions.append("removed what a run that was cut short had left")


def plan_tree(
    plan: Plan,
    view: View,
    wanted: Wanted,
    certs_dir: str,
    accepted: frozenset[str] = frozenset(),
    foreign_ours: frozenset[str] = frozenset(),
) -> None:
    """Plan the tree of hosts.toml; ``accepted`` hosts are right as they stand, ``foreign_ours`` are ours without the marker."""
    listed = {registry.host for registry in wanted.registries}
    if wanted.present and wanted.registries:
        make_folder(plan, view, certs_dir)
    for registry in wanted.registries if wanted.present else []:
        if registry.host not in accepted:
            _plan_host(plan, view, registry, certs_dir, foreign_ours)
    for host in view.names(certs_dir) if view.is_dir(certs_dir) else []:
        entry = view.get(f"{certs_dir}/{host}/hosts.toml")
        if entry is None or not (ours(entry.content) or host in foreign_ours):
            continue
        if not view.node.running and entry.content == EMPTIED.encode():
            continue
        unlisted = wanted.exclusive and (host not in listed or not wanted.present)
        if unlisted or (not wanted.present and host in listed):
            _plan_removal(plan, view, certs_dir, host)


def make_folder(plan: Plan, view: View, folder: str) -> None:
    """Plan that ``folder`` is there; something else of that name is moved aside."""
    if folder in plan.folders or view.is_dir(folder):
        return
    if view.get(folder) is not None:
        _aside(plan, view, folder)
    parent = posixpath.dirname(folder)
    if parent != "/":
        make_folder(plan, view, parent)
    plan.folders.append(folder)


def write(plan: Plan, view: View, path: str, file: NewFile) -> bool:
    """Plan a file, if what is there differs in content or mode; its folder has to be there or planned."""
    entry = view.get(path)
    if entry is not None and entry.kind == "file" and entry.content == file.content and entry.mode == file.mode:
        return False
    plan.writes[path] = file
    plan.staged[path] = f"{plan.stage}/{len(plan.staged)}"
    if posixpath.dirname(path) in plan.folders:
        plan.staged[path] = f"{plan.stage}/{_key(posixpath.dirname(path))}/{posixpath.basename(path)}"
    before = "" if entry is None or entry.kind != "file" else entry.content.decode(errors="replace")
    after = file.content.decode()
    if file.secret:
        before, after = ("(secret)\n" if before else ""), "(secret)\n"
    plan.shown[path] = (mask(before), mask(after))
    return True


def backup(plan: Plan, view: View, path: str) -> str:
    """Plan a copy of a file that is not ours, unless one was kept before; the copy's path."""
    target = f"{path}.orig"
    if view.get(target) is None:
        plan.keep.append((path, target))
    return target


def _plan_host(plan: Plan, view: View, registry: Registry, certs_dir: str, foreign_ours: frozenset[str]) -> None:
    folder = f"{certs_dir}/{registry.host}"
    rendered = render(registry, folder)
    before = (len(plan.aside), len(plan.writes))
    shadow = _shadow(registry.host)
    if shadow and view.is_dir(f"{certs_dir}/{shadow}"):
        # containerd looks there first
        _aside(plan, view, f"{certs_dir}/{shadow}")
        plan.actions.append(f"moved {certs_dir}/{shadow}, which came before '{registry.host}', to {shadow}.orig")
    make_folder(plan, view, folder)
    hosts = f"{folder}/hosts.toml"
    entry = view.get(hosts) if view.is_dir(folder) else None
    was_ours = entry is not None and entry.kind == "file" and (ours(entry.content) or registry.host in foreign_ours)
    kept = ""
    if entry is not None and entry.kind != "file":
        _aside(plan, view, hosts)
    elif entry is not None and not was_ours and entry.content != rendered.text.encode():
        kept = f", and kept the foreign one as {posixpath.basename(backup(plan, view, hosts))}"
    # a certificate has to be there before the file that names it
    for name, (content, mode) in sorted(rendered.files.items()):
        write(plan, view, f"{folder}/{name}", NewFile(content, mode, secret=mode == 0o600))
    write(plan, view, hosts, NewFile(rendered.text.encode(), rendered.mode))
    stale = _stale(view, folder, rendered) if was_ours else []
    plan.remove += [f"{folder}/{name}" for name in stale]
    if (len(plan.aside), len(plan.writes)) != before or stale:
        plan.actions.append(f"wrote {hosts}{kept}")


def _plan_removal(plan: Plan, view: View, certs_dir: str, host: str) -> None:
    folder = f"{certs_dir}/{host}"
    hosts = f"{folder}/hosts.toml"
    entry = view.get(hosts)
    plan.shown[hosts] = (mask(entry.content.decode(errors="replace")) if entry else "", "")
    plan.remove.append(hosts)
    plan.remove += [f"{folder}/{name}" for name in view.names(folder) if _PEM.fullmatch(name)]
    if view.get(f"{hosts}.orig") is not None:
        plan.back.append((f"{hosts}.orig", hosts))
        plan.actions.append(f"put back the hosts.toml that {folder} had before ours")
    else:
        plan.empty.append(folder)
        plan.actions.append(f"removed {hosts}")


def _plan_config(plan: Plan, view: View, path: str, text: str, certs_dir: str) -> None:
    edited = set_config_path(path, text, certs_dir)
    make_folder(plan, view, posixpath.dirname(path))
    if view.get(path) is not None:
        backup(plan, view, path)
    entry = view.get(path)
    write(
        plan, view, path, NewFile(edited.encode(), entry.mode if entry is not None and entry.kind == "file" else 0o644)
    )
    plan.actions.append(f"set containerd's config_path to {certs_dir} in {path}")


def _restart(plan: Plan, view: View, wanted: Wanted, configuration: dict[str, str]) -> Restart | None:
    base = posixpath.dirname(wanted.config_file)
    mark = f"{base}/{MARK}"
    changed = [path for path in plan.writes if path == wanted.config_file or path in configuration]
    files = sorted({*configuration, *changed})
    address = socket(configuration)
    if changed:
        path = changed[0]
        undo = (f"{plan.stage}/undo", path) if view.get(path) is not None else None
        return Restart(wanted.service, address, files, mark, True, undo)
    newest = max((entry.mtime for path in files for entry in [view.get(path)] if entry is not None), default=0.0)
    seen = view.get(mark)
    # times in an archive are whole seconds, so only a later one proves anything
    if newest <= view.node.born or (seen is not None and int(seen.mtime) > int(newest)):
        return None
    return Restart(wanted.service, address, files, mark)


def _load(view: View, main: str) -> dict[str, str]:
    """The texts of the main file and of all that it imports, directly or not."""
    found: dict[str, str] = {}
    queue = [main]
    while queue:
        path = queue.pop(0)
        entry = view.get(path)
        if path in found or entry is None or entry.kind not in ("file", "link"):
            continue
        content = entry.content
        if entry.kind == "link":
            real = view.node.read(path).get(path)
            content = real.content if real is not None else b""
        found[path] = content.decode(errors="replace")
        for pattern in imports(path, found[path]):
            folder, name = posixpath.split(pattern)
            expression = re.compile(_glob(name))
            if re.search(r"[*?\[]", folder):
                raise ExpectedError(
                    f"{path} imports '{pattern}', whose folder has a wildcard; only file names may have one here."
                )
            queue += [f"{folder}/{each}" for each in view.names(folder) if expression.fullmatch(each)]
    return found


def _glob(pattern: str) -> str:
    return "".join({"*": "[^/]*", "?": "[^/]"}.get(char, re.escape(char)) for char in pattern)


def _single_folder(view: View, value: str | None) -> str | None:
    if not value or ":" in value or not value.startswith("/"):
        return None
    folder = posixpath.normpath(value)
    return folder if folder == value and view.is_dir(folder) else None


def _shadow(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return f"{name}_{port}_" if colon and not host.endswith("]") else ""


def _stale(view: View, folder: str, rendered: Rendered) -> list[str]:
    return [name for name in view.names(folder) if _PEM.fullmatch(name) and name not in rendered.files]


def _aside(plan: Plan, view: View, path: str) -> None:
    target, number = f"{path}.orig", 0
    while view.get(target) is not None:
        number += 1
        target = f"{path}.orig.{number}"
    plan.aside.append((path, target))


def _key(folder: str) -> str:
    return hashlib.sha256(folder.encode()).hexdigest()[:12]
