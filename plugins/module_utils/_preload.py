# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: getting images into pull-through caches and onto nodes before they are needed."""

from __future__ import annotations

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils._distribution import INDEX_TYPES, MANIFEST_TYPES
from ansible_collections.kubelocal.registry.plugins.module_utils._docker import run_in
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._image_ref import parse
from ansible_collections.kubelocal.registry.plugins.module_utils._mirror_status import OK, classify
from ansible_collections.kubelocal.registry.plugins.module_utils._mirrors_http import NoAnswer, get

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ansible_collections.kubelocal.registry.plugins.module_utils._image_ref import ImageRef
    from ansible_collections.kubelocal.registry.plugins.module_utils._mirrors_http import Answer

# what happened to an image in one place
LOADED, PRESENT, FAILED = "loaded", "present", "failed"

_ACCEPT = {"Accept": ", ".join(MANIFEST_TYPES)}
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm"}
_PLATFORM = re.compile(r"[a-z0-9]+/[a-z0-9]+(?:/[a-z0-9]+)?", re.ASCII)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
_ROOT = "/var/lib/registry/docker/registry/v2"
# prints which of the files named by its arguments are there
_WHICH = 'for path in "$@"; do [ -s "$path" ] && printf "%s\\n" "$path"; done; exit 0'
_SEEN_WITHIN = 10.0


@dataclass
class Outcome:
    """One image: what happened in its cache and on each node."""

    image: str
    cache: str = ""
    cache_name: str = ""
    digest: str = ""
    message: str = ""
    nodes: dict[str, str] = field(default_factory=dict)
    messages: dict[str, str] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        return FAILED in (self.cache, *self.nodes.values())

    @property
    def loaded(self) -> bool:
        return LOADED in (self.cache, *self.nodes.values())

    def as_result(self) -> dict[str, Any]:
        return {
            "image": self.image,
            "digest": self.digest,
            "cache": self.cache or None,
            "cache_name": self.cache_name or None,
            "nodes": dict(self.nodes),
            "failed": self.failed,
            "message": self.reason,
        }

    @property
    def reason(self) -> str:
        texts = [self.message, *(f"{node}: {text}" for node, text in self.messages.items())]
        return "; ".join(text for text in texts if text)


class WrongPlatform(ExpectedError):
    """The image is not for the architecture that is asked for."""


@dataclass(frozen=True)
class Cache:
    """A running pull-through cache, and the header that opens it."""

    container: Any
    authorization: str | None = field(default=None, repr=False)
    with_credentials: bool = False


def platform_of(client: Any, wanted: str | None) -> str:
    """``os/architecture`` as registries write it: what was asked for, else the Engine's own."""
    if wanted:
        if not _PLATFORM.fullmatch(wanted):
            raise ExpectedError(f"platform is '{wanted}'; write it like linux/amd64 or linux/arm/v7.")
        return wanted
    version = client.version()
    architecture = str(version.get("Arch", "amd64"))
    return f"{version.get('Os', 'linux')}/{_ARCHITECTURES.get(architecture, architecture)}"


def references(images: Sequence[str]) -> list[ImageRef]:
    """The images, each once, in the order given; ExpectedError names the one that is no reference."""
    found = []
    for image in images:
        try:
            found.append(parse(image))
        except ExpectedError as error:
            raise ExpectedError(f"images: {error}") from None
    return list(dict.fromkeys(found))


def choose(index: Mapping[str, Any], platform: str, image: str) -> str:
    """The digest of the manifest for a platform in an index."""
    others = []
    for entry in index.get("manifests") or []:
        about = entry.get("platform") or {}
        if about.get("os") in (None, "unknown"):
            continue
        one = _platform(about)
        if one == platform or one.startswith(platform + "/"):
            return str(entry["digest"])
        others.append(one)
    raise WrongPlatform(
        f"'{image}' is not made for {platform}, only for {', '.join(sorted(set(others))) or 'nothing'}."
    )


def check_platform(config: Mapping[str, Any], platform: str, image: str) -> None:
    """WrongPlatform when an image's own configuration names another platform."""
    if not config.get("architecture"):
        return
    one = _platform(config)
    if one != platform and not one.startswith(platform + "/") and not platform.startswith(one + "/"):
        raise WrongPlatform(f"'{image}' is not made for {platform}, only for {one}.")


def _platform(about: Mapping[str, Any]) -> str:
    parts = [about.get("os") or "linux", about.get("architecture") or "", about.get("variant") or ""]
    return "/".join(str(part) for part in parts if part)


