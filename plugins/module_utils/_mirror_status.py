# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: how a pull-through cache and its upstream are, each cause told apart from the others.

The cache itself is asked for a manifest that nobody has, by digest: unlike for a tag, it answers with what its upstream said or with
why it got no answer, as seen with its own DNS, certificates and credentials.
"""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils._distribution import MANIFEST_TYPES, Registry
from ansible_collections.kubelocal.registry.plugins.module_utils._distribution_errors import LIMITED, RegistryError
from ansible_collections.kubelocal.registry.plugins.module_utils._docker import run_in
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._mirrors import container_name
from ansible_collections.kubelocal.registry.plugins.module_utils._mirrors_found import find_all
from ansible_collections.kubelocal.registry.plugins.module_utils._mirrors_http import NoAnswer, get
from ansible_collections.kubelocal.registry.plugins.module_utils._upstreams import KNOWN_REPOSITORY, url_of

try:
    from docker.errors import APIError, DockerException
    from requests.exceptions import RequestException
except ImportError:  # told by the module, by way of _docker.DOCKER_IMPORT_ERROR
    pass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ansible_collections.kubelocal.registry.plugins.module_utils._mirrors_http import Answer

OK = "ok"
CACHE_DOWN = "cache_down"
CACHE_DENIED = "cache_denied"
UPSTREAM_DOWN = "upstream_down"
REFUSED = "credentials_refused"
TLS = "tls_not_trusted"
NAME = "name_not_found"
LIMIT = "rate_limited"
DETACHED = "cache_detached"
UNKNOWN = "unknown"

DEBUG_PORT = 5001
_NOBODY = "sha256:" + "0" * 64
_ACCEPT = {"Accept": ", ".join(MANIFEST_TYPES)}
_METRIC = re.compile(r'^registry_proxy_(\w+?)_total\{type="(blob|manifest)"\} ([0-9.e+]+)$', re.MULTILINE)
_NAME_WORDS = ("no such host", "server misbehaving", "temporary failure in name resolution", "dial tcp: lookup")
_TLS_WORDS = ("x509:", "certificate", "tls:", "http response to https client")
_REFUSED_WORDS = ("unauthorized", "no basic auth credentials", "incorrect username or password", "401")


@dataclass(frozen=True)
class MirrorStatus:
    """One cache: ``cause`` is one word of this module's constants, ``message`` a sentence for people, ``cure`` what mends it."""

    host: str
    name: str
    upstream: str
    cause: str
    message: str
    cure: str = ""
    hits: int | None = None
    misses: int | None = None
    pulled_bytes: int | None = None
    served_bytes: int | None = None
    volume_bytes: int | None = None
    limit: int | None = None
    remaining: int | None = None

    @property
    def ok(self) -> bool:
        return self.cause == OK

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "ok": self.ok}


def classify(status: int, text: str, with_credentials: bool) -> tuple[str, str]:
    """The cause behind a cache's answer for what nobody has, and the words in it that say so."""
    said = _detail(text)
    low = said.lower()
    if status == 429 or "toomanyrequests" in low or "too many requests" in low or "rate limit" in low:
        return LIMIT, said
    if status in (200, 404):
        return OK, ""
    # also when it is the name server that refuses
    if any(word in low for word in _NAME_WORDS):
        return NAME, said
    if any(word in low for word in _TLS_WORDS):
        return TLS, said
    if "denied" in low:
        # after the token was given: a repository that is not there, or not for us; either way the upstream answers
        return OK, ""
    if status == 401 and not with_credentials and "unauthorized" in low:
        return OK, ""
    if any(word in low for word in _REFUSED_WORDS):
        return REFUSED, said
    return UPSTREAM_DOWN, said


