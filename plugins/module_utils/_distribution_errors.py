# SPDX-FileCopyrightText: kubelocal contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private to this collection: why a registry does not do what it is asked, with causes told apart."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import urllib.error
from typing import TYPE_CHECKING

from ansible_collections.kubelocal.registry.plugins.module_utils._errors import ExpectedError

if TYPE_CHECKING:
    from collections.abc import Iterator

# Why a request failed: RegistryError.reason is one of these.
REFUSED = "refused"  # nothing listens there
NAME = "name"  # the host's name has no address
TLS = "tls"  # the certificate is not trusted, or one side speaks HTTP and the other HTTPS
DENIED = "denied"  # credentials are missing, wrong or not allowed to do that
LIMITED = "limited"  # too many requests
TIMEOUT = "timeout"  # no answer in time
MISSING = "missing"  # the registry answers that it does not have it
BROKEN = "broken"  # something took the connection and dropped it without an answer
OTHER = "other"


class RegistryError(ExpectedError):
    """A request that failed; ``reason`` says why, ``status`` is the HTTP status where there was an answer."""

    def __init__(self, message: str, reason: str = OTHER, status: int | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.status = status


@contextlib.contextmanager
def explained(host: str) -> Iterator[None]:
    """What goes wrong on the way to a host, as RegistryError; its own answers are left to the caller."""
    try:
        yield
    except urllib.error.HTTPError:
        raise
    except urllib.error.URLError as error:
        raise explain(host, error.reason if isinstance(error.reason, Exception) else error) from error
    except (OSError, http.client.HTTPException) as error:
        raise explain(host, error) from error


def explain(host: str, error: Exception) -> RegistryError:
    text = str(error).strip().rstrip(".")
    if isinstance(error, ssl.SSLCertVerificationError):
        return RegistryError(
            f"the certificate of {host} is not trusted ({error.verify_message.rstrip('.')}); give the CA certificate that signed it.",
            TLS,
        )
    if isinstance(error, ssl.SSLError):
        plain = "WRONG_VERSION_NUMBER" in text or "RECORD_LAYER_FAILURE" in text or "HTTP_REQUEST" in text
        if plain:
            return RegistryError(f"what listens at {host} does not speak TLS; use http:// in its address.", TLS)
        return RegistryError(f"no TLS connection to {host}: {text}.", TLS)
    if isinstance(error, socket.gaierror):
        return RegistryError(
            f"the name in {host} can't be found ({error.strerror}); check its spelling and the DNS.", NAME
        )
    if isinstance(error, (socket.timeout, TimeoutError)):
        return RegistryError(f"{host} does not answer in time.", TIMEOUT)
    if isinstance(error, ConnectionRefusedError):
        return RegistryError(f"nothing listens at {host} (connection refused); is the registry running?", REFUSED)
    if isinstance(error, (ConnectionError, http.client.HTTPException)):
        return RegistryError(f"{host} broke the connection off ({text or type(error).__name__}).", BROKEN)
    return RegistryError(f"{host} can't be reached: {text}.", OTHER)
