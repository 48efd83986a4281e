"""The error catalogue: every recorded wording of an engine, every code, every sentence in both languages."""

from __future__ import annotations

import json
import re
import string
from pathlib import Path
from typing import Any

import pytest
from django.utils.translation import override
from hypothesis import example, given
from hypothesis import strategies as st

from imagelib.failure_texts import REGISTRY_TEXTS, registry_failure_text
from imagelib.registry.errors import CODES as REGISTRY_CODES
from nodes.engine.errors import CODES as ENGINE_CODES
from nodes.failure_texts import ENGINE_TEXTS, engine_failure_text
from pulls.evidence import LIMIT, tidy
from pulls.failure_texts import TEXTS, describe
from pulls.failures import CATALOGUE, Failure, classify_engine_text, failure, retry_delay
from pulls.typical_words import TYPICAL

FIXTURES = json.loads((Path(__file__).parent.parent / "fixtures" / "failures.json").read_text(encoding="utf-8"))
ENGINE_ROWS: list[dict[str, Any]] = FIXTURES["engine_texts"]
OWN_ROWS: list[dict[str, Any]] = FIXTURES["own"]
LANGUAGES = ("en", "zh-hans")
DIGEST = "sha256:" + "401" * 21 + "4"


# --- the words of engines ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", ENGINE_ROWS, ids=lambda row: f"{row['code']}-{row['status']}-{row['text'][:40]}")
def test_every_recorded_wording_gets_its_code(row: dict[str, Any]) -> None:
    found = classify_engine_text(row["text"], status=row["status"])
    assert found.code == row["code"]
    assert found.transient == CATALOGUE[row["code"]].transient
    assert found.retry_after is None  # engines never pass it on
    assert row.get("params", {}).items() <= found.params.items()


@pytest.mark.parametrize("row", [row for row in ENGINE_ROWS if row["text"]], ids=lambda row: row["text"][:60])
def test_the_code_survives_other_letters_and_line_breaks(row: dict[str, Any]) -> None:
    changed = row["text"].upper().replace(": ", ":\r\n ")
    code = classify_engine_text(changed, status=row["status"]).code
    assert code == row["code"] or row["code"] in ("docker_hub_unreachable", "digest_not_found")


def test_every_code_has_a_fixture_and_there_are_enough() -> None:
    assert {row["code"] for row in [*ENGINE_ROWS, *OWN_ROWS]} == set(CATALOGUE)
    assert len(CATALOGUE) >= 35


def test_the_typical_words_were_heard_and_only_own_decisions_have_none() -> None:
    heard = {(row["code"], row["text"]) for row in ENGINE_ROWS} | {(row["code"], row["evidence"]) for row in OWN_ROWS}
    assert set(TYPICAL.items()) <= heard
    assert set(TYPICAL) == {code for code, words in heard if words}


def test_codes_of_the_gateway_and_of_the_registry_client_are_in_the_catalogue() -> None:
    assert set(ENGINE_CODES) <= set(CATALOGUE)
    assert set(REGISTRY_CODES) <= set(CATALOGUE)


@pytest.mark.parametrize("row", OWN_ROWS, ids=lambda row: row["code"])
def test_own_failures_carry_kind_params_and_evidence(row: dict[str, Any]) -> None:
    found = failure(row["code"], evidence=row["evidence"], params=row.get("params"), retry_after=7.0)
    assert (found.code, found.transient) == (row["code"], CATALOGUE[row["code"]].transient)
    assert (found.evidence, found.retry_after) == (row["evidence"], 7.0)
    assert all(isinstance(value, str) for value in found.params.values())


def test_an_unknown_code_is_refused() -> None:
    with pytest.raises(KeyError):
        failure("no_such_code")


def test_lists_among_the_params_become_text() -> None:
    found = failure("platform_missing", params={"platforms": ["linux/amd64", "linux/arm64"]})
    assert found.params == {"platforms": "linux/amd64, linux/arm64"}


@pytest.mark.parametrize(
    ("text", "sent", "code"),
    [
        ("unauthorized: authentication required", False, "registry_credentials_missing"),
        ("unauthorized: authentication required", True, "registry_unauthorized"),
        ('Head "http://r.example.com/v2/a/manifests/1": no basic auth credentials', True, "registry_unauthorized"),
        (
            'Head "http://r.example.com/v2/a/manifests/1": no basic auth credentials',
            False,
            "registry_credentials_missing",
        ),
    ],
)
def test_knowing_whether_credentials_were_sent_sharpens_the_code(text: str, sent: bool, code: str) -> None:
    assert classify_engine_text(text, status=500, credentials_sent=sent).code == code


# --- names are free text and must not decide --------------------------------------------------------------------------