def blobs_of(manifest: Mapping[str, Any]) -> list[str]:
    """Configuration and layers that a pull reads, the configuration first; layers that live elsewhere are left out."""
    entries = [manifest.get("config") or {}, *(manifest.get("layers") or [])]
    digests = [str(entry["digest"]) for entry in entries if entry.get("digest") and not entry.get("urls")]
    return list(dict.fromkeys(digest for digest in digests if _DIGEST.fullmatch(digest)))


# -- caches


def into_cache(cache: Cache, ref: ImageRef, platform: str, timeout: float, check: bool) -> Outcome:
    """Have the cache pull all of an image for one platform."""
    outcome = Outcome(str(ref), cache_name=str(cache.container.name))
    try:
        if cache.container.status != "running":
            raise ExpectedError(f"the cache '{outcome.cache_name}' is {cache.container.status}; start it first.")
        if check:
            outcome.cache = PRESENT if _is_on_disk(cache.container, ref, platform) else LOADED
        else:
            outcome.cache = _pull_through(cache, ref, platform, timeout, outcome)
    except NoAnswer as error:
        outcome.cache, outcome.message = FAILED, str(error)
    except ExpectedError as error:
        outcome.cache, outcome.message = FAILED, str(error)
    return outcome


def _pull_through(cache: Cache, ref: ImageRef, platform: str, timeout: float, outcome: Outcome) -> str:
    before = _is_on_disk(cache.container, ref, platform)
    manifest = _manifest(cache, ref, ref.reference, timeout)
    outcome.digest = str(manifest.headers.get("docker-content-digest", ""))
    if manifest.headers.get("content-type", "").partition(";")[0].strip() in INDEX_TYPES:
        manifest = _manifest(cache, ref, choose(manifest.data, platform, str(ref)), timeout)
    wanted = blobs_of(manifest.data)
    if not wanted:
        raise ExpectedError(f"'{ref}' has a manifest of a kind that can't be preloaded.")
    config = _ask(cache, f"/v2/{ref.repository}/blobs/{wanted[0]}", timeout)
    if config.status != 200:
        raise _failed(ref, config, cache)
    check_platform(config.data, platform, str(ref))
    missing = _missing(cache.container, ref, wanted)
    for digest in missing:
        answer = _ask(cache, f"/v2/{ref.repository}/blobs/{digest}", timeout, discard=True)
        if answer.status != 200:
            raise ExpectedError(f"the cache '{cache.container.name}' answers {answer.status} for a layer of '{ref}'.")
    # the cache files a blob after its last byte was sent
    end = time.monotonic() + _SEEN_WITHIN
    while _missing(cache.container, ref, wanted):
        if time.monotonic() > end:
            raise ExpectedError(f"the cache '{cache.container.name}' did not keep all of '{ref}'; is its disk full?")
        time.sleep(0.2)
    return PRESENT if before and not missing else LOADED


def _manifest(cache: Cache, ref: ImageRef, reference: str, timeout: float) -> Answer:
    answer = _ask(cache, f"/v2/{ref.repository}/manifests/{reference}", timeout)
    if answer.status != 200:
        raise _failed(ref, answer, cache)
    return answer


def _failed(ref: ImageRef, answer: Answer, cache: Cache) -> ExpectedError:
    cause, said = classify(answer.status, answer.text, cache.with_credentials)
    if cause == OK:
        return ExpectedError(
            f"'{ref}' is not in the cache and its upstream does not give it ({answer.status}); check the name, the tag and "
            "that the upstream can be reached."
        )
    return ExpectedError(f"'{ref}' does not come through the cache '{cache.container.name}': {said or cause}.")


def _ask(cache: Cache, path: str, timeout: float, discard: bool = False) -> Answer:
    headers = {**_ACCEPT, **({"Authorization": cache.authorization} if cache.authorization else {})}
    return get(cache.container, path, headers=headers, timeout=timeout, discard=discard)


def _missing(container: Any, ref: ImageRef, digests: Sequence[str]) -> list[str]:
    paths = {_layer_link(ref, digest): digest for digest in digests}
    data = {_blob_path(digest): digest for digest in digests}
    there = set(_which(container, [*paths, *data]))
    return [digest for digest in digests if _layer_link(ref, digest) not in there or _blob_path(digest) not in there]


def _which(container: Any, paths: Sequence[str]) -> list[str]:
    code, output = run_in(container, ["/bin/sh", "-c", _WHICH, "which", *paths])
    if code != 0:
        raise ExpectedError(f"the container '{container.name}' can't run /bin/sh, which looking into a cache needs.")
    return output.split()


