# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: KEP-1755, how a cluster says where its local registry is."""

from __future__ import annotations

import re
import traceback
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._kubernetes import Conflict, Forbidden, NotFound

YAML_IMPORT_ERROR: str | None = None
try:
    import yaml
except ImportError:  # told by the module, with missing_required_lib
    YAML_IMPORT_ERROR = traceback.format_exc()

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ansible_collections.kubelocal.registry.plugins.module_utils._kubernetes import Client

NAMESPACE = "kube-public"
NAME = "local-registry-hosting"
# The versions that we know, the newest first; each with how its document is read. v1 is frozen.
PREFIX = "localRegistryHosting."
VERSIONS = ("v1",)
# Our options, in the order in which they are written, and KEP-1755's names for them.
KEYS = {
    "host": "host",
    "host_from_container_runtime": "hostFromContainerRuntime",
    "host_from_cluster_network": "hostFromClusterNetwork",
    "help": "help",
}
# For argument specs: the option of the documentation fragment readers.
READERS: dict[str, Any] = {
    "type": "list",
    "elements": "dict",
    "options": {
        "namespace": {"type": "str", "required": True},
        "service_account": {"type": "str", "required": True},
    },
}
MANAGED = {"app.kubernetes.io/managed-by": "kubelocal.registry"}
READER = "kubelocal-registry-discovery"

_CONFIGMAPS = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
_CONFIGMAP = f"{_CONFIGMAPS}/{NAME}"
_RBAC = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{NAMESPACE}"
_RULES = [{"apiGroups": [""], "resources": ["configmaps"], "resourceNames": [NAME], "verbs": ["get"]}]
_ROLE_REF = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": READER}

_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?"
_HOST = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{{1,5}}))?\Z")
_DNS_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z")
_DNS_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?\Z")


@dataclass(frozen=True)
class Found:
    """What the cluster says. ``hosting`` has KEP-1755's keys as written; ``problem`` tells what is malformed."""

    exists: bool
    reason: str = ""
    message: str = ""
    version: str | None = None
    hosting: dict[str, str] = field(default_factory=dict)
    problem: str = ""
    configmap: dict[str, Any] | None = None

    @property
    def data(self) -> dict[str, str]:
        return dict((self.configmap or {}).get("data") or {})

    @property
    def others(self) -> list[str]:
        """Keys of the ConfigMap that aren't ours to write: versions that we don't know, and anything else."""
        ours = {PREFIX + version for version in VERSIONS}
        return sorted({*self.data, *((self.configmap or {}).get("binaryData") or {})} - ours)


@dataclass(frozen=True)
class Result:
    changed: bool
    actions: list[str]
    before: dict[str, Any]
    after: dict[str, Any]
    hosting: dict[str, str]
    others: list[str]


def desired(options: Mapping[str, Any]) -> dict[str, str]:
    """KEP-1755's keys from the option ``hosting``, or ExpectedError that names what is wrong with which value."""
    hosting: dict[str, str] = {}
    for name, key in KEYS.items():
        value = options.get(name)
        if value is None:
            continue
        _check_value(f"hosting.{name}", name, value)
        hosting[key] = value
    if not hosting:
        raise ExpectedError(f"hosting is empty; it needs at least one of {', '.join(KEYS)}.")
    if _lone(hosting):
        raise ExpectedError(
            f"hosting.host_from_container_runtime ({hosting['hostFromContainerRuntime']!r}) can't stand alone, since nobody would know where to push; "
            "set hosting.host or hosting.host_from_cluster_network as well."
        )
    return hosting


