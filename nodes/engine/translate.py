"""From the exceptions of five libraries to `EngineError`.

The same failure comes as a different class depending on where it strikes: version negotiation wraps everything in
DockerException, streams raise urllib3's, ssh paramiko's, and requests wraps them all (docker-engine.md §4.1). So
nothing here goes by the outermost class: the whole chain of causes is searched, for the system's own errors first.
"""

from __future__ import annotations

import errno
import http.client
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import docker.errors
import paramiko
import requests.exceptions
import urllib3.exceptions

from .errors import EngineError, EngineRejected
from .evidence import clean
from .ssh import RemoteCommandFailed

# Everything that a call through the SDK is known to raise for reasons outside this program.
FAILURES = (
    docker.errors.DockerException,
    requests.exceptions.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    paramiko.SSHException,
    OSError,
    EOFError,
    UnicodeError,
)
_UNREACHABLE = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN, errno.EADDRNOTAVAIL}
_WRONG_CA = {2, 18, 19, 20, 21}  # OpenSSL: issuer not found, self-signed certificates, unverifiable leaf
_WRONG_HOST = {62, 64}  # OpenSSL: host name mismatch, IP address mismatch
_BROKEN = (ConnectionError, EOFError, ssl.SSLEOFError, ssl.SSLZeroReturnError, http.client.IncompleteRead)
_PLAIN_ON_TLS = ("http request to an https server", "http request was sent to https port")


def translate(error: BaseException, *, connecting: bool = False, secrets: Sequence[str] = ()) -> EngineError:
    """The one translation. `connecting`: while agreeing on a version, when an HTTP error speaks of the engine itself
    and not of what was asked of it. `secrets`: texts to mask in the evidence."""
    chain = list(causes(error))
    for found in chain:
        if isinstance(found, EngineError):
            return found
    for found in chain:
        if isinstance(found, docker.errors.APIError):
            return _from_answer(found, connecting=connecting, secrets=secrets)
    for rule in (_from_ssh, _from_tls, _from_system, _from_libraries):
        for found in chain:
            code = rule(found)
            if code:
                return EngineError(code, clean(_text(found), secrets=secrets), _transient(found))
    return EngineError("engine_gone", clean(str(error), secrets=secrets))


@contextmanager
def translated(*, connecting: bool = False, secrets: Sequence[str] = ()) -> Iterator[None]:
    """Lets only `EngineError`s (and programming errors) out of its block."""
    try:
        yield
    except FAILURES as error:
        raise translate(error, connecting=connecting, secrets=secrets) from error


def causes(error: BaseException) -> Iterator[BaseException]:
    """`error` and all that it comes from: its cause, what it wraps as an argument, urllib3's `reason`.

    Not `__context__`: that may be any exception that somebody is handling while this one happens.
    """
    waiting: list[object] = [error]
    seen: set[int] = set()
    while waiting:
        current = waiting.pop(0)
        if not isinstance(current, BaseException) or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        waiting += [current.__cause__, getattr(current, "reason", None), *current.args]


def _from_answer(error: docker.errors.APIError, *, connecting: bool, secrets: Sequence[str] = ()) -> EngineError:
    status = error.status_code
    evidence = clean(str(error.explanation or error), secrets=secrets)
    code = answer_code(status, evidence, connecting=connecting)
    return EngineError(code, evidence) if code else EngineRejected(status, evidence)


def answer_code(status: int | None, evidence: str, *, connecting: bool) -> str:
    """What an HTTP error says of the engine as a whole; "" when it is about the request."""
    text = evidence.lower()
    if status == 400 and any(words in text for words in _PLAIN_ON_TLS):
        return "engine_tls_expected"
    if "client version" in text and "too new" in text:
        return "engine_api_too_old"  # seen from here, the engine is the old one
    if "client version" in text and "too old" in text:
        return "engine_api_too_new"
    if not connecting:
        return ""
    if status is not None and (status >= 500 or status == 429):
        return "engine_server_error"
    return "engine_not_docker"


