# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the testbed is needed: it is not where images can be pulled."""

from __future__ import annotations

import os
import urllib.error
import urllib.request

from tests.testbed.places import Failed, say

_ASKED = "https://registry-1.docker.io/v2/"


def is_needed(already: bool) -> bool:
    """TESTBED=on or off says it, or images that were made ``already``; else the registry that has them is asked."""
    told = os.environ.get("TESTBED", "")
    if told not in ("", "on", "off"):
        raise Failed(f"TESTBED is '{told}'; use 'on', 'off' or leave it unset.")
    if told or already:
        return told != "off"
    answers = _answers(_ASKED)
    say(f"{_ASKED} {'answers, so images are pulled' if answers else 'does not answer, so images are made here'}")
    return not answers


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=3):
            return True
    except urllib.error.HTTPError as error:
        return error.code == 401  # who are you: a registry's greeting
    except (OSError, ValueError):
        return False
