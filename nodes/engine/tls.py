"""The TLS context of one client, made of PEM texts that are in no file of any disk."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import certifi
from urllib3.util.ssl_ import create_urllib3_context

from .errors import EngineError
from .evidence import clean
from .types import EngineEndpoint


def tls_context(endpoint: EngineEndpoint) -> ssl.SSLContext:
    """Trusts the endpoint's CA alone (public CAs without one), and shows its client certificate if there is one.

    Raises EngineError(engine_tls_key_invalid) for texts that are no PEM, or a key that does not belong to its
    certificate: found out here, before anything is sent.
    """
    context = create_urllib3_context()
    _load_ca(context, endpoint.ca_cert)
    _load_pair(context, endpoint.client_cert, endpoint.client_key)
    return context


def _load_ca(context: ssl.SSLContext, pem: str) -> None:
    if not pem.strip():
        context.load_verify_locations(certifi.where())
        return
    try:
        context.load_verify_locations(cadata=pem)
    except (ssl.SSLError, ValueError) as error:
        raise _invalid("CA certificate", error) from error


def _load_pair(context: ssl.SSLContext, certificate: str, key: str) -> None:
    if not certificate.strip() and not key.strip():
        return
    if not certificate.strip() or not key.strip():
        missing = "key" if certificate.strip() else "certificate"
        raise EngineError("engine_tls_key_invalid", f"the client {missing} is missing")
    with _in_memory(certificate) as certificate_path, _in_memory(key) as key_path:
        try:
            # An empty answer to the question for a pass phrase: nobody sits at a worker's terminal.
            context.load_cert_chain(certificate_path, key_path, password=lambda: "")
        except (ssl.SSLError, ValueError) as error:
            raise _invalid("client certificate and key", error) from error


@contextmanager
def _in_memory(pem: str) -> Iterator[str]:
    """A path of the text, which OpenSSL insists on: in memory, gone with this block and with the process."""
    descriptor = os.memfd_create("imagelib-tls")
    with open(descriptor, "wb") as file:
        file.write(pem.encode(errors="replace"))
        file.flush()
        yield f"/proc/self/fd/{descriptor}"


def _invalid(what: str, error: Exception) -> EngineError:
    return EngineError("engine_tls_key_invalid", clean(f"{what}: {error}"))
