# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.kubelocal.registry.plugins.filter.first_user import first_user


def test_first_user() -> None:
    assert first_user({"b": "2", "a": "1"}) == {"username": "b", "password": "2"}
    assert first_user('{"a": "1"}') == {"username": "a", "password": "1"}
    assert first_user({}) == first_user(None) == first_user("") == {"username": "", "password": ""}
