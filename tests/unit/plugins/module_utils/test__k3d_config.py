# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What k3d is handed, made of what was declared."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils import _k3d_config
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError


def made(name: str = "dev", given: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    options: dict[str, Any] = {"servers": 1, "agents": 0, "image": None, "ports": [], "registries": None, **more}
    return _k3d_config.configuration(name, given=given or {}, **options)


def test_generates_a_whole_configuration() -> None:
    assert made(agents=2, image="rancher/k3s:v1", ports=["8080:80@loadbalancer;server:0", "9000"]) == {
        "apiVersion": "k3d.io/v1alpha5",
        "kind": "Simple",
        "metadata": {"name": "dev"},
        "servers": 1,
        "agents": 2,
        "image": "rancher/k3s:v1",
        "ports": [{"port": "8080:80", "nodeFilters": ["loadbalancer", "server:0"]}, {"port": "9000"}],
        "options": {"kubeconfig": {"updateDefaultKubeconfig": True, "switchCurrentContext": True}},
    }


def test_registries_are_a_text_and_no_path() -> None:
    assert made(registries="mirrors: {}")["registries"] == {"config": "mirrors: {}\n"}


def test_merges_deeply_and_appends_lists() -> None:
    given = {
        "ports": [{"port": "1:1"}],
        "options": {"k3d": {"disableLoadbalancer": True}},
        "registries": {"use": ["k3d-registry"]},
    }
    config = made(ports=["2:2"], registries="mirrors: {}", given=given)
    assert config["ports"] == [{"port": "2:2"}, {"port": "1:1"}]
    assert config["options"]["k3d"] == {"disableLoadbalancer": True}
    assert config["options"]["kubeconfig"]["updateDefaultKubeconfig"] is True
    assert config["registries"] == {"config": "mirrors: {}\n", "use": ["k3d-registry"]}


def test_no_proxy_counts_only_for_nodes_with_a_proxy() -> None:
    assert "env" not in made(no_proxy=["local-registry"])
    proxy = {"envVar": "HTTPS_PROXY=http://proxy", "nodeFilters": ["server:*"]}
    other = {"envVar": "NO_PROXY=a", "nodeFilters": ["agent:*"]}
    env = made(no_proxy=["local-registry"], given={"env": [proxy, other]})["env"]
    assert env == [proxy, other, {"envVar": "NO_PROXY=local-registry", "nodeFilters": ["server:*"]}]
    again = made(no_proxy=["local-registry"], given={"env": env})["env"]
    assert again == env


def test_secrets_are_not_remembered() -> None:
    config = made(
        registries="configs: {a: {auth: {password: password}}}", given={"token": "secret", "subnet": "10.0.0.0/16"}
    )
    kept = _k3d_config.remembered(config)
    assert "secret" not in str(kept)
    assert "password" not in str(kept)
    assert kept["subnet"] == "10.0.0.0/16"


@pytest.mark.parametrize(
    "name", ["", " ", "Dev", "a.b", "a_b", "-a", "a-", "a;b", "$(id)", "a\n", "../a", "ä", "a" * 33]
)
def test_refuses_a_name(name: str) -> None:
    with pytest.raises(ExpectedError, match="no name for a k3d cluster"):
        made(name)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"servers": 0}, "servers is 0"),
        ({"agents": -1}, "agents is -1"),
        ({"image": "a b"}, "image is 'a b'"),
        ({"image": "-x"}, "image is '-x'"),
        ({"ports": ["http"]}, "ports has 'http'"),
        ({"ports": ["80:80;id"]}, "ports has"),
        ({"ports": ["80:80/icmp"]}, "ports has"),
        ({"given": {"kind": "Cluster"}}, "kind: 'Cluster'"),
        ({"given": {"apiVersion": "k3d.io/v1alpha4"}}, "apiVersion"),
        ({"given": {"metadata": {"name": "other"}}}, "config.metadata.name is 'other'"),
        ({"given": {"servers": 3}}, "config has servers: 3 and servers is 1"),
        ({"given": {"agents": 3}, "agents": 2}, "config has agents: 3 and agents is 2"),
        ({"given": {"options": []}}, r"config.options is \[\]; set it to a dictionary"),
        ({"registries": "mirrors: ["}, r"registries is not valid YAML \(line 1\)"),
        ({"registries": "mirrors: [a]"}, "registries is not what k3s reads"),
        ({"given": {"registries": {"config": "mirrors:\n - a\n"}}}, "config.registries.config is not what k3s reads"),
        ({"given": {"image": 1}}, "config.image is 1"),
        ({"registries": "{}", "given": {"registries": {"config": "b"}}}, "use one of the two"),
    ],
)
def test_refuses_what_k3d_would_not_take(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ExpectedError, match=told):
        made(**options)


def test_a_port_needs_the_load_balancer_unless_it_is_direct() -> None:
    without = {"options": {"k3d": {"disableLoadbalancer": True}}}
    assert made(ports=["80:80@server:0:direct"], given=without)["ports"]
    with pytest.raises(ExpectedError, match="ports has '80:80' by way of the load balancer"):
        made(given={**without, "ports": [{"port": "80:80", "nodeFilters": ["server:0"]}]})
    with pytest.raises(ExpectedError, match="ports has '80:80@loadbalancer' by way of the load balancer"):
        made(ports=["80:80@loadbalancer"], given=without)


def test_a_path_of_registries_yaml_is_k3ds_to_read() -> None:
    assert made(given={"registries": {"config": "/etc/my registries.yaml"}})["registries"]


def test_names_the_variables_where_they_were_set() -> None:
    with pytest.raises(ExpectedError, match="k3d_config has agents: 3 and k3d_agents is 2; "):
        _k3d_config.check("dev", 1, 2, None, [], None, {"agents": 3}, "k3d_")


@pytest.mark.parametrize(
    "port", ["80", "8080:80", "127.0.0.1:8080:80", "[::1]:8080:80", "8080:80/udp@agent:0,1", "8000-8010:8000-8010"]
)
def test_takes_a_port(port: str) -> None:
    assert made(ports=[port])["ports"]
