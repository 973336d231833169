# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation that several modules share: how a pull-through cache is declared."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  mirrors:
    description:
      - The upstream registries to cache, one item each. Their order does not matter.
    type: list
    elements: dict
    suboptions:
      host:
        description:
          - Registry host as it stands before the first slash of image references, with its port if it has one, for example V(docker.io) or
            V(registry.example:5000).
          - V(_default) is for every host that is not named. It needs O(mirrors[].upstream) or O(mirrors[].endpoint), because a cache
            can't tell hosts apart. With O(mirrors[].upstream), C(one.example/app) and C(two.example/app) are both taken from there.
        type: str
        required: true
      upstream:
        description:
          - URL of the registry behind the cache, for example V(https://registry.example:5000).
          - The URL of V(docker.io) is built in (V(https://registry-1.docker.io)), for any other host it is V(https://HOST).
        type: str
      username:
        description:
          - User at the upstream, for registries that ask for Basic credentials or give tokens for them.
          - A cache with credentials holds what not everybody may pull, so it asks its own clients for credentials that are made up for it.
          - With O(mirrors[].endpoint), the user of that cache. It is sent as Basic credentials.
          - Needs O(mirrors[].password).
        type: str
      password:
        description:
          - Password or token of O(mirrors[].username). In the container it is in a file of mode 0600, and nowhere else.
        type: str
      ttl:
        description:
          - How long the cache keeps what it pulled, in seconds or as in V(168h). V(0) is forever, and the default.
          - What is older is deleted by the registry even when the upstream can't be reached, so a cache with a time to live is not for being offline.
        type: str
      ca:
        description:
          - Certificate of the authority that signed that of the upstream or of O(mirrors[].endpoint), as PEM text or as the path of a file
            where the module runs.
        type: str
      image:
        description:
          - Image of this cache's container, before C(image).
        type: str
      volume:
        description:
          - Docker volume for the data. By default it is called as the container with C(-data) added.
        type: str
      endpoint:
        description:
          - URL of a cache that someone else runs. No container is made for it. It can't stand together with what describes a container
            (O(mirrors[].upstream), O(mirrors[].ttl), O(mirrors[].image), O(mirrors[].volume)).
        type: str
      override_path:
        description:
          - The path of O(mirrors[].endpoint) is the whole path of the API, as in V(https://harbor.example/v2/hub), so that containerd adds no C(/v2).
        type: bool
        default: false
      headers:
        description:
          - HTTP headers that nodes send to O(mirrors[].endpoint). Their values are kept out of logs.
        type: dict
"""
