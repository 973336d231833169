# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""containerd's own configuration: which config_path counts, and how it is set without touching anything else."""

from __future__ import annotations

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils import _containerd_config as config
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError

MAIN = "/etc/containerd/config.toml"
OLD = 'plugins."io.containerd.grpc.v1.cri".registry'
NEW = "plugins.'io.containerd.cri.v1.images'.registry"


def value(text: str) -> str | None:
    return config.effective(MAIN, {MAIN: text}).value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        ("version = 2\n", None),
        (f"version = 2\n[{OLD}]\nconfig_path = '/a'\n", "/a"),
        (f"version = 3\n[{NEW}]\nconfig_path = '/a'\n", "/a"),
        (f"version = 4\n[{NEW}]\nconfig_path = '/a'\n", "/a"),
        # the other version's name means nothing
        (f"version = 3\n[{OLD}]\nconfig_path = '/a'\n", None),
        (f"version = 2\n{OLD}.config_path = '/a'\n", "/a"),
        ("version = 2\n[plugins]\n\"io.containerd.grpc.v1.cri\" = {registry = {config_path = '/a'}}\n", "/a"),
    ],
)
def test_reading(text: str, expected: str | None) -> None:
    assert value(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing here\n",
        "version = 2\n",
        "version = 3",
        "version = 4\n[grpc]\n  address = '/x' # keep me\n",
        f"version = 2\n[{OLD}]\n",
        f"version = 2\n  [{OLD}]\n    config_path = '' # empty\n[debug]\nlevel = 'info'\n",
        f"version = 3\n[{NEW}]\nconfig_path = '/etc/containerd/certs.d:/etc/docker/certs.d'\n",
        f"version = 3\n[{NEW}.mirrors]\n",
        "version = 3\n[plugins.'io.containerd.cri.v1.images']\nregistry.headers.a = ['b']\nx = 1\n",
        f"version = 2\n{OLD}.config_path = '/a'\n[grpc]\n",
    ],
)
def test_setting_changes_nothing_else(text: str) -> None:
    edited = config.set_config_path(MAIN, text, "/etc/containerd/certs.d")
    assert value(edited) == "/etc/containerd/certs.d"
    assert config.set_config_path(MAIN, edited, "/etc/containerd/certs.d") == edited
    for comment in ("# nothing here", "# keep me", "# empty"):
        assert (comment in text) == (comment in edited)
    pytest.importorskip("tomllib").loads(edited)


def test_an_inline_table_is_not_edited() -> None:
    text = 'version = 2\n[plugins]\n"io.containerd.grpc.v1.cri" = {registry = {}}\n'
    with pytest.raises(ExpectedError, match="inline table"):
        config.set_config_path(MAIN, text, "/a")


@pytest.mark.parametrize("text", ["disabled_plugins = ['cri']\n", "version = 1\n[plugins.cri]\n"])
def test_version_1_is_refused(text: str) -> None:
    with pytest.raises(ExpectedError, match="config migrate"):
        value(text)


def test_other_versions_and_broken_files_are_refused() -> None:
    with pytest.raises(ExpectedError, match="version 9"):
        value("version = 9\n[grpc]\n")
    with pytest.raises(ExpectedError, match="not valid TOML"):
        value("version = \n")


@pytest.mark.parametrize(
    "table", ["mirrors.\"docker.io\"]\nendpoint = ['x']", 'configs."a:5000".tls]\ninsecure_skip_verify = true']
)
@pytest.mark.parametrize("version", [2, 3])
def test_legacy_tables_are_refused_by_name(version: int, table: str) -> None:
    text = f"version = {version}\n[{OLD if version == 2 else NEW}.{table}\n"
    with pytest.raises(ExpectedError, match="legacy table") as error:
        value(text)
    assert "docker.io" in str(error.value) or "a:5000" in str(error.value)


def test_empty_legacy_tables_and_credentials_are_no_hindrance() -> None:
    assert value(f"version = 2\n[{OLD}.mirrors]\n[{OLD}.configs]\n[{OLD}.configs.a.auth]\nusername = 'x'\n") is None


def test_imported_files_win_by_their_own_version() -> None:
    files = {
        MAIN: f"version = 2\nimports = ['conf.d/*.toml']\n[{OLD}]\nconfig_path = '/main'\n",
        "/etc/containerd/conf.d/a.toml": f"version = 3\n[{NEW}]\nconfig_path = '/a'\n",
        "/etc/containerd/conf.d/b.toml": "version = 3\n",
        "/etc/containerd/other/c.toml": f"version = 3\n[{NEW}]\nconfig_path = '/c'\n",
    }
    assert config.effective(MAIN, files) == config.Setting("/etc/containerd/conf.d/a.toml", "/a")


def test_the_socket() -> None:
    assert config.socket({MAIN: ""}) == "/run/containerd/containerd.sock"
    assert config.socket({MAIN: "[grpc]\naddress = '/x/y.sock'\n"}) == "/x/y.sock"
