# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: a node that is a container, reached by the Engine's archive API and one command.

Nothing is written over a file that containerd may be reading: what is new is put into a folder of its own, and one command
renames it into place. The command's text is fixed; paths are its arguments, and so is what is new when it is little and no secret.
"""

from __future__ import annotations

import base64
import io
import json
import posixpath
import tarfile
import time
from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils._docker import explain
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._hosts_toml import EMPTIED
from ansible_collections.kubelocal.registry.plugins.module_utils._node_tree import (
    Entry,
    NewFile,
    NotStarted,
    Outcome,
    Plan,
    Restart,
)

try:
    from docker.errors import DockerException, NotFound
    from requests.exceptions import RequestException
except ImportError:  # told by the module, through _docker.DOCKER_IMPORT_ERROR
    pass

if TYPE_CHECKING:
    from collections.abc import Mapping

# the bits of Go's file modes for folders and links
_GO_DIR, _GO_LINK = 1 << 31, 1 << 27

# Written for any POSIX shell with the few programs that busybox has too.
_SCRIPT = r"""
set -u
umask 022
while [ $# -gt 0 ]; do
  case $1 in
    write) printf %s "$3" > "$2" || exit 1; shift 3 ;;
    clear) rm -rf "$2" || exit 1; shift 2 ;;
    move) if [ -d "$3" ]; then echo "$3 is a folder"; exit 1; fi; mv -f "$2" "$3" || exit 1; shift 3 ;;
    keep) [ -e "$3" ] || cp -a "$2" "$3" || exit 1; shift 3 ;;
    folder) mkdir -p "$2" || exit 1; shift 2 ;;
    touch) touch "$2" || exit 1; shift 2 ;;
    remove) rm -f "$2" || exit 1; shift 2 ;;
    empty) rmdir "$2" 2>/dev/null || :; shift 2 ;;
    restart) break ;;
    *) echo "unknown step $1"; exit 1 ;;
  esac
