# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: the caches that a cluster was declared to have, as links of the status."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from ansible_collections.kubelocal.registry.plugins.module_utils import _mirror_status, _mirrors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ansible_collections.kubelocal.registry.plugins.module_utils._mirror_status import MirrorStatus

OPTIONS: dict[str, dict[str, Any]] = {"host": {"type": "str", "required": True}, "endpoint": {"type": "str"}}


@dataclass(frozen=True)
class Declared:
    """A host whose images are cached; ``endpoint`` where somebody else runs the cache."""

    host: str
    endpoint: str | None = None

    @property
    def address(self) -> str:
        """Where nodes are led first, without the scheme."""
        url = self.endpoint or f"http://{_mirrors.container_name(self.host)}:{_mirrors.PORT}"
        return url.partition("://")[2].rstrip("/")


class Links(Protocol):
    """Where findings go."""

    def add(self, link: str, ok: bool | None, detail: str, mend: str = "") -> bool:
        """One more link."""


def declared(items: Sequence[Mapping[str, Any]]) -> list[Declared]:
    """By host, so that the order in the list does not matter."""
    found = [Declared(str(item["host"]), item.get("endpoint") or None) for item in items]
    return sorted(found, key=lambda mirror: mirror.host)


def look(engine: Any, mirrors: Sequence[Declared], network: str | None, links: Links) -> list[dict[str, Any]]:
    """A link for each; what was found about those that are ours, for machines."""
    hosts = [mirror.host for mirror in mirrors if mirror.endpoint is None]
    found = {one.host: one for one in _mirror_status.statuses(engine, hosts, network=network)} if hosts else {}
    for mirror in mirrors:
        one = found.get(mirror.host)
        if one is None:
            links.add(f"mirror {mirror.host}", None, f"not looked at: someone else runs {mirror.endpoint}")
            continue
        said = "; ".join(part for part in (one.message.strip().rstrip("."), numbers(one)) if part)
        links.add(f"mirror {mirror.host}", one.ok, said, one.cure)
    return [found[host].as_dict() for host in sorted(found)]


def numbers(one: MirrorStatus) -> str:
    """What a cache counted since it started, and what it has; nothing where nobody knows."""
    told = []
    if one.hits is not None and one.misses is not None:
        told.append(f"{one.hits} hits, {one.misses} misses")
    if one.pulled_bytes is not None and one.served_bytes is not None:
        told.append(f"{human(one.pulled_bytes)} fetched, {human(one.served_bytes)} served")
    if one.volume_bytes is not None:
        told.append(f"{human(one.volume_bytes)} kept")
    if one.limit is not None and one.remaining is not None:
        told.append(f"{one.remaining} of {one.limit} pulls left")
    return ", ".join(told)


def human(size: int) -> str:
    """An amount of bytes for people."""
    amount = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"
