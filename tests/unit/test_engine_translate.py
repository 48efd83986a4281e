"""From the exceptions of five libraries to codes (docker-engine.md §4.1)."""

from __future__ import annotations

import errno
import http.client
import socket
import ssl

import docker.errors
import paramiko
import pytest
import requests
import urllib3

from nodes.engine.errors import EngineError, EngineRejected
from nodes.engine.evidence import clean
from nodes.engine.ssh import RemoteCommandFailed
from nodes.engine.translate import FAILURES, answer_code, causes, translate, translated


def wrapped(cause: BaseException) -> Exception:
    """As the SDK wraps a failure while it agrees on a version: three libraries deep."""
    protocol = urllib3.exceptions.ProtocolError("Connection aborted.", cause)
    outer = docker.errors.DockerException(f"Error while fetching server API version: {protocol}")
    outer.__cause__ = requests.exceptions.ConnectionError(protocol)
    return outer


def certificate_error(code: int) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed")
    error.verify_code = code
    return error


def tls_error(text: str) -> ssl.SSLError:
    return ssl.SSLError(1, f"[SSL: {text}] {text.lower()} (_ssl.c:1006)")


def api_error(status: int, text: str) -> docker.errors.APIError:
    response = requests.Response()
    response.status_code = status
    response.url = "http://engine/v1.41/images/x/json"
    return docker.errors.APIError("", response=response, explanation=text)