# fmt: off
_TELLING = [
    "unauthorized", "denied", "forbidden", "toomanyrequests", "401", "403", "404", "429", "500", "503", "x509", "tls",
    "certificate", "timeout", "eof", "reset", "refused", "not-found", "unknown-blob", "no-such-host",
    "manifest-unknown", "rate-limit", "i-o", "schema-1", "platform", "gzip", "proxyconnect", "goaway", "latest",
]
# fmt: on
_part = st.one_of(st.sampled_from(_TELLING), st.from_regex(r"[a-z0-9]+(?:[._-][a-z0-9]+){0,2}", fullmatch=True))
_host = st.one_of(
    st.builds(
        "{}.{}{}".format, _part, st.sampled_from(["example.com", "io", "cn"]), st.sampled_from(["", ":429", ":5000"])
    ),
    st.builds(
        "{}:{}".format, st.sampled_from(["denied", "unauthorized", "10.0.0.1", "[::1]", "localhost"]), st.just("401")
    ),
    st.sampled_from(["10.4.0.3", "[2001:db8::401]", "localhost"]),
)
_path = st.lists(_part, min_size=1, max_size=3).map("/".join)
_tag = st.one_of(st.sampled_from(_TELLING), st.from_regex(r"[A-Za-z0-9_][\w.-]{0,20}", fullmatch=True))

# {ref} is the full reference, {short} host and path, {path}, {tag}, {host} (with port) and {name} (without).
_TEMPLATES = [
    ("image_not_found", 404, "manifest for {ref} not found: manifest unknown: manifest unknown"),
    ("image_not_found", 404, 'failed to resolve reference "{ref}": {ref}: not found'),
    (
        "image_access_denied",
        404,
        "pull access denied for {short}, repository does not exist or may require 'docker login': denied: requested "
        "access to the resource is denied",
    ),
    (
        "image_access_denied",
        404,
        "pull access denied for {short}, repository does not exist or may require 'docker login'",
    ),
    ("registry_credentials_missing", 500, 'Head "https://{host}/v2/{path}/manifests/{tag}": no basic auth credentials'),
    (
        "registry_unauthorized",
        500,
        'unknown: failed to resolve reference "{ref}": unexpected status from HEAD request to '
        "https://{host}/v2/{path}/manifests/{tag}: 401 Unauthorized",
    ),
    (
        "registry_rate_limited",
        500,
        'failed to resolve reference "{ref}": unexpected status from HEAD request to '
        "https://{host}/v2/{path}/manifests/{tag}: 429 Too Many Requests",
    ),
    (
        "registry_server_error",
        500,
        'failed to resolve reference "{ref}": unexpected status from HEAD request to '
        "https://{host}/v2/{path}/manifests/{tag}: 503 Service Unavailable",
    ),
    ("registry_dns", 500, 'Get "https://{host}/v2/": dial tcp: lookup {name} on 10.0.0.53:53: no such host'),
    ("registry_dns", 500, 'Get "https://{host}/v2/": dial tcp: lookup {name}: no such host'),
    ("registry_refused", 500, 'Get "https://{host}/v2/": dial tcp 10.0.4.29:401: connect: connection refused'),
    (
        "registry_timeout",
        500,
        'failed to resolve reference "{ref}": failed to do request: Head "https://{host}/v2/{path}/manifests/{tag}": '
        "dial tcp 10.0.4.29:401: i/o timeout",
    ),
    (
        "registry_reset",
        500,
        'Get "https://{host}/v2/": read tcp 10.0.0.9:42900->10.0.4.29:401: read: connection reset by peer',
    ),
    ("registry_tls_unknown_ca", 500, 'Get "https://{host}/v2/": x509: certificate signed by unknown authority'),
    ("registry_tls_host_mismatch", 500, 'Get "https://{host}/v2/": x509: certificate is valid for {name}, not {name}'),
    (
        "registry_tls_host_mismatch",
        500,
        'Get "https://{host}/v2/": x509: certificate is not valid for any names, but wanted to match {name}',
    ),
    ("registry_plain_http", 500, 'Get "https://{host}/v2/": http: server gave HTTP response to HTTPS client'),
    ("registry_denied", 500, "unauthorized: unauthorized to access repository: {path}, action: pull"),
    ("no_space_left", None, "write /data/{path}/tmp/GetImageBlob401: no space left on device"),
    ("unknown", 500, 'unheard of: "{ref}" at {ref}'),
]


