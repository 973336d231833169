# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad values for every option of every module, made from its specification: refused before anything is touched."""

from __future__ import annotations

import copy
import importlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args

from tests.support.certificates import Authority

_MODULES = "ansible_collections.kubelocal.registry.plugins.modules"
FOLDER = Path(__file__).resolve().parents[4] / "plugins" / "modules"

# these are action plugins, which get variables: test__variables.py has their bad input
ACTIONS = {"report", "validate"}

ROBOT = {"host": "quay.io", "username": "robot$team", "password": "hush"}
CERTIFICATE, KEY = Authority().issue("registry")
PUBLISHED = {
    "address": "10.0.0.1",
    "prefix": "cache",
    "certificate": CERTIFICATE,
    "key": KEY,
    "users": {"node": "hush"},
    "authorization": "Basic bm9kZTpodXNo",
}

# with these options a module begins to work; a bad value is put among them
GOOD: dict[str, dict[str, Any]] = {
    "cluster_info": {"name": "dev"},
    "containerd_hosts": {
        "nodes": ["node"],
        "registries": [
            {"host": "localhost:5001", "endpoints": [{"url": "https://r:5000", "client": {"certificate": "/a"}}]}
        ],
    },
    "containerd_no_proxy": {"names": ["registry"]},
    "image_preload": {"images": ["docker.io/library/a:1"]},
    "k3d_cluster": {"name": "dev"},
    "kind_cluster": {"name": "dev"},
    "preflight": {},
    "registry_clients_info": {"registry_name": "registry"},
    "registry_connection": {
        "cluster_name": "dev",
        "registry_name": "registry",
        "mirrors": [ROBOT],
        "readers": [{"namespace": "a", "service_account": "b"}],
        "node_agent": True,
    },
    "registry_container": {
        "name": "registry",
        "upstream": {"url": "https://quay.io", "username": "me", "password": "hush", "ttl": "24h", "ca": None},
        "https": {"certificate": CERTIFICATE, "key": KEY},
    },
    "registry_discovery": {
        "hosting": {"host": "localhost:5001"},
        "readers": [{"namespace": "a", "service_account": "b"}],
    },
    "registry_discovery_info": {},
    "registry_info": {"name": "registry"},
    "registry_mirrors": {"mirrors": [ROBOT], "publish": PUBLISHED},
    "registry_mirrors_info": {"mirrors": [ROBOT]},
    "registry_node_agent": {"registries": [{"host": "localhost:5001", "endpoints": [{"url": "http://r:5000"}]}]},
    "registry_proof": {},
    "registry_pull_proof": {"registry": "localhost:5001"},
    "registry_status": {"mirrors": [{"host": "quay.io"}]},
    "workstation_info": {},
    "workstation_tools": {
        "bin_dir": "/nowhere/bin",
        "tools": [{"name": "kind", "source": "path", "path": "/bin/true", "version": "v0.31.0"}],
    },
}

# Text that no option takes, but for where free text is meant; what a shell or a path would make something else of.
CONTROL, BLANK = "a\x07b", " "
INJECTED = ("$(id)", "../x;y", "a\nb`c`", "ü\"'")
# text of any shape: secrets, and documents of several lines
FREE = ("password", "api_key", "auth", "user_agent", "registries", "headers", "authorization")


class Touched(OSError):
    """Something was about to be asked, started or written."""


_ALWAYS = {"socket.connect", "subprocess.Popen", "os.exec", "os.posix_spawn", "os.mkdir", "os.remove", "os.rename"}
_CHECKS = os.path.join(tempfile.gettempdir(), "kubelocal-")
_seen: list[str] | None = None


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if _seen is None or not (event in _ALWAYS or (event == "open" and _writes(arguments))) or _is_ours(arguments):
        return
    _seen.append(f"{event} {arguments}")
    raise Touched(event)


def _writes(arguments: tuple[Any, ...]) -> bool:
    path, _mode, flags = arguments
    # a number is what was opened before
    return not isinstance(path, int) and isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR))


def _is_ours(arguments: tuple[Any, ...]) -> bool:
    """Whether it lies in a temporary folder of a check's own: OpenSSL reads certificates from files only."""
    path = str(arguments[0]) if arguments else ""
    folder = f"/proc/self/fd/{arguments[-1]}" if len(arguments) > 1 else ""
    if os.path.isdir(folder) and not os.path.isabs(path):
        path = os.readlink(folder)
    return path.startswith(_CHECKS)


sys.addaudithook(_audit)


