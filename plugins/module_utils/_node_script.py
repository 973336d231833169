# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: the shell script that answers on a node that is a container, and how it is asked.

A request is the number of its words and then each word on a line of its own. The script does nothing before it has all of them, so
what is cut short while it comes does nothing at all. Words come by standard input and go through nothing but what the shell itself
does, so that they stand in no process list. An answer ends with a line of the token that the script was started with, and a code.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError

if TYPE_CHECKING:
    from collections.abc import Sequence

# what the script answers besides 0 and 1
NOT_STARTED, NO_TAR, NOT_THERE = 3, 4, 5

# Written for any POSIX shell with the few programs that busybox has too.
SCRIPT = r"""
set -u
umask 022
trap '' HUP PIPE
export LC_ALL=C
exec 3<&0 </dev/null

archive() {
  [ -e "$1" ] || [ -L "$1" ] || return 5
  command -v tar >/dev/null || return 4
  folder=${1%/*}
  tar -cf - -C "${folder:-/}" "./${1##*/}"
}

steps() {
  while [ $# -gt 0 ]; do
    case $1 in
      stage) mkdir -m 700 "$2" || return 1; stage=$2; shift 2 ;;
      write)
        case $(command -v printf) in /*) echo "its shell has no printf of its own"; return 1 ;; esac
        printf %b "$4" > "$2" && chmod "$3" "$2" || return 1
        shift 4 ;;
      clear) rm -rf "$2" || return 1; shift 2 ;;
      move) if [ -d "$3" ]; then echo "$3 is a folder"; return 1; fi; mv -f "$2" "$3" || return 1; shift 3 ;;
      keep) [ -e "$3" ] || cp -a "$2" "$3" || return 1; shift 3 ;;
      folder) mkdir -p "$2" || return 1; shift 2 ;;
      touch) touch "$2" || return 1; shift 2 ;;
      remove) rm -f "$2" || return 1; shift 2 ;;
      empty) rmdir "$2" 2>/dev/null || :; shift 2 ;;
      restart) shift; restart "$@"; return ;;
      *) echo "unknown step $1"; return 1 ;;
    esac
  done
}

restart() {
  when=$1; service=$2; socket=$3; mark=$4; backup=$5; file=$6; shift 6
  older=no
  if [ -S "$socket" ]; then
    for each in "$@"; do [ "$each" -nt "$socket" ] && older=yes; done
    if [ "$when" = ask ]; then echo "older=$older runs=yes"; return 0; fi
    if [ "$when" = always ] || [ "$older" = yes ]; then
      if [ ! -d /run/systemd/system ]; then echo "no systemd here, restart $service yourself"; return 1; fi
      if ! systemctl restart "$service"; then
        if [ -n "$backup" ]; then cp -a "$backup" "$file"; systemctl reset-failed "$service"; systemctl restart "$service"; fi
        echo "$service does not start with the new $file, which was put back as it was"
        return 3
      fi
      echo restarted
    fi
  elif [ "$when" = ask ]; then
    if [ -d /run/systemd/system ]; then echo "older=no runs=yes"; else echo "older=no runs=no"; fi
    return 0
  elif [ -d /run/systemd/system ] && [ "$when" = always ]; then systemctl restart "$service" && echo restarted
  fi
  printf '' > "$mark"
}

while IFS= read -r count <&3; do
  number=0 words=''
  while [ "$number" -lt "$count" ]; do
    IFS= read -r word <&3 || exit 0
    number=$((number + 1))
    eval "word$number=\$word"
    words="$words \"\$word$number\""
  done
  eval "set -- $words"
  stage=''
  case $1 in
    archive) archive "$2" ;;
    is_dir) [ -d "$2" ] ;;
    *) steps "$@" 2>&1 ;;
  esac
  code=$?
  [ -z "$stage" ] || rm -rf "$stage"
  printf '\n%s %s\n' "$0" "$code"
done
"""

_CODED = re.compile(rb"[^ -\[\]-~]")


def request(words: Sequence[str]) -> bytes:
    """The lines that ask for ``words``."""
    broken = next((word for word in words if "\n" in word), None)
    if broken is not None:
        raise ExpectedError(f"{broken!r} has a line break in its name; rename it on the node.")
    return "\n".join([str(len(words)), *words, ""]).encode(errors="surrogateescape")


def written(content: bytes) -> str:
    """A file's content as the step ``write`` takes it."""
    return _CODED.sub(lambda match: b"\\0%03o" % match.group()[0], content).decode("ascii")


def answered(output: bytearray, token: str) -> tuple[int, int] | None:
    """How many bytes the end of an answer takes, and its code, once it is all there."""
    end = re.search(rb"\n%s ([0-9]+)\n\Z" % token.encode(), output[-len(token) - 8 :])
    return None if end is None else (len(end.group()), int(end.group(1)))
