"""Challenges, error answers, network exceptions and the removal of secrets: the pure half of the registry client."""

from __future__ import annotations

import errno
import http.client
import json
import pickle
import socket
import ssl
from base64 import b64encode
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
import urllib3.exceptions
from hypothesis import given
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from imagelib.registry import CODES, RegistryError
from imagelib.registry.auth import Challenge, parse_challenges
from imagelib.registry.network_failures import from_exception
from imagelib.registry.redaction import Secrets, basic_value
from imagelib.registry.replies import error_from_reply, own_words, retry_after
from imagelib.registry.transport import Reply, is_loopback


def reply(status: int, body: Any = b"", *, from_registry: bool = True, **headers: str) -> Reply:
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = CaseInsensitiveDict({name.replace("_", "-"): value for name, value in headers.items()})
    return Reply(status, named, payload, "http://registry.test", from_registry)


def registry_error(code: str, message: str = "") -> dict:
    return {"errors": [{"code": code, "message": message, "detail": {"Name": "x"}}]}


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", []),
        ('Basic realm="a"', [Challenge("basic", {"realm": "a"})]),
        (
            'Bearer realm="https://auth.test/token",service="registry.test",scope="repository:a/b:pull,push"',
            [
                Challenge(
                    "bearer",
                    {
                        "realm": "https://auth.test/token",
                        "service": "registry.test",
                        "scope": "repository:a/b:pull,push",
                    },
                )
            ],
        ),
        ('bEARER Realm = "x" , error=invalid_token', [Challenge("bearer", {"realm": "x", "error": "invalid_token"})]),
        (
            'Negotiate, Basic realm="with \\"quotes\\", comma", Bearer realm="t"',
            [
                Challenge("negotiate", {}),
                Challenge("basic", {"realm": 'with "quotes", comma'}),
                Challenge("bearer", {"realm": "t"}),
            ],
        ),
        ('realm="nobody\'s"', []),
    ],
)
def test_challenges(header: str, expected: list[Challenge]) -> None:
    assert parse_challenges(header) == expected


@given(st.text(max_size=200))
def test_no_header_breaks_the_challenge_parser(header: str) -> None:
    assert all(challenge.scheme for challenge in parse_challenges(header))


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (reply(404, registry_error("MANIFEST_UNKNOWN")), "image_not_found"),
        (reply(404, registry_error("NAME_UNKNOWN")), "repository_not_found"),
        (reply(404, b"", Docker_Distribution_Api_Version="registry/2.0"), "image_not_found"),
        (reply(404, b"404 page not found"), "registry_bad_answer"),
        (reply(404, b"<Error>NoSuchKey</Error>", from_registry=False), "image_not_found"),
        (reply(401, b"expired signature", from_registry=False), "registry_denied"),
        (reply(403, registry_error("DENIED")), "registry_denied"),
        (reply(403, b"<html>Forbidden</html>"), "registry_denied"),
        (reply(400, registry_error("DENIED")), "registry_denied"),
        (reply(429), "registry_rate_limited"),
        (reply(403, registry_error("TOOMANYREQUESTS")), "registry_rate_limited"),
        (reply(500), "registry_server_error"),
        (reply(503, registry_error("UNAVAILABLE")), "registry_server_error"),
        (reply(400, registry_error("NAME_INVALID")), "registry_bad_answer"),
        (reply(204), "registry_bad_answer"),
        (reply(304), "registry_bad_answer"),
        (reply(418), "registry_bad_answer"),
        (reply(404, {"errors": "none"}), "registry_bad_answer"),
    ],
)
def test_the_meaning_of_an_answer(answer: Reply, code: str) -> None:
    assert error_from_reply(answer, missing="image_not_found").code == code


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (registry_error("DENIED", "no access"), "HTTP 403: DENIED: no access"),
        ({"errors": [{"code": "A"}, {"message": "b"}, "c", {}]}, "HTTP 403: A; b"),
        ({"details": "incorrect username or password"}, "HTTP 403: incorrect username or password"),
        ({"message": "blocked"}, "HTTP 403: blocked"),
        ({"error": {"nested": 1}}, 'HTTP 403: {"error": {"nested": 1}}'),
        (b"<html><head><title>x</title></head><body><h1>Go &amp; away</h1></body></html>", "HTTP 403: Go & away"),
        (b"plain \xff words", "HTTP 403: plain \ufffd words"),
        (b"", "HTTP 403"),
    ],
)
def test_the_registrys_own_words(body: Any, words: str) -> None:
    assert own_words(reply(403, body)) == words


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        ("0", 0),
        ("Sun, 22 Nov 2026 10:05:00 GMT", 300),
        ("Sun, 22 Nov 2026 09:00:00 GMT", 0),
        ("Sun, 22 Nov 2026 12:05:00 +0200", 300),
        ("Sun, 22 Nov 2026 10:05:00 -0000", 300),
        ("soon", None),
        ("-5", None),
        ("²", None),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str, seconds: float | None) -> None:
    now = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)

    assert retry_after(reply(429, Retry_After=header), now) == seconds


def test_the_wait_travels_with_the_error() -> None:
    for status in (429, 503):
        assert error_from_reply(reply(status, Retry_After="7"), missing="image_not_found").retry_after == 7


def verification(code: int) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code = code
    return error