SYSTEM = [
    (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), "engine_refused", True),
    (TimeoutError("timed out"), "engine_timeout", True),
    (BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"), "engine_timeout", True),
    (OSError(errno.EHOSTUNREACH, "No route to host"), "engine_unreachable", True),
    (OSError(errno.ENETUNREACH, "Network is unreachable"), "engine_unreachable", True),
    (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "engine_host_unknown", False),
    (socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"), "engine_host_unknown", True),
    (FileNotFoundError(errno.ENOENT, "No such file or directory"), "engine_socket_missing", False),
    (NotADirectoryError(errno.ENOTDIR, "Not a directory"), "engine_socket_missing", False),
    (PermissionError(errno.EACCES, "Permission denied"), "engine_socket_permission", False),
    (ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"), "engine_gone", True),
    (BrokenPipeError(errno.EPIPE, "Broken pipe"), "engine_gone", True),
    (http.client.RemoteDisconnected("Remote end closed connection without response"), "engine_gone", True),
    (http.client.IncompleteRead(b"", 5), "engine_gone", True),
    (http.client.BadStatusLine("SSH-2.0-OpenSSH_9.2"), "engine_not_docker", False),
    (http.client.BadStatusLine("\x15\x03\x01\x00\x02\x02"), "engine_tls_expected", False),
]
TLS = [
    (certificate_error(20), "engine_tls_wrong_ca"),
    (certificate_error(18), "engine_tls_wrong_ca"),
    (certificate_error(62), "engine_tls_wrong_host"),
    (certificate_error(64), "engine_tls_wrong_host"),
    (certificate_error(10), "engine_tls_failed"),  # expired
    (tls_error("WRONG_VERSION_NUMBER"), "engine_tls_unexpected"),
    (tls_error("RECORD_LAYER_FAILURE"), "engine_tls_unexpected"),
    (tls_error("SSLV3_ALERT_BAD_CERTIFICATE"), "engine_tls_client_certificate"),
    (tls_error("TLSV13_ALERT_CERTIFICATE_REQUIRED"), "engine_tls_client_certificate"),
    (tls_error("TLSV1_ALERT_UNKNOWN_CA"), "engine_tls_client_certificate"),
    (tls_error("NO_PROTOCOLS_AVAILABLE"), "engine_tls_failed"),
    (ssl.SSLError(9, "[SSL] PEM lib (_ssl.c:3926)"), "engine_tls_key_invalid"),
    (ssl.SSLError(116, "[X509: KEY_VALUES_MISMATCH] key values mismatch"), "engine_tls_key_invalid"),
    (ssl.SSLEOFError(8, "EOF occurred in violation of protocol"), "engine_gone"),
]


@pytest.mark.parametrize("depth", ["bare", "wrapped"])
@pytest.mark.parametrize(("cause", "code", "transient"), SYSTEM, ids=lambda value: type(value).__name__)
def test_system_errors_at_any_depth(cause: Exception, code: str, transient: bool, depth: str) -> None:
    error = translate(cause if depth == "bare" else wrapped(cause), connecting=True)
    assert (error.code, error.transient) == (code, transient)
    assert error.evidence == clean(str(cause))


@pytest.mark.parametrize(("cause", "code"), TLS, ids=lambda value: str(value)[:40])
def test_tls_errors(cause: ssl.SSLError, code: str) -> None:
    retries = urllib3.exceptions.MaxRetryError(None, "/version", urllib3.exceptions.SSLError(cause))  # type: ignore[arg-type]
    for error in (cause, requests.exceptions.SSLError(retries)):
        assert translate(error).code == code


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (paramiko.SSHException("Server '[h]:22' not found in known_hosts"), "engine_ssh_host_key"),
        (
            paramiko.BadHostKeyException("h", paramiko.RSAKey.generate(1024), paramiko.RSAKey.generate(1024)),
            "engine_ssh_host_key",
        ),
        (paramiko.AuthenticationException("Authentication failed."), "engine_ssh_auth"),
        (paramiko.PasswordRequiredException("Private key file is encrypted"), "engine_ssh_auth"),
        (paramiko.SSHException("No authentication methods available"), "engine_ssh_auth"),
        (paramiko.SSHException("Error reading SSH protocol banner"), "engine_ssh_failed"),
        (RemoteCommandFailed("sh: 1: docker: not found"), "engine_ssh_failed"),
        (RemoteCommandFailed("dial unix /run/docker.sock: connect: permission denied"), "engine_socket_permission"),
        (RemoteCommandFailed("dial unix /run/docker.sock: no such file or directory"), "engine_socket_missing"),
        (RemoteCommandFailed("dial unix /run/docker.sock: connect: connection refused"), "engine_refused"),
        (RemoteCommandFailed("sh: docker: No such file or directory"), "engine_ssh_failed"),
        (RemoteCommandFailed(""), "engine_gone"),
        (EOFError(), "engine_gone"),
        (urllib3.exceptions.ReadTimeoutError(None, "", "Read timed out."), "engine_timeout"),  # type: ignore[arg-type]
        (requests.exceptions.ConnectTimeout("timed out"), "engine_timeout"),
        (requests.exceptions.InvalidURL("no host"), "engine_bad_address"),
        (UnicodeEncodeError("idna", "x" * 70, 0, 70, "label too long"), "engine_bad_address"),
        (docker.errors.InvalidVersion("API versions below 1.24"), "engine_api_too_old"),
        (requests.exceptions.TooManyRedirects("Exceeded 0 redirects."), "engine_not_docker"),
        (docker.errors.DockerException("something new"), "engine_gone"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_errors_of_the_libraries(error: Exception, code: str) -> None:
    assert isinstance(error, FAILURES)
    assert translate(error, connecting=True).code == code


@pytest.mark.parametrize(
    ("status", "text", "while_connecting", "later"),
    [
        (400, "Client sent an HTTP request to an HTTPS server.\n", "engine_tls_expected", "engine_tls_expected"),
        (400, "<h1>The plain HTTP request was sent to HTTPS port</h1>", "engine_tls_expected", "engine_tls_expected"),
        (
            400,
            "client version 1.41 is too old. Minimum supported API version is 1.44",
            "engine_api_too_new",
            "engine_api_too_new",
        ),
        (
            400,
            "client version 1.99 is too new. Maximum supported API version is 1.41",
            "engine_api_too_old",
            "engine_api_too_old",
        ),
        (404, "404 page not found", "engine_not_docker", ""),
        (401, "login", "engine_not_docker", ""),
        (500, "no space left on device", "engine_server_error", ""),
        (429, "slow down", "engine_server_error", ""),
        (503, "", "engine_server_error", ""),
    ],
)
def test_http_errors(status: int, text: str, while_connecting: str, later: str) -> None:
    assert answer_code(status, text, connecting=True) == while_connecting
    assert answer_code(status, text, connecting=False) == later
    error = translate(api_error(status, text))
    assert isinstance(error, EngineRejected) is (later == "")
    if isinstance(error, EngineRejected):
        assert error.status == status
        assert text in error.evidence


def test_what_was_being_handled_meanwhile_is_no_cause() -> None:
    try:
        raise EngineError("engine_refused")
    except EngineError:
        try:
            raise TimeoutError("timed out")
        except TimeoutError as error:
            assert error.__context__ is not None
            assert translate(error).code == "engine_timeout"


def test_causes_of_a_circle_end() -> None:
    first, second = OSError("a"), OSError("b")
    first.__cause__, second.__cause__ = second, first
    assert list(causes(first)) == [first, second]


def test_secrets_are_masked_and_evidence_is_short() -> None:
    error = translate(api_error(500, "password hunter2! refused " + "x" * 6000), secrets=("hunter2!",))
    assert error.evidence.startswith("password ****** refused")
    assert len(error.evidence) == 2000


def test_translated_lets_bugs_through() -> None:
    with pytest.raises(ZeroDivisionError), translated():
        raise ZeroDivisionError
    with pytest.raises(EngineError) as error, translated():
        raise requests.exceptions.ConnectionError(ConnectionResetError(104, "reset"))
    assert error.value.code == "engine_gone"
    assert isinstance(error.value.__cause__, requests.exceptions.ConnectionError)
