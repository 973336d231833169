# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: images for registry containers, had or pulled, and what they bring."""

from __future__ import annotations

import contextlib
import secrets
from typing import TYPE_CHECKING, Any

from ansible_collections.kubelocal.registry.plugins.module_utils import _docker, _image_ref, _run_mark
from ansible_collections.kubelocal.registry.plugins.module_utils import _registry_files as registry_files
from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_body import Image
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_observed import config_path, image_attrs
from ansible_collections.kubelocal.registry.plugins.module_utils._registry_spec import LABEL_PREFIX

with contextlib.suppress(ImportError):  # told by _docker
    from docker.errors import APIError, ImageNotFound
    from requests.exceptions import RequestException

if TYPE_CHECKING:
    from ansible_collections.kubelocal.registry.plugins.module_utils._registry_observed import Observed


# on a container that is made only to read its image: whose it is
RUN_LABEL = f"{LABEL_PREFIX}run"


def obtain(
    client: Any, reference: str, pull: str, observed: Observed | None, check: bool, actions: list[str]
) -> dict[str, Any]:
    """The image as the Engine has it; pulled where that is wanted. Empty when it isn't there and need not be."""
    found = image_attrs(client, reference)
    if pull == "always":
        if check:
            return found
        before = found.get("Id")
        _pull(client, reference, have=bool(found))
        found = image_attrs(client, reference)
        if found.get("Id") != before:
            actions.append(f"Pulled the image {reference}.")
        return found
    if found:
        return found
    if observed is not None and _image_ref.same_image(observed.image_reference, reference):
        return {}  # its container runs from it, nothing has to be made
    return fetch(client, reference, pull, check, actions)


def fetch(client: Any, reference: str, pull: str, check: bool, actions: list[str]) -> dict[str, Any]:
    """The image, pulled unless it is there or may not be."""
    found = image_attrs(client, reference)
    if found:
        return found
    if pull == "never":
        raise ExpectedError(
            f"the Engine does not have the image {reference}, and pull is 'never'; load it first, or set pull to 'missing'."
        )
    if not check:
        _pull(client, reference, have=False)
    actions.append(f"Pulled the image {reference}.")
    return {} if check else image_attrs(client, reference)


def _pull(client: Any, reference: str, have: bool) -> None:
    if reference.startswith("sha256:") or (len(reference) == 64 and "/" not in reference):
        raise ExpectedError(f"the Engine does not have an image with the id {reference}; give a name that it can pull.")
    image = _image_ref.parse(reference)
    try:
        client.images.pull(image.name, tag=image.reference)
    except (APIError, ImageNotFound, RequestException) as error:
        otherwise = (
            "set pull to 'missing' to use the one that the Engine has"
            if have
            else "check its name and the network, or set the image (registry_image) to one that the Engine has"
        )
        raise ExpectedError(f"the image {reference} can't be pulled: {_docker.explain(error)}; {otherwise}.") from error


def look_into(client: Any, attrs: dict[str, Any], name: str, with_cas: bool = False) -> Image:
    """What the image brings, read from a container of it that is never started."""
    config = attrs.get("Config") or {}
    path = config_path(config.get("Cmd") or []) or config_path(config.get("Entrypoint") or [])
    # a name of its own, so that runs that don't see each other's locks don't take each other's
    helper_name = f"{name}-kubelocal-probe-{secrets.token_hex(4)}"
    labels = {LABEL_PREFIX + "helper": "true", RUN_LABEL: _run_mark.mark()}
    body = {"Image": attrs["Id"], "Labels": labels, "HostConfig": {"NetworkMode": "none"}}
    if not config.get("Cmd") and not config.get("Entrypoint"):
        body["Cmd"] = ["true"]
    helper = client.containers.get(client.api.create_container_from_config(body, helper_name)["Id"])
    try:
        base = registry_files.load(_read(helper, path))
        owner = _owner(helper, str(config.get("User") or ""))
        cas = (_read(helper, registry_files.SYSTEM_CAS) or b"") if with_cas else b""
    finally:
        with contextlib.suppress(APIError):
            helper.remove(v=True, force=True)
    return Image(attrs, base, owner, cas)


def _read(container: Any, path: str | None) -> bytes | None:
    found = _docker.read_file(container, path) if path else None
    return found.content if found else None


def _owner(container: Any, user: str) -> tuple[int, int]:
    """Numbers of the user and group that an image's USER names."""
    name, _colon, group = user.partition(":")
    if not name:
        return 0, 0
    uid, gid = (int(name), 0) if name.isdigit() else _account(_read(container, "/etc/passwd"), name, 2, 3)
    if group:
        gid = int(group) if group.isdigit() else _account(_read(container, "/etc/group"), group, 2, 2)[0]
    return uid, gid


def _account(content: bytes | None, name: str, first: int, second: int) -> tuple[int, int]:
    for line in (content or b"").decode(errors="replace").splitlines():
        fields = line.split(":")
        if (
            fields[0] == name
            and len(fields) > max(first, second)
            and fields[first].isdigit()
            and fields[second].isdigit()
        ):
            return int(fields[first]), int(fields[second])
    raise ExpectedError(f"the image runs as '{name}', which it does not know.")