def _detail(text: str) -> str:
    """Of a registry's JSON errors the codes, messages and details, else the text as it is."""
    found = re.findall(r'"(?:code|message|detail)":\s*"((?:[^"\\]|\\.)*)"', text)
    words = [word.replace('\\"', '"') for word in found if word not in ("UNKNOWN", "unknown error")]
    said = ": ".join(words) if found else text.strip()
    # the repository and digest that were asked for say nothing
    return re.sub(r"(https?://[^/\s\"]+)/[^\s\"]*", r"\1", said)[:300].rstrip(".")


def metrics(text: str) -> dict[str, int]:
    """The proxy's counters out of distribution's metrics, manifests and blobs together."""
    totals: dict[str, int] = {}
    for name, _kind, value in _METRIC.findall(text):
        totals[name] = totals.get(name, 0) + int(float(value))
    return totals


def mirror_status(
    container: Any,
    host: str,
    upstream: str,
    authorization: str | None = None,
    with_credentials: bool = False,
    timeout: float = 10,
    limits: bool = True,
) -> MirrorStatus:
    """How the cache in ``container`` is. Only reads; nothing it asks for gets into the cache."""
    name = str(container.name)
    if container.status != "running":
        return MirrorStatus(
            host,
            name,
            upstream,
            CACHE_DOWN,
            f"the cache '{name}' for {host} is {container.status}.",
            f"docker start {name}, or run the playbook 'up' again",
            volume_bytes=None,
        )
    try:
        answer = _probe(container, host, authorization, timeout)
    except NoAnswer as error:
        if error.timed_out:
            cause, message = UPSTREAM_DOWN, f"{upstream} takes connections but does not answer within {timeout:g} s."
        else:
            cause, message = CACHE_DOWN, f"the cache '{name}' for {host} runs but does not answer: {error}"
        return _with_numbers(container, host, upstream, cause, message, limits=None)
    if answer.status == 401 and answer.headers.get("www-authenticate", "").startswith("Basic"):
        message = f"the cache '{name}' for {host} does not accept its own credentials."
        return _with_numbers(container, host, upstream, CACHE_DENIED, message, limits=None)
    cause, said = classify(answer.status, answer.text, with_credentials)
    limit = hub_limit(host) if limits and cause in (OK, LIMIT) else None
    if cause == OK and limit is not None and limit[1] == 0:
        cause, said = LIMIT, "0 pulls are left"
    return _with_numbers(container, host, upstream, cause, _sentence(cause, host, upstream, said), limit)


def statuses(
    client: Any, hosts: Sequence[str] | None = None, timeout: float = 10, network: str | None = None
) -> list[MirrorStatus]:
    """How the caches of these hosts are, or all of this Docker host's, by host and side by side; one that does not exist is down.

    With ``network``, the one where nodes look for them, one that is not on it is detached, whatever its upstream does.
    """
    existing = {one.host: one for one in find_all(client)}
    wanted = sorted(existing if hosts is None else set(hosts))

    def one(host: str) -> MirrorStatus:
        found = existing.get(host)
        if found is None:
            name = container_name(host)
            message = f"the cache '{name}' for {host} does not exist."
            return MirrorStatus(host, name, url_of(host), CACHE_DOWN, message, "run the playbook 'up' again")
        status = mirror_status(
            found.container, host, found.upstream, found.authorization, found.with_credentials, timeout
        )
        if network is None or network in found.networks or status.cause == CACHE_DOWN:
            return status
        message = f"the cache '{found.name}' for {host} is not on the cluster's network '{network}'."
        return replace(status, cause=DETACHED, message=message, cure="run the playbook 'up' again, it joins the cache")

    with ThreadPoolExecutor(max_workers=8) as pool:
        return list(pool.map(one, wanted))


def _probe(container: Any, host: str, authorization: str | None, timeout: float) -> Answer:
    headers = {**_ACCEPT, **({"Authorization": authorization} if authorization else {})}
    repository = KNOWN_REPOSITORY.get(host)
    if repository is None:
        # one that was pulled before does exist upstream
        catalog = get(container, "/v2/_catalog?n=1", headers=headers, timeout=timeout)
        names = catalog.data.get("repositories") or []
        repository = str(names[0]) if names else "kubelocal/probe"
    return get(container, f"/v2/{repository}/manifests/{_NOBODY}", headers=headers, timeout=timeout)


