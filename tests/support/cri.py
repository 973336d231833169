# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a kubelet asks of containerd, asked without one: one call of the CRI, by the curl that nodes have."""

from __future__ import annotations

import re
import shlex

from docker.models.containers import Container


class CriFailed(AssertionError):
    """containerd's answer was no success; the text is what it said."""


def pull(node: Container, image: str) -> str:
    """PullImage; the digest of what containerd then has."""
    headers, body = _call(node, "ImageService/PullImage", _field(1, _field(1, image.encode())))
    found = re.search(rb"sha256:[0-9a-f]{64}", body)
    assert found, (headers, body)
    return found.group().decode()


def _call(node: Container, method: str, message: bytes) -> tuple[str, bytes]:
    """gRPC is HTTP/2 with a prefix before each message and the outcome in what follows the body."""
    request = b"\0" + len(message).to_bytes(4, "big") + message
    words = ["curl", "--silent", "--show-error", "--http2-prior-knowledge", "--max-time", "60", "--include"]
    words += ["--unix-socket", "/run/containerd/containerd.sock", "--data-binary", "@-"]
    words += ["--header", "content-type: application/grpc", "--header", "te: trailers"]
    words += [f"http://localhost/runtime.v1.{method}"]
    octal = "".join(f"\\{byte:03o}" for byte in request)
    code, output = node.exec_run(["sh", "-c", f"printf {shlex.quote(octal)} | {shlex.join(words)}"])
    assert code == 0, output.decode(errors="replace")
    text = output.decode(errors="replace")
    # a trailer, right behind a body that need not end a line
    status = re.search(r"grpc-status: (\d+)", text)
    if status is None or status.group(1) != "0":
        raise CriFailed(text)
    return text, output


def _field(number: int, content: bytes) -> bytes:
    """A text or a message inside of a message; all of ours are shorter than 16384 bytes."""
    size = len(content)
    length = bytes([size]) if size < 128 else bytes([size & 127 | 128, size >> 7])
    return bytes([number << 3 | 2]) + length + content
