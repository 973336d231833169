# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""When containers are put on k3d's network."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from docker.errors import NotFound

from ansible_collections.kubelocal.registry.plugins.module_utils import _k3d_network


class Engine:
    """Has the network from the second look on, and one container."""

    def __init__(self, appears: bool = True) -> None:
        self.looks, self.appears, self.joined = 0, appears, list[str]()
        self.networks = SimpleNamespace(list=self._list, get=lambda _name: SimpleNamespace(connect=self._connect))
        self.containers = SimpleNamespace(get=self._get)

    def _list(self, names: list[str]) -> list[Any]:
        self.looks += 1
        found = [SimpleNamespace(name=f"{names[0]}-2")]
        return [*found, SimpleNamespace(name=names[0])] if self.appears and self.looks > 1 else found

    def _get(self, name: str) -> Any:
        if name == "gone":
            raise NotFound("no such container")
        return SimpleNamespace(name=name, attrs={"NetworkSettings": {"Networks": {}}})

    def _connect(self, container: Any, aliases: list[str]) -> None:
        assert aliases == [container.name]
        self.joined.append(container.name)


def test_joins_what_is_there_once_the_network_is() -> None:
    engine = Engine()
    assert _k3d_network.join(engine, ["gone", "reg"], "k3d-dev", lambda: True) == ["Joined reg to the network k3d-dev."]
    assert (engine.looks, engine.joined) == (2, ["reg"])


def test_a_k3d_that_ends_early_is_not_waited_for() -> None:
    engine = Engine(appears=False)
    assert _k3d_network.join(engine, ["reg"], "k3d-dev", lambda: False) == []
    assert _k3d_network.join(engine, [], "k3d-dev", lambda: True) == []
    assert engine.looks == 1
