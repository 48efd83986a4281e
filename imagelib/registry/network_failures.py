"""From the exceptions of requests, urllib3, ssl and the operating system to the codes of RegistryError."""

from __future__ import annotations

import errno
import http.client
import socket
import ssl
from collections.abc import Iterator

import requests
import urllib3.exceptions

from .errors import RegistryError

# X509_V_ERR_… of OpenSSL
_VERIFY_CODES = {
    9: "registry_tls_expired",  # not yet valid
    10: "registry_tls_expired",
    2: "registry_tls_unknown_ca",
    18: "registry_tls_unknown_ca",  # self-signed
    19: "registry_tls_unknown_ca",
    20: "registry_tls_unknown_ca",
    21: "registry_tls_unknown_ca",
    62: "registry_tls_host_mismatch",
    64: "registry_tls_host_mismatch",  # IP address
}
# How OpenSSL words it when the other side does not speak TLS; the word depends on its version.
_NOT_TLS = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG", "HTTP_REQUEST"})
_ERRNO_CODES = {
    errno.ECONNREFUSED: "registry_refused",
    errno.ECONNRESET: "registry_reset",
    errno.ECONNABORTED: "registry_reset",
    errno.EPIPE: "registry_reset",
    errno.ETIMEDOUT: "registry_timeout",
}


def from_exception(error: Exception, host: str) -> RegistryError:
    """The RegistryError for a request to `host` that got no complete answer."""
    causes = list(_causes(error))
    for cause in reversed(causes):  # the innermost knows best
        code = _code(cause)
        if code:
            return RegistryError(code, f"{host}: {_words(cause)}")
    return RegistryError("registry_unreachable", f"{host}: {_words(causes[-1])}")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The exception and what it wraps, outermost first: libraries keep it in three different places."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        wrapped = (getattr(current, "reason", None), *current.args, current.__cause__, current.__context__)
        current = next((item for item in wrapped if isinstance(item, BaseException)), None)


def _code(error: BaseException) -> str | None:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _VERIFY_CODES.get(error.verify_code, "registry_tls_failed")
    if isinstance(error, ssl.SSLError):
        return "registry_plain_http" if error.reason in _NOT_TLS else "registry_tls_failed"
    if isinstance(error, socket.gaierror | ValueError):  # ValueError: what stands there cannot be a host name
        return "registry_dns"
    if isinstance(error, TimeoutError | requests.Timeout | urllib3.exceptions.TimeoutError):
        return "registry_timeout"
    if isinstance(error, http.client.HTTPException | urllib3.exceptions.ProtocolError):
        return "registry_reset"
    if isinstance(error, OSError) and error.errno is not None:
        return _ERRNO_CODES.get(error.errno, "registry_unreachable")
    return None


def _words(error: BaseException) -> str:
    """The bare statement: `Connection refused` instead of a nest of class names."""
    if isinstance(error, OSError) and error.strerror and not isinstance(error, ssl.SSLError):
        return error.strerror
    return str(error) or type(error).__name__