def _is_on_disk(container: Any, ref: ImageRef, platform: str) -> bool:
    """Whether a cache has all of an image, asked without its upstream."""
    digest = ref.digest
    repository = f"{_ROOT}/repositories/{ref.repository}"
    if digest is None:
        digest = _cat(container, f"{repository}/_manifests/tags/{ref.tag}/current/link").strip()
    manifest = _stored(container, ref, digest)
    if "manifests" in manifest:
        try:
            manifest = _stored(container, ref, choose(manifest, platform, str(ref)))
        except WrongPlatform:
            return False
    wanted = blobs_of(manifest)
    return bool(wanted) and not _missing(container, ref, wanted)


def _stored(container: Any, ref: ImageRef, digest: str) -> dict[str, Any]:
    if not _DIGEST.fullmatch(digest):
        return {}
    link = f"{_ROOT}/repositories/{ref.repository}/_manifests/revisions/sha256/{digest[7:]}/link"
    if not _cat(container, link):
        return {}
    try:
        value = json.loads(_cat(container, _blob_path(digest)))
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _cat(container: Any, path: str) -> str:
    code, output = run_in(container, ["cat", path])
    return output if code == 0 else ""


def _blob_path(digest: str) -> str:
    return f"{_ROOT}/blobs/sha256/{digest[7:9]}/{digest[7:]}/data"


def _layer_link(ref: ImageRef, digest: str) -> str:
    return f"{_ROOT}/repositories/{ref.repository}/_layers/sha256/{digest[7:]}/link"


# -- nodes


def onto_node(container: Any, ref: ImageRef, platform: str, certs_dir: str, check: bool) -> tuple[str, str]:
    """Have a node's containerd pull an image as the kubelet would; what happened and why not."""
    if container.status != "running":
        return FAILED, f"the node is {container.status}"
    code, output = run_in(container, ["ctr", "-n", "k8s.io", "images", "ls", "-q", f"name=={ref}"])
    if code == 0 and str(ref) in output.split():
        return PRESENT, ""
    if check:
        return LOADED, ""
    code, _output = run_in(container, ["/bin/sh", "-c", "command -v crictl"])
    if code == 0:
        argv = ["crictl", "pull", str(ref)]
    else:
        argv = ["ctr", "-n", "k8s.io", "images", "pull", "--hosts-dir", certs_dir, "--platform", platform, str(ref)]
    code, output = run_in(container, argv)
    return (LOADED, "") if code == 0 else (FAILED, _last(output))


def _last(output: str) -> str:
    """The line of a long output that says what went wrong."""
    lines = [line.strip() for line in re.split(r"[\r\n]+", output) if line.strip()]
    wrong = [line for line in lines if re.search(r"ctr: |error|level=fatal|no match for platform", line, re.IGNORECASE)]
    return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", (wrong or lines or ["it failed without a word"])[-1])[:400].rstrip(".")


# -- all


def preload(
    refs: Sequence[ImageRef],
    caches: Mapping[str, Cache],
    nodes: Sequence[Any],
    platform: str,
    certs_dir: str = "/etc/containerd/certs.d",
    timeout: float = 600,
    check: bool = False,
) -> list[Outcome]:
    """Every image into the cache of its host, and onto every node; images side by side, a few at a time."""

    def one(ref: ImageRef) -> Outcome:
        cache = caches.get(ref.host) or caches.get("_default")
        outcome = Outcome(str(ref)) if cache is None else into_cache(cache, ref, platform, timeout, check)
        if cache is None and not nodes:
            outcome.cache, outcome.message = FAILED, f"there is no cache for {ref.host}; add it to 'mirrors'"
        if outcome.cache == FAILED:
            return outcome
        for node in nodes:
            what, why = onto_node(node, ref, platform, certs_dir, check)
            outcome.nodes[node.name] = what
            if why:
                outcome.messages[node.name] = why
        return outcome

    with ThreadPoolExecutor(max_workers=4) as pool:
        return list(pool.map(one, refs))


def summary(outcomes: Sequence[Outcome]) -> str:
    """One sentence for a failure: how many, and each reason."""
    failed = [outcome for outcome in outcomes if outcome.failed]
    reasons = "; ".join(f"{outcome.image}: {outcome.reason.rstrip('.')}" for outcome in failed)
    return (
        f"{len(failed)} of {len(outcomes)} images were not loaded, {len(outcomes) - len(failed)} are there: {reasons}."
    )
