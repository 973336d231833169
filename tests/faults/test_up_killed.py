# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A first run of ``up`` killed at any moment: the next run finishes it, and the one after that changes nothing.

The moments are seen, in what the play prints and in what there is by then. Long runs kill at all of them, with
everything but the registry's data to be made; other runs at five, for three of which the cluster is there already.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from docker.errors import NotFound

from tests.faults.repair import CERTS, CONFIGMAP, PROVED, Home, Play
from tests.support.waiting import wait_for

pytestmark = pytest.mark.cluster

Seen = Callable[[Home, Play], bool]


@dataclass(frozen=True)
class Moment:
    """``quick``: tried in every run, with a new cluster ("new") or with the one that is there ("there")."""

    name: str
    seen: Seen
    quick: str = ""
    group: bool = False


def _task(name: str) -> Seen:
    return lambda _home, play: play.reached(name)


def _record(home: Home, _play: Play) -> bool:
    return (home.folder / "cache" / "kubelocal.registry" / f"kind.{home.cluster}.json").exists()


def _kind_says(words: str) -> Seen:
    def seen(home: Home, _play: Play) -> bool:
        log: Path = home.folder / "cache" / "kubelocal.registry" / f"kind.{home.cluster}.log"
        return log.exists() and words in log.read_text(errors="replace")

    return seen


def _registry(home: Home, *states: str) -> bool:
    try:
        return home.container().status in states
    except NotFound:
        return False


def _joined(home: Home, _play: Play) -> bool:
    with contextlib.suppress(NotFound):
        return home.network in home.container().attrs["NetworkSettings"]["Networks"]
    return False


def _hosts_toml(home: Home, _play: Play) -> bool:
    with contextlib.suppress(NotFound):
        return home.node(1).exec_run(["test", "-e", f"{CERTS}/{home.host}/hosts.toml"]).exit_code == 0
    return False


def _configmap(home: Home, _play: Play) -> bool:
    with contextlib.suppress(AssertionError):
        return bool(home.kubectl("get", *CONFIGMAP, "--ignore-not-found", "-o", "name"))
    return False


def _proof_pods(home: Home, _play: Play) -> bool:
    with contextlib.suppress(AssertionError):
        return "kubelocal-proof" in home.kubectl("get", "pods", "--all-namespaces", "-o", "name")
    return False


MOMENTS = [
    Moment("variables are being checked", _task("Check the variables")),
    Moment("what is needed is being checked", _task("Check what is needed")),
    Moment("kind is about to be started", _task("Have the kind cluster")),
    Moment("the creation is on record", _record, group=True),
    Moment("the first node is there", lambda home, _play: bool(home.node_containers()), quick="new", group=True),
    Moment("the registry's turn has come", _task("Have the registry as declared"), quick="there"),
    Moment("the registry's container is made", lambda home, _play: _registry(home, "created", "running"), group=True),
    Moment("the registry runs", lambda home, _play: _registry(home, "running")),
    Moment("kind starts the control plane", _kind_says("Starting control-plane"), quick="new"),
    Moment("kind joins the worker", _kind_says("Joining worker nodes"), group=True),
    Moment("the kubeconfig is written", lambda home, _play: home.kubeconfig.exists()),
    Moment("the registry joins the network", _joined, quick="there", group=True),
    Moment("a node has its hosts.toml", _hosts_toml, group=True),
    Moment("the ConfigMap is there", _configmap),
    Moment("the proof's pods are there", _proof_pods, quick="there"),
]
# before it the nodes and the cluster can't have been told of the registry
FIRST_CONNECTED = [moment.name for moment in MOMENTS].index("the registry joins the network")


def _cases() -> list[object]:
    cases = []
    for moment in MOMENTS:
        quick = (moment.quick == "new", moment.group) if moment.quick else None
        if quick:
            cases.append(pytest.param(moment, *quick, id=_id(moment, *quick)))
        for group in (False, True):
            if quick != (True, group):
                cases.append(pytest.param(moment, True, group, id=_id(moment, True, group), marks=pytest.mark.long))
    return cases


def _id(moment: Moment, new: bool, group: bool) -> str:
    return f"{moment.name}, {'its group' if group else 'the play alone'}{'' if new else ', the cluster was there'}"


def test_there_are_as_many_moments_as_promised() -> None:
    assert len(MOMENTS) == 15
    assert sum(1 for moment in MOMENTS if moment.quick) == 5


@pytest.mark.parametrize(("moment", "new", "group"), _cases())
def test_the_play_is_killed(home: Home, moment: Moment, new: bool, group: bool) -> None:
    if new:
        home.forget_all()
    else:
        home.forget_registry()
    play = home.begin_up()
    deadline = time.monotonic() + 300
    while not moment.seen(home, play):
        assert play.process.poll() is None, f"'{moment.name}' was not seen:\n{play.output}"
        assert time.monotonic() < deadline, f"'{moment.name}' was not seen:\n{play.output}"
        time.sleep(0.02)
    said = play.kill(group)
    assert "PLAY RECAP" not in said
    if new and MOMENTS.index(moment) < FIRST_CONNECTED:
        # nobody goes on with what a killed play had not begun
        assert home.broken()
    finished = home.up()
    assert PROVED in finished.stdout
    assert "Traceback" not in finished.stdout
    home.is_whole()
    # of what the killed play's proof made for a while nothing stays, once a module that outlived the play has ended
    wait_for("no pod is left", lambda: not _proof_pods(home, play), 120, 1)