def tls(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, reason)
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("cause", "code"),
    [
        (socket.gaierror(-2, "Name or service not known"), "registry_dns"),
        (requests.exceptions.InvalidURL("bad host"), "registry_dns"),
        (UnicodeError("label too long"), "registry_dns"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), "registry_refused"),
        (ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"), "registry_reset"),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), "registry_reset"),
        (http.client.RemoteDisconnected("closed"), "registry_reset"),
        (http.client.IncompleteRead(b"ab", 5), "registry_reset"),
        (TimeoutError("timed out"), "registry_timeout"),
        (OSError(errno.ETIMEDOUT, "Connection timed out"), "registry_timeout"),
        (OSError(errno.EHOSTUNREACH, "No route to host"), "registry_unreachable"),
        (OSError(errno.ENETUNREACH, "Network is unreachable"), "registry_unreachable"),
        (verification(20), "registry_tls_unknown_ca"),
        (verification(18), "registry_tls_unknown_ca"),
        (verification(10), "registry_tls_expired"),
        (verification(9), "registry_tls_expired"),
        (verification(62), "registry_tls_host_mismatch"),
        (verification(64), "registry_tls_host_mismatch"),
        (verification(23), "registry_tls_failed"),  # revoked
        (tls("WRONG_VERSION_NUMBER"), "registry_plain_http"),
        (tls("TLSV1_ALERT_PROTOCOL_VERSION"), "registry_tls_failed"),
    ],
)
def test_a_network_failure_keeps_its_code_however_deep_it_is_wrapped(cause: Exception, code: str) -> None:
    reason = urllib3.exceptions.ProtocolError("Connection aborted.", cause)
    for error in (cause, reason, requests.ConnectionError(reason)):
        found = from_exception(error, "registry.test:5000")
        assert found.code == code
        assert found.evidence.startswith("registry.test:5000: ")


def test_an_endless_chain_of_causes_ends() -> None:
    error = requests.ConnectionError("a")
    error.__context__ = requests.ConnectionError(error)

    assert from_exception(error, "h").code == "registry_unreachable"


def test_the_words_are_those_of_the_system_not_of_the_libraries() -> None:
    refused = requests.ConnectionError(
        urllib3.exceptions.MaxRetryError(
            None,  # type: ignore[arg-type]
            "/v2/?token=abc",
            ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"),
        )
    )

    assert from_exception(refused, "h:1").evidence == "h:1: Connection refused"


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("localhost:5000", True),
        ("LOCALHOST:5000", True),
        ("127.0.0.1", True),
        ("127.200.3.4:5000", True),
        ("[::1]:5000", True),
        ("128.0.0.1:5000", False),
        ("127.0.0.1.example.com", False),
        ("localhost.example.com", False),
        ("[2001:db8::1]:5000", False),
        ("10.0.0.1", False),
        ("[::1:5000", False),
    ],
)
def test_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def evidence_of(secrets: Secrets, evidence: str) -> str:
    with pytest.raises(RegistryError) as caught, secrets:
        raise RegistryError("registry_denied", evidence)
    return caught.value.evidence


def test_evidence_loses_passwords_and_tokens_in_every_spelling() -> None:
    secrets = Secrets()
    secrets.add_credentials("puller", "p4ss/w&rd é")
    secrets.add("the-token")
    encoded = b64encode("puller:p4ss/w&rd é".encode()).decode()
    in_urls = "p4ss%2Fw%26rd%20%C3%A9, p4ss/w%26rd%20%C3%A9"
    in_json = json.dumps("p4ss/w&rd é")
    evidence = f"p4ss/w&rd é, p4ss/w&rd   é, Basic {encoded}, {in_urls}, {in_json}, the-token"

    assert evidence_of(secrets, evidence) == '***, ***, Basic ***, ***, ***, "***", ***'
    assert basic_value("puller", "p4ss/w&rd é") == encoded


def test_a_secret_that_begins_another_leaves_nothing_of_it() -> None:
    secrets = Secrets()
    secrets.add("s3cret", "s3cret-token")

    assert evidence_of(secrets, "got s3cret-token and s3cret") == "got *** and ***"


def test_evidence_is_one_line_of_at_most_500_characters() -> None:
    text = evidence_of(Secrets(), "a\n\tb " + "x" * 1000)

    assert text.startswith("a b xxx")
    assert len(text) == 500


def test_evidence_can_be_stored() -> None:
    assert evidence_of(Secrets(), "a\0b \ud800 中") == "a b ? 中"


def test_a_secret_is_removed_before_the_text_is_cut() -> None:
    secrets = Secrets()
    secrets.add("s3cret" * 10)

    assert "s3cret" not in evidence_of(secrets, "x" * 480 + "s3cret" * 10)


def test_errors_survive_pickling_and_read_well() -> None:
    error = RegistryError("registry_rate_limited", "HTTP 429", 5.0, {"a": 1})
    copy = pickle.loads(pickle.dumps(error))

    assert (copy.code, copy.evidence, copy.retry_after, copy.params) == (error.code, "HTTP 429", 5.0, {"a": 1})
    assert str(copy) == "registry_rate_limited: HTTP 429"
    assert str(RegistryError("registry_dns")) == "registry_dns"
    assert "registry_dns" in CODES