@pytest.mark.parametrize(("code", "status", "template"), _TEMPLATES)
@given(host=_host, path=_path, tag=_tag, by_digest=st.booleans())
@example(host="denied.example.com:429", path="unauthorized/x509", tag="503", by_digest=False)
@example(host="localhost", path="eof", tag="429", by_digest=True)
def test_names_never_decide(
    code: str, status: int | None, template: str, host: str, path: str, tag: str, by_digest: bool
) -> None:
    remote, joint = (DIGEST, "@") if by_digest else (tag, ":")
    text = template.format(
        ref=f"{host}/{path}{joint}{remote}",
        short=f"{host}/{path}",
        host=host,
        path=path,
        tag=remote,
        name=re.sub(r":\d+$", "", host).strip("[]"),
    )
    wanted = "digest_not_found" if by_digest and code == "image_not_found" else code
    assert classify_engine_text(text, status=status).code == wanted


@pytest.mark.parametrize("name", [word for word in _TELLING if word.isalnum()])
@pytest.mark.parametrize(
    ("code", "template"),
    [
        ("image_access_denied", "pull access denied for {0}, repository does not exist or may require 'docker login'"),
        ("image_not_found", "manifest for {0}:{0} not found: manifest unknown: manifest unknown"),
        ("image_not_found", "No such image: {0}"),
        ("image_not_found", 'failed to resolve reference "{0}": not found'),
        ("image_not_found", '"cannot pull", detail-> failed to resolve reference \\"{0}\\": not found'),
        ("repository_not_found", "repository {0} not found"),
        ("repository_not_found", "project {0} not found"),
        ("registry_refused", 'Get "https://{0}/v2/": dial tcp 10.0.4.29:401: connect: connection refused'),
        ("registry_dns", 'Get "https://{0}/v2/": dial tcp: lookup {0} on 10.0.0.53:53: no such host'),
    ],
)
def test_bare_words_as_names_never_decide(name: str, code: str, template: str) -> None:
    assert classify_engine_text(template.format(name), status=404).code == code


# --- evidence ---------------------------------------------------------------------------------------------------------

CANARY = "c4n4ry-S3cret"


@pytest.mark.parametrize(
    "text",
    [
        f"Get https://puller:{CANARY}@registry.example.com/v2/: EOF",
        f'Get "https://{CANARY}@registry.example.com/v2/": EOF',
        f"cannot pull admin:{CANARY}@registry.example.com/team/app:1",
        f"Authorization: Bearer {CANARY}",
        f"Proxy-Authorization: Basic {CANARY}==",
        f'"X-Registry-Auth": "{CANARY}"',
        f"server refused bearer {CANARY} of yesterday",
        f'Get "https://store.example.com/blob?X-Amz-Date=1&X-Amz-Signature={CANARY}&x=1": EOF',
        f"https://auth.example.com/token?service=r&access_token={CANARY}",
        f"https://store.example.com/b?Expires=1;Key-Pair-Id={CANARY}",
        f'{{"username": "puller", "password": "{CANARY}"}}',
        f'{{\\"identitytoken\\":\\"{CANARY}\\"}}',
        f"-----BEGIN RSA PRIVATE KEY-----\n{CANARY}\n-----END RSA PRIVATE KEY-----",
        f"token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.{CANARY}",
    ],
)
def test_evidence_hides_secrets(text: str) -> None:
    assert CANARY not in tidy(text)
    assert CANARY not in repr(classify_engine_text(text, status=500))
    assert CANARY not in repr(failure("unknown", evidence=text))


@pytest.mark.parametrize(
    "text",
    [
        f"manifest for registry.example.com/team/app:1@{DIGEST} not found",
        f"manifest for app:1@{DIGEST} not found",
        'Get "https://auth.example.com/token?scope=repository%3Ateam%2Fapp%3Apull&service=r": EOF',
        "unauthorized: authentication required",
    ],
)
def test_evidence_keeps_what_is_no_secret(text: str) -> None:
    assert tidy(text) == text


@given(st.text(alphabet=string.printable, max_size=9000))
def test_evidence_is_bounded_and_printable(text: str) -> None:
    shown = tidy(text)
    assert len(shown) <= LIMIT
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", shown)


@given(st.text(alphabet=st.sampled_from("a \0\ud800\udfff\n中"), max_size=50))
def test_evidence_can_be_stored(text: str) -> None:
    """Neither PostgreSQL nor its driver takes NUL or half a surrogate pair, both of which JSON may hold."""
    shown = tidy(text)
    assert "\0" not in shown and shown.encode().decode() == shown


def test_long_evidence_keeps_its_beginning_and_its_end() -> None:
    shown = tidy("what happened " + "x" * 9000 + " and why")
    assert shown.startswith("what happened ") and shown.endswith(" and why") and len(shown) == LIMIT


# --- when to try again ------------------------------------------------------------------------------------------------

_jitters = st.floats(min_value=0, max_value=1, exclude_max=True)


