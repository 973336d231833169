# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is ended cleans up."""

from __future__ import annotations

import os
import signal

import pytest

from ansible_collections.kubelocal.registry.plugins.module_utils import _unwind


def test_what_is_to_be_cleaned_up_is_when_the_process_is_asked_to_end() -> None:
    before = signal.getsignal(signal.SIGTERM)
    try:
        _unwind.when_ended()
        with pytest.raises(SystemExit):
            os.kill(os.getpid(), signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