def subjects(readers: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """The service accounts of the option ``readers`` as RBAC subjects, sorted, each once."""
    found: set[tuple[str, str]] = set()
    for number, reader in enumerate(readers):
        namespace, account = str(reader.get("namespace") or ""), str(reader.get("service_account") or "")
        if not _DNS_LABEL.match(namespace):
            raise ExpectedError(
                f"readers[{number}].namespace is {namespace!r}, which is no namespace's name; use lower case letters, digits and '-', at most 63."
            )
        if not _DNS_NAME.match(account):
            raise ExpectedError(
                f"readers[{number}].service_account is {account!r}, which is no service account's name; use lower case letters, digits, '-' and '.'."
            )
        found.add((namespace, account))
    return [{"kind": "ServiceAccount", "name": account, "namespace": namespace} for namespace, account in sorted(found)]


def read(client: Client) -> Found:
    """What the cluster says now. Absent and forbidden are answers; credentials that are not accepted are an error."""
    try:
        configmap = client.get(_CONFIGMAP)
    except NotFound:
        return Found(
            False,
            "absent",
            f"there is no ConfigMap {NAME} in {NAMESPACE}; nobody told this cluster of a local registry",
        )
    except Forbidden as error:
        if error.status == 401:
            raise
        return Found(False, "forbidden", f"the ConfigMap {NAME} in {NAMESPACE} may not be read: {error}")
    return interpret(configmap)


def interpret(configmap: Mapping[str, Any]) -> Found:
    """The newest version that we know in a ConfigMap."""
    data = configmap.get("data") or {}
    for version in VERSIONS:
        text = data.get(PREFIX + version)
        if text is None:
            continue
        try:
            hosting = _parse(str(text))
        except ValueError as error:
            problem = f"{PREFIX}{version} in the ConfigMap {NAMESPACE}/{NAME} is malformed: {error}"
            return Found(True, version=version, problem=problem, configmap=dict(configmap))
        if not hosting:
            continue
        return Found(True, version=version, hosting=hosting, configmap=dict(configmap))
    told = ", ".join(sorted(data)) or "nothing"
    return Found(
        False,
        "unknown_version",
        f"the ConfigMap {NAMESPACE}/{NAME} names no registry in a version that is known here ({', '.join(VERSIONS)}); it holds {told}",
        configmap=dict(configmap),
    )


def with_defaults(hosting: Mapping[str, str]) -> dict[str, str | None]:
    """What a reader works with: our names, and the defaults that KEP-1755 leaves to readers."""
    answer: dict[str, str | None] = {name: hosting.get(key) for name, key in KEYS.items()}
    answer["host_from_container_runtime"] = answer["host_from_container_runtime"] or answer["host"]
    return answer


def present(client: Client, hosting: dict[str, str], readers: list[dict[str, str]] | None, check: bool) -> Result:
    """Make the ConfigMap say ``hosting``; ``readers`` (None: leave them) may read it and nothing else."""
    found = _readable(client)
    grants = _Grants(client, check) if readers is not None else None
    before: dict[str, Any] = {"hosting": found.hosting or _raw(found)}
    after: dict[str, Any] = {"hosting": hosting}
    if grants is not None and readers is not None:
        before["readers"], after["readers"] = grants.told(), _told(readers)
    actions: list[str] = []
    try:
        if found.problem or found.hosting != hosting:
            actions.append(_write(client, found, hosting, check))
        if grants is not None and readers is not None:
            actions += grants.grant(readers)
    except ExpectedError as error:
        error.actions = actions + error.actions
        raise
    return Result(bool(actions), actions, before, after, hosting, found.others)


def absent(client: Client, hosting: Mapping[str, str] | None, check: bool) -> Result:
    """Remove what we know from the ConfigMap, and our grants. With ``hosting``, only where it names the same registry."""
    found = _readable(client)
    grants = _Grants(client, check)
    before = {"hosting": found.hosting or _raw(found), "readers": grants.told()}
    same = hosting is None or bool(found.problem) or all(found.hosting.get(key) == hosting[key] for key in hosting)
    ours = [key for key in (PREFIX + version for version in VERSIONS) if key in found.data]
    actions: list[str] = []
    if found.configmap is not None and same and (ours or not found.others):
        if found.others:
            actions.append(
                f"Removed {', '.join(ours)} from the ConfigMap {NAMESPACE}/{NAME}, and kept {', '.join(found.others)}."
            )
            if not check:
                client.patch(_CONFIGMAP, {"data": dict.fromkeys(ours)})
        else:
            actions.append(f"Deleted the ConfigMap {NAMESPACE}/{NAME}.")
            if not check:
                client.delete(_CONFIGMAP)
    gone = bool(actions) or not found.exists
    if gone:
        try:
            actions += grants.grant([])
        except ExpectedError as error:
            error.actions = actions + error.actions
            raise
    after: dict[str, Any] = {"hosting": {}, "readers": []} if gone else before
    return Result(bool(actions), actions, before, after, {} if gone else found.hosting, found.others)


def _readable(client: Client) -> Found:
    found = read(client)
    if found.reason == "forbidden":
        raise ExpectedError(found.message)
    return found


def _raw(found: Found) -> dict[str, str]:
    """What a malformed one holds, for the diff."""
    return {PREFIX + found.version: found.data[PREFIX + found.version]} if found.problem and found.version else {}


def _write(client: Client, found: Found, hosting: Mapping[str, str], check: bool) -> str:
    texts = {PREFIX + version: render(hosting) for version in VERSIONS}
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": NAME, "namespace": NAMESPACE, "labels": MANAGED},
        "data": texts,
    }
    where = f"the ConfigMap {NAMESPACE}/{NAME}"
    if found.configmap is None:
        if not check:
            try:
                client.post(_CONFIGMAPS, body)
            except Conflict:  # somebody else was faster
                client.patch(_CONFIGMAP, {"data": texts})
            except NotFound as error:
                raise ExpectedError(
                    f"{client.where} has no namespace {NAMESPACE}, where clusters tell of their registry; "
                    f"create it with 'kubectl create namespace {NAMESPACE}'."
                ) from error
        return f"Created {where} ({_summary(hosting)})."
    if found.configmap.get("immutable"):
        if not check:
            body["data"] = {**found.data, **texts}
            client.delete(_CONFIGMAP)
            client.post(_CONFIGMAPS, body)
        return f"Replaced {where}, which was immutable ({_summary(hosting)})."
    if not check:
        client.patch(_CONFIGMAP, {"data": texts})
    return f"{'Repaired' if found.problem else 'Updated'} {where} ({_summary(hosting)})."


