# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad input for every variable of the playbooks, and good input that must pass."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils import _formats
from ansible_collections.kubelocal.registry.plugins.plugin_utils import _variables

# one variable, its bad value, and a word that the sentence must hold beside the variable and the value
BAD: list[tuple[str, Any, str]] = [
    ("cluster_provider", "minikube", "is not one of kind, k3d, remote, existing"),
    ("cluster_provider", "knid", "did you mean 'kind'?"),
    ("cluster_provider", "", "is not one of"),
    ("cluster_provider", ["kind"], "is a list"),
    ("cluster_name", "", "is empty"),
    ("cluster_name", " ", "white space"),
    ("cluster_name", "dev ", "white space around it"),
    ("cluster_name", "Dev", "lower-case"),
    ("cluster_name", "dev;reboot", "lower-case"),
    ("cluster_name", "$(id)", "lower-case"),
    ("cluster_name", "`id`", "lower-case"),
    ("cluster_name", "dev\nprod", "lower-case"),
    ("cluster_name", "../dev", "lower-case"),
    ("cluster_name", "-dev", "lower-case"),
    ("cluster_name", "dév", "lower-case"),
    ("cluster_name", "d" * 50, "at most 49"),
    ("cluster_name", True, "is a boolean"),
    ("cluster_name", {"a": "b"}, "is a mapping"),
    ("cluster_name", 1.5, "in quotes"),
    ("cluster_name", None, "null is no value"),
    ("cluster_context", "a b", "context"),
    ("cluster_context", "$(id)", "context"),
    ("cluster_kubeconfig", "../config", "is not a path"),
    ("cluster_kubeconfig", "/tmp/a;b", "is not a path"),
    ("cluster_kubeconfig", "/tmp/a\nb", "is not a path"),
    ("cluster_kubeconfig", "/", "is a folder"),
    ("cluster_docker_host", "localhost:2375", "Docker Engine"),
    ("cluster_docker_host", "tcp://a b", "Docker Engine"),
    ("cluster_docker_host", "tcp://$(id)", "Docker Engine"),
    ("registry_name", "local_registry", "nodes can look up"),
    ("registry_name", "local registry", "nodes can look up"),
    ("registry_name", "a/b", "nodes can look up"),
    ("registry_name", 'a"b', "nodes can look up"),
    ("registry_name", "r" * 64, "at most 63"),
    ("registry_port", 0, "from 1 to 65535"),
    ("registry_port", 65536, "from 1 to 65535"),
    ("registry_port", -1, "from 1 to 65535"),
    ("registry_port", "5001x", "whole number"),
    ("registry_port", "", "whole number"),
    ("registry_port", "\uff15\uff10\uff10\uff11", "whole number"),
    ("registry_port", "5_001", "whole number"),
    ("registry_port", 5001.5, "whole number"),
    ("registry_port", True, "whole number"),
    ("registry_port", [5001], "whole number"),
    ("registry_persistent", "perhaps", "neither true nor false"),
    ("registry_persistent", "", "neither true nor false"),
    ("registry_purge", 2, "neither true nor false"),
    ("up_proof", "sure", "neither true nor false"),
    ("up_preflight", [], "neither true nor false"),
    ("status_file", "/nowhere/at/all/status.json", "does not exist"),
    ("status_file", "/tmp", "is a folder"),
    ("status_file", "/tmp/../etc/passwd", "is not a path"),
    ("status_file", "/tmp/$(id)", "is not a path"),
    ("mirrors", 5, "is not a list"),
    ("mirrors", {"host": "docker.io"}, "is not a list"),
    ("mirrors", ["docker.io/library"], "host of a registry"),
    ("mirrors", ["https://docker.io"], "host of a registry"),
    ("mirrors", [""], "host"),
    ("mirrors", '["docker.io"', "in JSON"),
    ("mirrors", ["docker.io", "docker.io"], "twice"),
    ("mirrors", [{"host": "docker.io", "username": "me"}], "without password"),
    ("mirrors", [{"host": "docker.io", "upstream": "ftp://x"}], "URL"),
]