def _from_ssh(error: BaseException) -> str:
    if isinstance(error, RemoteCommandFailed):
        return _from_remote_command(str(error).lower())
    if isinstance(error, paramiko.BadHostKeyException):
        return "engine_ssh_host_key"
    if isinstance(error, paramiko.AuthenticationException):
        return "engine_ssh_auth"
    if not isinstance(error, paramiko.SSHException):
        return ""
    text = str(error)
    if "not found in known_hosts" in text:
        return "engine_ssh_host_key"
    return "engine_ssh_auth" if "No authentication methods" in text else "engine_ssh_failed"


def _from_remote_command(words: str) -> str:
    """What `docker system dial-stdio` said on the node before it gave up."""
    if "permission denied" in words:
        return "engine_socket_permission"
    if "no such file" in words and "docker.sock" in words:
        return "engine_socket_missing"
    if "connection refused" in words:
        return "engine_refused"
    return "engine_ssh_failed" if words else "engine_gone"


def _from_tls(error: BaseException) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in _WRONG_HOST:
            return "engine_tls_wrong_host"
        return "engine_tls_wrong_ca" if error.verify_code in _WRONG_CA else "engine_tls_failed"
    if not isinstance(error, ssl.SSLError) or isinstance(error, _BROKEN):
        return ""
    text = str(error).upper().replace(" ", "_")
    if "WRONG_VERSION_NUMBER" in text or "RECORD_LAYER_FAILURE" in text or "HTTP_REQUEST" in text:
        return "engine_tls_unexpected"
    if any(alert in text for alert in ("ALERT_BAD_CERTIFICATE", "CERTIFICATE_REQUIRED", "ALERT_UNKNOWN_CA")):
        return "engine_tls_client_certificate"
    if any(words in text for words in ("PEM_LIB", "KEY_VALUES_MISMATCH", "NO_START_LINE")):
        return "engine_tls_key_invalid"
    return "engine_tls_failed"


def _from_system(error: BaseException) -> str:
    rules: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str], ...] = (
        (socket.gaierror, "engine_host_unknown"),
        (ConnectionRefusedError, "engine_refused"),
        ((FileNotFoundError, NotADirectoryError), "engine_socket_missing"),
        (PermissionError, "engine_socket_permission"),
        (TimeoutError, "engine_timeout"),
        (BlockingIOError, "engine_timeout"),  # a unix socket whose queue is full: an engine that accepts nobody
    )
    for kind, code in rules:
        if isinstance(error, kind):
            return code
    return "engine_unreachable" if isinstance(error, OSError) and error.errno in _UNREACHABLE else ""


def _from_libraries(error: BaseException) -> str:
    """What has no system error below it, or only a broken connection."""
    rules: tuple[tuple[Callable[[BaseException], bool], str], ...] = (
        (_is(urllib3.exceptions.NameResolutionError), "engine_host_unknown"),
        (_is(requests.exceptions.Timeout, urllib3.exceptions.TimeoutError), "engine_timeout"),
        (_is(requests.exceptions.InvalidURL, urllib3.exceptions.LocationParseError), "engine_bad_address"),
        (_is(UnicodeError), "engine_bad_address"),
        (_is_tls_alert, "engine_tls_expected"),
        (_is_no_http, "engine_not_docker"),
        (_is(docker.errors.InvalidVersion), "engine_api_too_old"),
        (_is(requests.exceptions.JSONDecodeError), "engine_not_docker"),
        (_is(requests.exceptions.TooManyRedirects), "engine_not_docker"),
        (_is(*_BROKEN), "engine_gone"),
    )
    return next((code for holds, code in rules if holds(error)), "")


def _is(*kinds: type[BaseException]) -> Callable[[BaseException], bool]:
    return lambda error: isinstance(error, kinds)


def _is_no_http(error: BaseException) -> bool:
    """A first line that is no HTTP. Python calls a connection that ends without one a bad status line, too."""
    return isinstance(error, http.client.BadStatusLine) and not isinstance(error, ConnectionError)


def _is_tls_alert(error: BaseException) -> bool:
    return _is_no_http(error) and "\\x15\\x03" in ascii(error)


def _transient(error: BaseException) -> bool | None:
    """A name server that cannot answer now is no proof that the name is wrong."""
    if isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN:
        return True
    return None


def _text(error: BaseException) -> str:
    return str(error) or type(error).__name__