def _summary(hosting: Mapping[str, str]) -> str:
    return ", ".join(f"{key}: {value}" for key, value in hosting.items())


def render(hosting: Mapping[str, str]) -> str:
    """The document of version 1."""
    ordered = {key: hosting[key] for key in KEYS.values() if key in hosting}
    return str(yaml.safe_dump(ordered, default_flow_style=False, sort_keys=False, width=4096, allow_unicode=True))


def _parse(text: str) -> dict[str, str]:
    """The keys of version 1 as text. Numbers are text too, as Go's readers take them; ValueError tells what is malformed."""
    try:
        content = yaml.load(text, Loader=yaml.BaseLoader)
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from error
    if content is None or content == "":
        return {}
    if not isinstance(content, dict):
        raise ValueError(f"it is no mapping but {str(content)[:80]!r}")
    for key, value in content.items():
        if key in KEYS.values() and not isinstance(value, str):
            raise ValueError(f"{key} is {'a mapping' if isinstance(value, dict) else 'a list'}, not a text")
    hosting = {str(key): value for key, value in content.items() if value not in ("", "null", "~")}
    if _lone(hosting):
        raise ValueError(
            f"hostFromContainerRuntime ({hosting['hostFromContainerRuntime']}) stands without host or hostFromClusterNetwork"
        )
    return hosting


def _lone(hosting: Mapping[str, str]) -> bool:
    return "hostFromContainerRuntime" in hosting and "host" not in hosting and "hostFromClusterNetwork" not in hosting