# variables that contradict each other, and what the sentence must name
CONTRADICTIONS: list[tuple[dict[str, Any], list[str]]] = [
    ({"registry_persistent": True, "registry_purge": True}, ["registry_persistent", "registry_purge"]),
    ({"registry_persistent": "yes", "registry_purge": "true"}, ["registry_persistent", "registry_purge"]),
    ({"cluster_provider": "k3d", "cluster_name": "d" * 33}, ["cluster_name", "32", "d" * 33]),
    (
        {"cluster_provider": "remote", "registry_https": {"certificate": "c", "key": "k"}},
        ["registry_https", "cluster_provider=remote", "remote_certificate"],
    ),
    ({"cluster_provider": "remote", "mirrors_preload": ["nginx:1"]}, ["mirrors_preload", "cluster_provider=remote"]),
    ({"cluster_provider": "remote", "connect_node_agent": True}, ["connect_node_agent", "cluster_kubeconfig"]),
]
IF_KNOWN: list[tuple[dict[str, Any], list[str]]] = [
    ({"kind_workers": 2, "kind_config": {"nodes": [{"role": "worker"}]}}, ["kind_workers", "2", "kind_config.nodes"]),
    ({"kind_config": {"name": "other"}}, ["kind_config.name", "'other'", "cluster_name"]),
    ({"kind_cluster_name": "other"}, ["kind_cluster_name", "'other'", "cluster_name"]),
    ({"registry_listen_address": "0.0.0.0"}, ["registry_listen_address", "0.0.0.0", "registry_users"]),
    ({"registry_listen_address": "everywhere"}, ["registry_listen_address", "everywhere"]),
    ({"registry_environment": {"A-B": "x"}}, ["registry_environment", "A-B"]),
    ({"registry_environment": ["A=b"]}, ["registry_environment", "A=b", "mapping"]),
    ({"registry_labels": {'a"b': "x"}}, ["registry_labels", 'a"b']),
    ({"registry_labels": {"a": 'x"y'}}, ["registry_labels", 'x"y', "quotes"]),
    ({"connect_registry_username": "me"}, ["connect_registry_username", "connect_registry_password"]),
    ({"connect_registry_password": "hidden"}, ["connect_registry_password", "connect_registry_username"]),
    ({"registry_image": "Not An Image"}, ["registry_image", "Not An Image"]),
    ({"registry_image": "a;b"}, ["registry_image", "a;b"]),
    ({"registry_volume": "../data"}, ["registry_volume", "../data"]),
    ({"registry_networks": ["a b"]}, ["registry_networks[0]", "a b"]),
    ({"kind_node_image": "$(id)"}, ["kind_node_image", "$(id)"]),
    ({"kind_workers": -1}, ["kind_workers", "-1"]),
    ({"kind_workers": "two"}, ["kind_workers", "two"]),
    ({"kind_workers": 101}, ["kind_workers", "101"]),
    ({"kind_wait_timeout": 0}, ["kind_wait_timeout", "0"]),
    ({"kind_on_difference": "ignore"}, ["kind_on_difference", "ignore", "warn"]),
    ({"kind_config": "nodes: 3"}, ["kind_config", "nodes: 3"]),
    ({"cluster_provider": "k3d", "k3d_config": {"agents": 2}}, ["k3d_config has agents: 2", "k3d_agents is 0"]),
    (
        {"cluster_provider": "k3d", "k3d_agents": "1", "k3d_config": {"agents": 2}},
        ["k3d_config has agents: 2", "k3d_agents is 1"],
    ),
    ({"cluster_provider": "k3d", "k3d_config": "agents: 2"}, ["k3d_config", "agents: 2", "is not a mapping"]),
    ({"cluster_provider": "k3d", "k3d_config": {"image": 5}}, ["k3d_config.image is 5"]),
    ({"cluster_provider": "k3d", "k3d_config": {"registry": {}}}, ["k3d_config", "'registry'", "'registries'"]),
    ({"cluster_provider": "k3d", "k3d_config": {"options": {"k3d": 1}}}, ["k3d_config.options.k3d is 1"]),
    (
        {"cluster_provider": "k3d", "k3d_config": {"metadata": {"name": "x"}}},
        ["k3d_config.metadata.name is 'x'", "dev"],
    ),
    ({"cluster_provider": "k3d", "k3d_servers": 0}, ["k3d_servers", "0"]),
    ({"cluster_provider": "k3d", "k3d_ports": ["80;id"]}, ["k3d_ports[0]", "80;id"]),
    ({"workstation_kind_version": 1.3}, ["workstation_kind_version", "1.3", "quotes"]),
    ({"workstation_kind_version": "newest"}, ["workstation_kind_version", "newest"]),
    ({"workstation_tools": ["kind", "helm"]}, ["workstation_tools", "helm"]),
]

