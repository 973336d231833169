# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the testbed is made of. A changed version rebuilds only what depends on it."""

from __future__ import annotations

KUBERNETES = "v1.34.4"  # the newest that runs unchanged on cgroup v1
CONTAINERD = "v2.2.9"
ETCD = "v3.6.16"
COREDNS = "v1.14.7"
PROVISIONER = "v0.0.30"
REGISTRY = "v3.1.2"
KIND = "v0.33.0"

DEBIAN = "bookworm"
# of a node's root file system; kind's own node image has no Python, so this one has none either
NODE_PACKAGES = (
    "systemd",
    "systemd-sysv",
    "dbus",
    "iproute2",
    "iptables",
    "conntrack",
    "ethtool",
    "socat",
    "kmod",
    "mount",
    "util-linux",
    "ebtables",
    "ca-certificates",
    "curl",
    "procps",
    "jq",
    "runc",
    "containernetworking-plugins",
    "iputils-ping",
    "hostname",
)
# of a node that is reached by SSH, besides those above
SSH_NODE_PACKAGES = ("openssh-server", "python3")
# of a machine whose containerd is Debian's, whose configuration is of version 2; it can also be the registry's host
DEBIAN_NODE_PACKAGES = ("containerd", "python3-bcrypt", "python3-cryptography", "python3-docker", "python3-yaml")