def _check_value(told: str, name: str, value: Any) -> None:
    text = str(value)
    if name == "help":
        if not re.match(r"https?://[^\s/]+(?:/\S*)?\Z", text) or not text.isprintable():
            raise ExpectedError(f"{told} is {text!r}, which is no URL; give one that begins with https:// or http://.")
        return
    match = _HOST.match(text)
    port = match.group("port") if match else None
    if match is None or (port is not None and not 1 <= int(port) <= 65535):
        raise ExpectedError(
            f"{told} is {text!r}, which is no registry host; give a name or address with an optional port, as in 'localhost:5001', without scheme or path."
        )


def _told(accounts: Sequence[Mapping[str, Any]]) -> list[str]:
    return sorted(f"{account.get('namespace', '')}/{account.get('name', '')}" for account in accounts)


class _Grants:
    """Our Role and RoleBinding: ``get`` on the one ConfigMap."""

    def __init__(self, client: Client, check: bool) -> None:
        self._client = client
        self._check = check
        self._role = self._find("roles")
        self._binding = self._find("rolebindings")

    def told(self) -> list[str]:
        return _told((self._binding or {}).get("subjects") or [])

    def grant(self, accounts: list[dict[str, str]]) -> list[str]:
        """Exactly these may read; none removes both objects."""
        if not accounts:
            return self._revoke()
        actions: list[str] = []
        metadata = {"name": READER, "namespace": NAMESPACE, "labels": MANAGED}
        if self._role is None or self._role.get("rules") != _RULES:
            actions.append(f"Let the Role {NAMESPACE}/{READER} get the ConfigMap {NAME} and nothing else.")
            self._apply("roles", self._role, {"metadata": metadata, "kind": "Role", "rules": _RULES})
        before, after = self.told(), _told(accounts)
        binding = self._binding
        if binding is not None and {**(binding.get("roleRef") or {})} != _ROLE_REF:
            # Kubernetes lets nobody change what a RoleBinding refers to
            self._delete("rolebindings")
            binding, before = None, []
        if binding is None or before != after:
            for name in sorted({*after} - {*before}):
                actions.append(f"Let the service account {name} read the ConfigMap {NAMESPACE}/{NAME}.")
            for name in sorted({*before} - {*after}):
                actions.append(f"Revoked the service account {name}'s right to read the ConfigMap {NAMESPACE}/{NAME}.")
            body = {"metadata": metadata, "kind": "RoleBinding", "roleRef": _ROLE_REF, "subjects": accounts}
            self._apply("rolebindings", binding, body)
        return actions

    def _revoke(self) -> list[str]:
        actions: list[str] = []
        if self._binding is not None:
            self._delete("rolebindings")
            told = ", ".join(self.told()) or "nobody"
            actions.append(f"Deleted the RoleBinding {NAMESPACE}/{READER} ({told}).")
        if self._role is not None:
            self._delete("roles")
            actions.append(f"Deleted the Role {NAMESPACE}/{READER}.")
        return actions

    def _find(self, kind: str) -> dict[str, Any] | None:
        found = self._client.find(f"{_RBAC}/{kind}/{READER}")
        labels = ((found or {}).get("metadata") or {}).get("labels") or {}
        if found is not None and any(labels.get(key) != value for key, value in MANAGED.items()):
            raise ExpectedError(
                f"{kind} {NAMESPACE}/{READER} exists and is not ours (label {next(iter(MANAGED))} is missing); rename or delete it."
            )
        return found

    def _apply(self, kind: str, found: dict[str, Any] | None, body: dict[str, Any]) -> None:
        if self._check:
            return
        body = {"apiVersion": "rbac.authorization.k8s.io/v1", **body}
        if found is None:
            self._client.post(f"{_RBAC}/{kind}", body)
        else:
            self._client.put(f"{_RBAC}/{kind}/{READER}", body)

    def _delete(self, kind: str) -> None:
        if not self._check:
            self._client.delete(f"{_RBAC}/{kind}/{READER}")