def _sentence(cause: str, host: str, upstream: str, said: str) -> str:
    because = f" ({said})" if said else ""
    return {
        OK: f"{upstream} answers the cache for {host}.",
        NAME: f"the name in {upstream} is not found by the cache{because}.",
        TLS: f"the certificate of {upstream} is not trusted by the cache{because}.",
        REFUSED: f"{upstream} refuses the credentials of the cache for {host}{because}.",
        LIMIT: f"{upstream} lets the cache pull no more for now, its rate limit is reached{because}.",
        UPSTREAM_DOWN: f"{upstream} is not reached by the cache{because}.",
    }.get(cause, f"{upstream}: {said}.")


_CURES = {
    CACHE_DOWN: "run the playbook 'up' again; 'docker logs' of the container tells why it does not answer",
    CACHE_DENIED: "run the playbook 'up' again, it gives the cache new credentials",
    NAME: "check 'upstream' of this item of 'mirrors', and the DNS of the Docker host; what was pulled before still pulls",
    TLS: "give the certificate of its authority as 'ca' in this item of 'mirrors'",
    REFUSED: "check 'username' and 'password' of this item of 'mirrors'",
    LIMIT: "wait until the limit is lifted, or give 'username' and 'password' in this item of 'mirrors'",
    UPSTREAM_DOWN: "nothing, if the upstream is meant to be away: what was pulled before still pulls",
}


def _with_numbers(
    container: Any, host: str, upstream: str, cause: str, message: str, limits: tuple[int, int] | None
) -> MirrorStatus:
    counted = _metrics_of(container)
    return MirrorStatus(
        host,
        str(container.name),
        upstream,
        cause,
        message,
        _CURES.get(cause, ""),
        hits=counted.get("hits"),
        misses=counted.get("misses"),
        pulled_bytes=counted.get("pulled_bytes"),
        served_bytes=counted.get("pushed_bytes"),
        volume_bytes=_volume_bytes(container),
        limit=limits[0] if limits else None,
        remaining=limits[1] if limits else None,
    )


def _metrics_of(container: Any) -> dict[str, int]:
    try:
        answer = get(container, "/metrics", port=DEBUG_PORT, timeout=10)
    except NoAnswer:
        return {}
    return metrics(answer.text) if answer.status == 200 else {}


def _volume_bytes(container: Any) -> int | None:
    try:
        code, output = run_in(container, ["du", "-sk", "/var/lib/registry"])
    except (APIError, DockerException, RequestException, ExpectedError):
        return None
    first = output.split()
    return int(first[0]) * 1024 if code == 0 and first and first[0].isdigit() else None


def hub_limit(
    host: str, registry: Registry | None = None, repository: str = "ratelimitpreview/test"
) -> tuple[int, int] | None:
    """Docker Hub's limit of pulls and what is left of it, by its documented headers; asking for them does not count as a pull.

    None for another host, or where Docker Hub does not say. The limit is for the address, so this machine's is the cache's.
    """
    if host != "docker.io" and registry is None:
        return None
    registry = registry or Registry("https://registry-1.docker.io", timeout=5)
    try:
        answer = registry.request("HEAD", f"/v2/{repository}/manifests/latest", headers=_ACCEPT)
    except RegistryError as error:
        return (0, 0) if error.reason == LIMITED else None
    return limit_of(answer.header("ratelimit-limit"), answer.header("ratelimit-remaining"))


def limit_of(limit: str, remaining: str) -> tuple[int, int] | None:
    """``100;w=21600`` and ``76;w=21600``: how many pulls in a window of seconds."""
    numbers = [text.partition(";")[0].strip() for text in (limit, remaining)]
    if not all(number.isdigit() for number in numbers):
        return None
    return int(numbers[0]), int(numbers[1])