UNKNOWN = [
    ("registry_prot", "registry_port"),
    ("registry_nmae", "registry_name"),
    ("cluster_nam", "cluster_name"),
    ("cluster_porvider", "cluster_provider"),
    ("up_prof", "up_proof"),
    ("status_fiel", "status_file"),
    ("mirror", "mirrors"),
    ("registry_purged", "registry_purge"),
]

KNOWN = _variables.known_options()


def problems(values: dict[str, Any]) -> list[str]:
    return _variables.check(values).problems


def told(value: Any) -> str:
    """The value as a sentence may show it: line breaks and quotes as Python writes them, cut off when it is long."""
    return repr(value)[1:-1][:110] if isinstance(value, str) else str(value)


@pytest.mark.parametrize(("name", "value", "words"), BAD)
def test_bad_value_is_told_with_variable_and_what_is_right(name: str, value: Any, words: str) -> None:
    found = problems({name: value})
    assert len(found) == 1
    assert name in found[0]
    assert words in found[0]
    if not isinstance(value, list) and value not in ("", None):
        first = value if not isinstance(value, dict) else next(iter(value.values()))
        assert told(first) in found[0]


@pytest.mark.parametrize(("values", "words"), CONTRADICTIONS)
def test_contradiction_is_told(values: dict[str, Any], words: list[str]) -> None:
    found = problems(values)
    assert len(found) == 1
    for word in words:
        assert word in found[0]


@pytest.mark.parametrize(("values", "words"), IF_KNOWN)
def test_bad_role_variable_is_told(values: dict[str, Any], words: list[str]) -> None:
    missing = set(values) - set(KNOWN)
    assert not missing, f"no role declares {missing}"
    found = problems(values)
    assert len(found) == 1, found
    for word in words:
        assert word in found[0]


@pytest.mark.parametrize(("name", "near"), UNKNOWN)
def test_unknown_variable_names_the_nearest(name: str, near: str) -> None:
    assert problems({name: "x"}) == [f"{name}: no such variable; did you mean '{near}'?"]


def test_unknown_variable_without_a_near_one_lists_those_of_its_prefix() -> None:
    assert "up_preflight, up_proof" in problems({"up_xyzzyplugh": 1})[0]


def test_variables_of_others_are_none_of_our_business() -> None:
    given = {"ansible_python_interpreter": "x", "groups": {}, "hostvars": {}, "upstream": ";", "clusters": 1}
    assert problems(given) == []


def _bad_for(option: dict[str, Any]) -> Any:
    kind = option.get("type", "str")
    if option.get("choices"):
        return "no-such;choice"
    return {
        "bool": "perhaps",
        "int": "many",
        "float": "much",
        "list": {"a": "b"},
        "dict": "no mapping",
        "json": "no mapping",
        "path": "a\nb",
        "str": "a\nb`c`",
    }.get(str(kind))