done
[ $# -gt 0 ] || exit 0
when=$2; service=$3; socket=$4; mark=$5; backup=$6; file=$7; stage=$8; shift 8
older=no
if [ -S "$socket" ]; then
  for each in "$@"; do [ "$each" -nt "$socket" ] && older=yes; done
  if [ "$when" = ask ]; then echo "older=$older runs=yes"; exit 0; fi
  if [ "$when" = always ] || [ "$older" = yes ]; then
    if [ ! -d /run/systemd/system ]; then echo "no systemd here, restart $service yourself"; exit 1; fi
    if ! systemctl restart "$service"; then
      if [ -n "$backup" ]; then cp -a "$backup" "$file"; systemctl reset-failed "$service"; systemctl restart "$service"; fi
      rm -rf "$stage"
      echo "$service does not start with the new $file, which was put back as it was"
      exit 3
    fi
    echo restarted
  fi
elif [ "$when" = ask ]; then
  if [ -d /run/systemd/system ]; then echo "older=no runs=yes"; else echo "older=no runs=no"; fi
  exit 0
elif [ -d /run/systemd/system ] && [ "$when" = always ]; then systemctl restart "$service" && echo restarted
fi
: > "$mark"
[ -z "$stage" ] || rm -rf "$stage"
exit 0
"""


class ContainerNode:
    """One container; ``summary`` is its entry in the Engine's list."""

    def __init__(self, client: Any, name: str, summary: Mapping[str, Any]) -> None:
        self.name = name
        self.running = summary.get("State") == "running"
        self.born = float(summary.get("Created") or 0)
        self._api = client.api
        self._id = str(summary["Id"])

    def read(self, path: str) -> dict[str, Entry]:
        """One archive read; a link at ``path`` itself is followed."""
        for _depth in range(10):
            entries = self._archive(path)
            top = entries.get(path)
            if top is None or top.kind != "link":
                return entries
            target = posixpath.normpath(posixpath.join(posixpath.dirname(path), top.target))
            found = self._archive(target)
            if found.get(target, top).kind != "link":
                return {path + name[len(target) :]: entry for name, entry in found.items()}
            path = target
        raise ExpectedError(f"'{path}' is a link that leads in a circle; mend it on the node.")

    def is_dir(self, path: str) -> bool:
        """Whether a folder is at ``path``; the SDK has no call for the Engine's HEAD of an archive, which costs a tenth of a read."""
        url = f"{self._api.base_url}/v{self._api.api_version}/containers/{self._id}/archive"
        try:
            answer = self._api.head(url, params={"path": path}, timeout=self._api.timeout)
            found = json.loads(base64.b64decode(answer.headers.get("X-Docker-Container-Path-Stat", "")) or "{}")
        except (RequestException, ValueError) as error:
            raise ExpectedError(f"'{path}' can't be read: {explain(error)}.") from error
        return bool(int(found.get("mode", 0)) & _GO_DIR) or bool(int(found.get("mode", 0)) & _GO_LINK)

    def owed(self, restart: Restart) -> bool:
        """Whether it would be restarted now."""
        return ("runs=yes" if restart.needed else "older=yes") in self._run(_restart_words(restart, "ask"))

    def apply(self, plan: Plan) -> Outcome:
        """At most one put, and one command; on a stopped container the put alone."""
        if not self.running:
            return self._apply_stopped(plan)
        words: list[str] = []
        if plan.writes and _open(plan):
            for folder in sorted({posixpath.dirname(path) for path in plan.staged.values()}):
                words += ["folder", folder]
            for path, file in plan.writes.items():
                words += ["write", plan.staged[path], file.content.decode()]
        elif plan.writes:
            self._put({plan.staged[path]: file for path, file in plan.writes.items()}, {plan.stage})
        for path in plan.clear:
            words += ["clear", path]
        for source, target in plan.aside:
            words += ["move", source, target]
        for source, target in plan.keep:
            words += ["keep", source, target]
        words += self._moves(plan)
        for path in plan.remove:
            words += ["remove", path]
        for source, target in plan.back:
            words += ["move", source, target]
        for path in plan.empty:
            words += ["empty", path]
        if plan.restart is not None:
            if plan.restart.undo is not None:
                words = ["keep", plan.restart.undo[1], plan.restart.undo[0], *words]
            words += _restart_words(plan.restart, "always" if plan.restart.needed else "older", plan.stage)
        elif plan.writes:
            words += ["clear", plan.stage]
        return Outcome("restarted" in self._run(words).split())

    @staticmethod
    def _moves(plan: Plan) -> list[str]:
        words: list[str] = []
        moved: set[str] = set()
        # a folder that is new with all its files is one rename
        new = {
            folder
            for folder in plan.folders
            if any(posixpath.dirname(path) == folder for path in plan.writes)
            and not any(other.startswith(folder + "/") for other in plan.folders)
        }
        for folder in plan.folders:
            if folder not in new:
                words += ["folder", folder]
        for path in plan.writes:
            folder = posixpath.dirname(path)
            if folder in new:
                if folder not in moved:
                    moved.add(folder)
                    words += ["move", posixpath.dirname(plan.staged[path]), folder]
                continue
            if plan.restart is not None and path in plan.restart.files:
                # its time is the node's, whatever this machine's clock says
                words += ["touch", plan.staged[path]]
            words += ["move", plan.staged[path], path]
        return words

    def _apply_stopped(self, plan: Plan) -> Outcome:
        """What can be done without a command: files are put where they belong, and what should go is emptied."""
        files: dict[str, NewFile] = {}
        for source, target in [*plan.keep, *plan.aside]:
            old = self.read(source).get(source)
            if old is None or old.kind != "file":
                raise ExpectedError(
                    f"'{source}' is in the way and can't be moved while the container is stopped; start it."
                )
            files[target] = NewFile(old.content, old.mode)
        for path in plan.remove:
            files[path] = NewFile(EMPTIED.encode(), 0o644)
        for source, target in plan.back:
            files[target] = NewFile(self.read(source)[source].content)
        files.update(plan.writes)
        self._put(files, set(), plan.folders)
        return Outcome(actions=["it is stopped: what was written counts when it starts"])

    def _archive(self, path: str) -> dict[str, Entry]:
        try:
            chunks, _stat = self._api.get_archive(self._id, path, chunk_size=None)
            data = b"".join(chunks)
        except NotFound:
            return {}
        except (DockerException, RequestException) as error:
            raise ExpectedError(f"'{path}' can't be read: {explain(error)}.") from error
        entries: dict[str, Entry] = {}
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            for member in tar:
                # the archive's first component is the last of ``path``
                relative = member.name.strip("/").partition("/")[2]
                name = posixpath.join(path, relative) if relative else path
                if member.isdir():
                    entries[name] = Entry("dir", mode=member.mode & 0o7777, mtime=member.mtime)
                elif member.issym():
                    entries[name] = Entry("link", target=member.linkname, mtime=member.mtime)
                elif member.isfile() or member.islnk():
                    source = tar.extractfile(member)
                    content = source.read() if source else b""
                    entries[name] = Entry("file", content, member.mode & 0o7777, member.mtime)
                else:
                    entries[name] = Entry("other")
        return entries

    def _put(self, files: Mapping[str, NewFile], private: set[str], folders: list[str] | None = None) -> None:
        buffer = io.BytesIO()
        now = int(time.time())
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            made: set[str] = set()
            for folder in sorted({*private, *(folders or [])}):
                _add_folder(tar, folder, 0o700 if folder in private else 0o755, now, made)
            for path, file in sorted(files.items()):
                parent = posixpath.dirname(path)
                if any(parent.startswith(top + "/") for top in private):
                    _add_folder(tar, parent, 0o755, now, made)
                info = tarfile.TarInfo(path.lstrip("/"))
                info.size, info.mode, info.mtime = len(file.content), file.mode, now
                tar.addfile(info, io.BytesIO(file.content))
        try:
            self._api.put_archive(self._id, "/", buffer.getvalue())
        except (DockerException, RequestException) as error:
            raise ExpectedError(f"files can't be put into it: {explain(error)}.") from error

    def _run(self, words: list[str]) -> str:
        try:
            command = ["sh", "-c", _SCRIPT, "kubelocal", *words]
            created = self._api.exec_create(self._id, command, user="0")["Id"]
            output = self._api.exec_start(created)
            code = self._api.exec_inspect(created)["ExitCode"]
        except (DockerException, RequestException) as error:
            raise ExpectedError(f"no command can be run in it: {explain(error)}.") from error
        text = bytes(output or b"").decode(errors="replace").strip()
        if code:
            raise (NotStarted if code == 3 else ExpectedError)(text or f"the command in it ended with {code}.")
        return text


def _open(plan: Plan) -> bool:
    """Whether all that is written may stand in a process list and fits there, which saves the put."""
    if plan.restart is not None and plan.restart.needed:
        return False  # containerd's own configuration may hold anything
    files = plan.writes.values()
    return (
        all(file.mode == 0o644 and not file.secret for file in files)
        and sum(len(file.content) for file in files) < 30000
    )


def _add_folder(tar: tarfile.TarFile, path: str, mode: int, now: int, made: set[str]) -> None:
    if path in made:
        return
    made.add(path)
    info = tarfile.TarInfo(path.lstrip("/"))
    info.type, info.mode, info.mtime = tarfile.DIRTYPE, mode, now
    tar.addfile(info)


def _restart_words(restart: Restart, when: str, stage: str = "") -> list[str]:
    backup, file = restart.undo or ("", "")
    return ["restart", when, restart.service, restart.socket, restart.mark, backup, file, stage, *restart.files]
