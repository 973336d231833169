# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a change of the testbed's parts builds again."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from tests.testbed import digest, engine, images, programs


def test_a_changed_version_concerns_only_what_depends_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {image.name: image.made_from() for image in images.ALL}
    etcd = dataclasses.replace(programs.ALL["etcd"], version="v9.9.9")
    monkeypatch.setitem(programs.ALL, "etcd", etcd)
    changed = [image for image in images.ALL if image.made_from() != before[image.name]]
    # each lies upon the one before
    assert changed == [images.NODE, images.SSH_NODE, images.DEBIAN_NODE]


def test_an_image_is_missing_when_its_label_is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = {image.name: {images.LABEL: image.made_from()} for image in images.ALL}
    monkeypatch.setattr(engine, "labels", lambda name: labels.get(name, {}))
    assert images.missing() == []
    labels[images.BUSYBOX.name] = {images.LABEL: "something else"}
    del labels[images.NODE.name]
    assert images.missing() == [images.BUSYBOX, images.NODE]


def test_a_digest_sees_names_contents_and_values(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("x")
    digests = {digest.of("v"), digest.of("w"), digest.of("v", [file])}
    file.write_text("y")
    digests.add(digest.of("v", [file]))
    digests.add(digest.of("v", [file.rename(tmp_path / "b")]))
    assert len(digests) == 5


@pytest.mark.parametrize(("bounding", "lacks"), [("000001fffeffffff", True), ("000001ffffffffff", False), ("0", True)])
def test_the_missing_capability_is_seen(bounding: str, lacks: bool) -> None:
    assert engine.lacks_capability(f"Name:\tx\nCapBnd:\t{bounding}\nSeccomp:\t0\n") is lacks


def test_kubernetes_own_modules_are_those_without_a_date() -> None:
    go_mod = "require (\n\tk8s.io/api v0.0.0\n\tk8s.io/klog/v2 v2.1.0\n"
    go_mod += "\tk8s.io/kube-openapi v0.0.0-20250710124328-f3f2b991d03b\n"
    go_mod += "\tk8s.io/mount-utils v0.0.0 // indirect\n)\nreplace k8s.io/api => ./staging/src/k8s.io/api\n"
    assert programs.own_modules(go_mod) == ["k8s.io/api", "k8s.io/mount-utils"]