@pytest.mark.parametrize("name", sorted(name for name, option in KNOWN.items() if _bad_for(option) is not None))
def test_every_variable_refuses_something(name: str) -> None:
    option = KNOWN[name]
    bad = [_bad_for(option)] if option.get("type") == "list" and option.get("choices") else _bad_for(option)
    with pytest.raises(_variables.Problem) as caught:
        _variables.convert(name, bad, option)
    sentence = str(caught.value)
    assert sentence.startswith(name)
    shown = told(bad[0] if isinstance(bad, list) else bad)
    if "not shown" in sentence:
        assert shown not in sentence
    else:
        assert shown in sentence


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_every_default_is_good(name: str) -> None:
    option = KNOWN[name]
    if option.get("default") is not None and "{{" not in str(option["default"]):
        _variables.convert(name, option["default"], option)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("registry_port", "6001", 6001),
        ("registry_persistent", "true", True),
        ("registry_persistent", "False", False),
        ("registry_purge", "no", False),
        ("up_proof", "0", False),
        ("up_proof", "yes", True),
        ("mirrors", "docker.io,quay.io", ["docker.io", "quay.io"]),
        ("mirrors", '["docker.io", {"host": "quay.io"}]', ["docker.io", {"host": "quay.io"}]),
        ("mirrors", "", []),
        ("cluster_name", "a-b.c", "a-b.c"),
        ("cluster_context", "arn:aws:eks:eu:1:cluster/x", "arn:aws:eks:eu:1:cluster/x"),
        ("cluster_docker_host", "ssh://me@host:22", "ssh://me@host:22"),
        ("cluster_docker_host", "unix:///var/run/docker.sock", "unix:///var/run/docker.sock"),
        ("cluster_kubeconfig", "~/.kube/config-dev", "~/.kube/config-dev"),
    ],
)
def test_text_of_the_command_line_is_converted(name: str, text: str, value: Any) -> None:
    checked = _variables.check({name: text})
    assert checked.problems == []
    assert checked.values[name] == value


@pytest.mark.parametrize("name", sorted(name for name, option in KNOWN.items() if option.get("type") == "bool"))
def test_every_boolean_may_be_text(name: str) -> None:
    for value, texts in ((True, ("true", "True", "yes", "on", "1")), (False, ("false", "False", "no", "off", "0"))):
        for text in texts:
            assert _variables.convert(name, text, KNOWN[name]) is value
    for text in ("", " ", "perhaps", "$(id)", "true;false", "yes\n"):
        with pytest.raises(_variables.Problem, match=f"^{name}: .* is neither true nor false"):
            _variables.convert(name, text, KNOWN[name])


@pytest.mark.parametrize("name", sorted(name for name, option in KNOWN.items() if option.get("type") == "int"))
def test_every_number_may_be_text(name: str) -> None:
    value = KNOWN[name].get("default") or 1
    assert _variables.convert(name, str(value), KNOWN[name]) == value
    for text in ("", " ", "many", "$(id)", "1;2", "1\n", "0x1", "1.0", "-1", str(10**9)):
        with pytest.raises(_variables.Problem, match=f"^{name}: "):
            _variables.convert(name, text, KNOWN[name])


def _takes_text(name: str) -> bool:
    option = KNOWN[name]
    return option.get("type", "str") in ("str", "path") and not option.get("choices")


@pytest.mark.parametrize("name", sorted(filter(_takes_text, KNOWN)))
@pytest.mark.parametrize("text", [" ", "a\x07b", "$(id)", "x;y", "../x", "`id`", 'ü"'])
def test_no_text_can_carry_a_command(name: str, text: str) -> None:
    """Into whatever a variable goes: what a shell, a path or a header would make something else of stays out."""
    option = KNOWN[name]
    if (option.get("no_log") or _formats.is_secret(name)) and text not in (" ", "a\x07b"):
        pytest.skip("a secret may hold any character that can be typed")
    with pytest.raises(_variables.Problem) as caught:
        _variables.convert(name, text, option)
    assert str(caught.value).startswith(f"{name}: ")


def test_secrets_are_never_shown() -> None:
    mirrors = [{"host": "quay.io", "password": "hunter2"}]
    for values in ({"mirrors": mirrors}, {"connect_registry_password": "hunter\n"}):
        found = problems(values)
        assert found
        assert "hunter" not in " ".join(found)


def test_all_problems_are_told_at_once() -> None:
    assert len(problems({"registry_port": 0, "cluster_name": "A", "up_proof": "?"})) == 3