@given(attempt=st.integers(-3, 10_000), jitter=_jitters, code=st.sampled_from(sorted(CATALOGUE)))
def test_delays_stay_between_the_first_and_the_longest(attempt: int, jitter: float, code: str) -> None:
    delay = retry_delay(attempt=attempt, failure=failure(code), jitter=jitter)
    assert CATALOGUE[code].first_delay <= delay <= CATALOGUE[code].longest_delay


def test_delays_double_from_five_seconds_to_five_minutes() -> None:
    found = failure("registry_reset")
    calm = [retry_delay(attempt=attempt, failure=found, jitter=0.0) for attempt in range(1, 9)]
    assert calm == [5, 10, 20, 40, 80, 160, 200, 200]
    assert retry_delay(attempt=8, failure=found, jitter=0.999) == pytest.approx(300, abs=1)
    assert retry_delay(attempt=1, failure=found, jitter=0.5) == 6.25


def test_a_rate_limit_without_a_wait_is_given_minutes() -> None:
    limited = failure("registry_rate_limited")
    assert retry_delay(attempt=1, failure=limited, jitter=0.0) == 120
    assert retry_delay(attempt=9, failure=limited, jitter=0.0) == 400


@given(asked=st.floats(0, 100_000), attempt=st.integers(1, 20), jitter=_jitters)
def test_what_the_registry_asks_for_is_kept_up_to_a_day(asked: float, attempt: int, jitter: float) -> None:
    found = failure("registry_rate_limited", retry_after=asked)
    delay = retry_delay(attempt=attempt, failure=found, jitter=jitter)
    assert min(max(asked, 1.0), 86400.0) <= delay <= min(max(asked, 1.0) * 1.1, 86400.0)


def test_attempts_follow_the_kind() -> None:
    for kind in CATALOGUE.values():
        assert kind.transient or kind.max_attempts == 1
    assert CATALOGUE["layer_corrupt"].max_attempts == CATALOGUE["unknown"].max_attempts == 2
    assert CATALOGUE["registry_reset"].max_attempts is None


def test_failures_compare_by_value() -> None:
    assert failure("stalled") == Failure("stalled", True)


# --- sentences --------------------------------------------------------------------------------------------------------


def test_every_code_has_texts_and_no_text_is_left_over() -> None:
    assert set(TEXTS) == set(CATALOGUE)
    assert set(REGISTRY_CODES) <= set(REGISTRY_TEXTS)
    assert set(ENGINE_CODES) <= set(ENGINE_TEXTS)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", sorted(CATALOGUE))
def test_texts_are_complete_sentences_in_both_languages(code: str, language: str) -> None:
    stop = {"en": ".", "zh-hans": "。"}[language]
    with override(language):
        text = describe(code)
    for part in (text.title, text.cause, text.advice):
        assert str(part).strip() == part != ""
        assert not re.search(r"%|[|<>]", str(part))  # placeholders, and what breaks the table in docs/errors.md
        assert bool(re.search(r"[\u4e00-\u9fff]", str(part))) == (language == "zh-hans"), part
    assert str(text.cause).endswith(stop) and str(text.advice).endswith(stop)
    assert not str(text.title).endswith(stop)


@pytest.mark.parametrize("code", sorted(CATALOGUE))
def test_titles_are_short_and_causes_are_one_sentence(code: str) -> None:
    with override("en"):
        text = describe(code)
    assert 3 <= len(str(text.title).split()) <= 6
    assert len(re.findall(r"\.(?:\s|$)", str(text.cause))) == 1


def test_parameters_are_filled_in_and_missing_ones_are_replaced() -> None:
    with override("en"):
        told = describe("platform_missing", {"wanted": "linux/arm64", "platforms": ["linux/amd64", "linux/s390x"]})
        untold = describe("platform_missing", {"wanted": "", "platforms": []})
        hostile = describe("registry_dns", {"host": "%(nothing)s %s"})
    assert told.cause == "The image is not built for linux/arm64; it is offered for linux/amd64, linux/s390x."
    assert untold.cause == "The image is not built for this node's platform; it is offered for other platforms."
    assert hostile.cause == "DNS gave no address for %(nothing)s %s."


def test_a_code_of_another_version_is_unrecognised_rather_than_a_crash() -> None:
    with override("en"):
        assert describe("from_the_future").title == describe("unknown").title
        assert engine_failure_text("from_the_future").title == describe("unknown").title


def test_the_domains_explain_their_codes_like_the_pulls_do() -> None:
    for language in LANGUAGES:
        with override(language):
            for code in [*REGISTRY_CODES, "secret_unreadable"]:
                assert registry_failure_text(code, {"host": "r.example.com"}) == describe(
                    code, {"host": "r.example.com"}
                )
            for code in ENGINE_CODES:
                assert engine_failure_text(code) == describe(code)