@contextmanager
def watched() -> Iterator[list[str]]:
    """What is touched meanwhile; it is prevented."""
    global _seen
    _seen = found = []
    try:
        yield found
    finally:
        _seen = None


class _Declared(Exception):
    pass


def specification(name: str) -> dict[str, Any]:
    """The options of a module as it declares them."""
    module = importlib.import_module(f"{_MODULES}.{name}")

    def declare(argument_spec: dict[str, Any], **_more: Any) -> None:
        raise _Declared(argument_spec)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "AnsibleModule", declare)
        with pytest.raises(_Declared) as caught:
            module.main()
    spec: dict[str, Any] = caught.value.args[0]
    return spec


def options(spec: dict[str, Any], before: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Every option, and those of options, by path."""
    for name, option in spec.items():
        yield (*before, name), option
        if option.get("options"):
            yield from options(option["options"], (*before, name))


CASES = {
    f"{module} {'.'.join(path)}": (module, path, option)
    for module in sorted(GOOD)
    for path, option in options(specification(module))
}


def run(module: str, arguments: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, Any], list[str]]:
    """The module's answer, and what it was about to touch."""
    found = importlib.import_module(f"{_MODULES}.{module}")
    capsys.readouterr()
    with patch_module_args(copy.deepcopy(arguments)), watched() as touched, pytest.raises(SystemExit):
        found.main()
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer, touched


def with_value(module: str, path: tuple[str, ...], value: Any) -> dict[str, Any]:
    """Good options but for this one."""
    arguments = copy.deepcopy(GOOD[module])
    spec, at = specification(module), arguments
    for name in path[:-1]:
        at = at.setdefault(name, [{}] if spec[name].get("type") == "list" else {})
        at = at[0] if isinstance(at, list) else at
        spec = spec[name]["options"]
    at[path[-1]] = value
    return arguments


def bad_values(path: tuple[str, ...], option: dict[str, Any]) -> list[Any]:
    """For the type, beside those that Ansible itself converts."""
    kind, name = option.get("type", "str"), path[-1]
    if option.get("choices"):
        return [["no;choice"] if kind == "list" else "no;choice"]
    if kind == "list" and option.get("elements") == "str" and name not in FREE:
        return [{"a": "b"}, [CONTROL], [INJECTED[0]]]
    if kind in ("bool", "int", "list", "dict"):
        return {"bool": ["perhaps"], "int": ["many", -1], "list": [{"a": "b"}], "dict": ["no mapping"]}[kind]
    free = name.endswith(FREE)
    return [CONTROL, BLANK, *([] if free else INJECTED)]


@pytest.fixture(autouse=True)
def nothing_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A kubeconfig that leads nowhere, and the Engine's usual place."""
    for name in [name for name in os.environ if name.startswith(("K8S_AUTH_", "DOCKER_"))]:
        monkeypatch.delenv(name)
    cluster = {"server": "https://127.0.0.1:1", "insecure-skip-tls-verify": True}
    content = {
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "c",
    }
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(json.dumps(content))
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    monkeypatch.setenv("HOME", str(tmp_path))


def test_every_module_is_here() -> None:
    assert sorted(GOOD) == sorted({path.stem for path in FOLDER.glob("*.py")} - ACTIONS - {"__init__"})


@pytest.mark.parametrize("module", sorted(GOOD))
def test_good_options_are_not_what_is_refused(module: str, capsys: pytest.CaptureFixture[str]) -> None:
    answer, touched = run(module, GOOD[module], capsys)
    if module == "containerd_no_proxy" and not touched:
        pytest.skip("there is no proxy here from which anything could be excepted")
    assert touched, answer


@pytest.mark.parametrize("case", CASES)
def test_bad_values_are_refused_before_anything_is_touched(case: str, capsys: pytest.CaptureFixture[str]) -> None:
    module, path, option = CASES[case]
    for value in bad_values(path, option):
        answer, touched = run(module, with_value(module, path, value), capsys)
        assert not touched, (value, touched)
        assert answer.get("failed"), (value, answer)
        message = answer["msg"]
        assert "\n" not in message, message
        assert "Traceback" not in message
        if option.get("no_log"):
            assert str(value) not in json.dumps(answer.get("msg"))
        # Ansible's own sentence for a mapping with options does not name it
        assert path[-1] in message or message.startswith("dictionary requested"), (value, message)


def test_there_are_many() -> None:
    assert sum(len(bad_values(path, option)) for _module, path, option in CASES.values()) > 1000
