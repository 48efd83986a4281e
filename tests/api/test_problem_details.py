"""Errors of the native API: RFC 9457 problem details in the reader's language, whatever went wrong."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import override_settings
from rest_framework.test import APIClient

from tests.api import make

WRONG = "/api/images/"


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize("path", ["/api/nothing", "/api/nothing/", "/api/images", "/api/images/1", "/api/", "/api/%00"])
def test_unknown_urls(as_operator: APIClient, anonymous: APIClient, path: str, debug: bool) -> None:
    with override_settings(DEBUG=debug):
        for client in (as_operator, anonymous):
            for method in (client.get, client.post, client.put, client.delete):
                make.problem(method(path), 404, "not_found")


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"not json",
        b"\xff\xfe",
        b"NaN",
        b"[" * 200_000,
        b'{"a":' * 100_000,
        b'{"\\ud800": 1}',
        b'{"name": "\\udc00"}',
        b'{"id": ' + b"9" * 5000 + b"}",
    ],
)
@pytest.mark.parametrize("path", ["/api/images/", "/api/registries/", "/api/nodes/", "/api/pulls/", "/api/token/"])
def test_bodies_that_are_no_json(as_operator: APIClient, path: str, body: bytes) -> None:
    make.problem(as_operator.post(path, body, content_type="application/json"), 400, "parse_error")


@pytest.mark.parametrize("body", [b"null", b"[]", b'"text"', b"5", b"true", b"[{}]", b""])
@pytest.mark.parametrize(
    "path", ["/api/images/", "/api/registries/", "/api/nodes/", "/api/pulls/", "/api/images/check/"]
)
def test_bodies_that_are_no_object(as_operator: APIClient, path: str, body: bytes) -> None:
    make.problem(as_operator.post(path, body, content_type="application/json"), 400, "invalid")


def test_other_kinds_of_bodies_and_answers(as_operator: APIClient) -> None:
    make.problem(
        as_operator.generic("POST", WRONG, b"name=a", content_type="text/plain"), 415, "unsupported_media_type"
    )
    make.problem(as_operator.get(WRONG, HTTP_ACCEPT="application/xml"), 406, "not_acceptable")


def test_wrong_types_name_every_field(as_operator: APIClient) -> None:
    answer = as_operator.post(
        WRONG, {"name": {}, "address": [], "is_listed": "perhaps", "remark": 1.5, "stall_after": "x"}
    )
    body = make.problem(answer, 400, "invalid")
    assert {item["field"] for item in body["errors"]} >= {"name", "address", "is_listed", "stall_after"}
    assert all(item["message"] for item in body["errors"])
    assert "name: " in body["detail"]


def test_unknown_fields_are_named_with_those_that_exist(as_operator: APIClient) -> None:
    body = make.problem(as_operator.post(WRONG, {"name": "a", "address": "nginx", "adress": "x"}), 400, "invalid")
    [error] = body["errors"]
    assert error["field"] == "adress" and "address" in error["message"]


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_wrong_methods(as_operator: APIClient, method: str) -> None:
    answer = getattr(as_operator, method)("/api/pulls/")
    make.problem(answer, 405, "method_not_allowed")
    assert "GET" in answer["Allow"] and "POST" in answer["Allow"]


def test_missing_and_bad_logins(anonymous: APIClient) -> None:
    answer = anonymous.get(WRONG)
    make.problem(answer, 401, "not_authenticated")
    assert answer["WWW-Authenticate"].startswith("Bearer")
    make.problem(anonymous.get(WRONG, HTTP_AUTHORIZATION="Bearer garbage"), 401, "token_not_valid")
    make.problem(anonymous.get(WRONG, HTTP_AUTHORIZATION="Bearer a b"), 401)


def test_a_session_needs_a_csrf_token_to_write(operator: Any) -> None:
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(operator, backend="django.contrib.auth.backends.ModelBackend")
    assert client.get(WRONG).status_code == 200
    make.problem(client.post(WRONG, {"name": "a", "address": "nginx"}), 403, "permission_denied")


def test_wrong_passwords_and_their_limit(operator: Any, anonymous: APIClient) -> None:
    wrong = {"username": "olga", "password": "guess"}
    for _ in range(10):
        make.problem(anonymous.post("/api/token/", wrong), 401)
    # The account is locked for this address: the right password is refused too.
    locked = anonymous.post("/api/token/", {"username": "olga", "password": make.PASSWORD})
    assert locked.status_code in (401, 403, 429)
    make.problem(locked, locked.status_code)


@pytest.mark.usefixtures("still_clock")
def test_too_many_logins_wait(anonymous: APIClient) -> None:
    answers = [anonymous.post("/api/token/", {"username": f"u{number}", "password": "x"}) for number in range(31)]
    make.problem(answers[-1], 429, "throttled")
    assert int(answers[-1]["Retry-After"]) > 0


@pytest.mark.parametrize("debug", [True, False])
def test_a_crash_shows_no_details(as_operator: APIClient, broken_images: str, debug: bool) -> None:
    with override_settings(DEBUG=debug):
        answer = as_operator.get(WRONG)
    body = make.problem(answer, 500, "internal_error")
    assert broken_images not in str(body)


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize("path", ["/api/", WRONG, "/api/nothing", "/api/token/"])
def test_an_unknown_host_name(as_operator: APIClient, path: str, debug: bool) -> None:
    with override_settings(DEBUG=debug, ALLOWED_HOSTS=["images.example.com"]):
        for method in (as_operator.get, as_operator.post):
            make.problem(method(path, HTTP_HOST="evil.example.com"), 400, "host_not_allowed")
        assert "html" in as_operator.get("/admin/login/", HTTP_HOST="evil.example.com")["Content-Type"]


@pytest.mark.parametrize("path", [WRONG, "/imageRegistry/getImageRegistryList"])
def test_what_django_refuses_by_itself_is_worded_by_the_dialect(db: None, settings: Any, path: str) -> None:
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if name != "imagelib.hosts.HostCheck"]
    settings.DEBUG, settings.ALLOWED_HOSTS = False, ["images.example.com"]
    answer = APIClient(HTTP_ACCEPT_LANGUAGE="en").get(path, HTTP_HOST="evil.example.com")
    assert "IMAGELIB_ALLOWED_HOSTS" in answer.content.decode()
    if path == WRONG:
        make.problem(answer, 400, "host_not_allowed")
    else:
        assert (answer.status_code, answer.json()["code"]) == (200, 7)


def database_away(execute: Any, *statement: Any) -> Any:
    raise OperationalError("connection failed: Connection refused\n\tIs the server running?")


@pytest.mark.parametrize("debug", [True, False])
def test_a_database_that_is_away(as_operator: APIClient, anonymous: APIClient, debug: bool) -> None:
    with override_settings(DEBUG=debug), connection.execute_wrapper(database_away):
        for answer in (
            as_operator.get(WRONG),
            as_operator.post(WRONG, {"name": "a", "address": "nginx"}),
            anonymous.post("/api/token/", {"username": "olga", "password": make.PASSWORD}),
        ):
            body = make.problem(answer, 503, "database_unavailable")
            assert int(answer["Retry-After"]) > 0 and "refused" not in str(body)


def test_a_database_that_is_away_before_any_view_sees_the_request(operator: Any) -> None:
    client = APIClient(raise_request_exception=False)
    client.force_login(operator, backend="django.contrib.auth.backends.ModelBackend")
    with override_settings(DEBUG=False), connection.execute_wrapper(database_away):
        answer = client.get(WRONG)
    make.problem(answer, 503, "database_unavailable")
    assert int(answer["Retry-After"]) > 0


@pytest.mark.parametrize(("language", "chinese"), [(None, True), ("zh-CN,zh", True), ("fr", True), ("en-GB", False)])
def test_both_languages(as_operator: APIClient, language: str | None, chinese: bool) -> None:
    as_operator.defaults.pop("HTTP_ACCEPT_LANGUAGE")
    extra = {"HTTP_ACCEPT_LANGUAGE": language} if language else {}
    answers = [
        as_operator.post(WRONG, {"name": "", "address": "a b"}, **extra),
        as_operator.post(WRONG, {"x": 1, "name": "a", "address": "nginx"}, **extra),
        as_operator.get("/api/nothing/", **extra),
        as_operator.get("/api/images/999999/", **extra),
        as_operator.delete("/api/pulls/", **extra),
        as_operator.post("/api/pulls/", {"image": 999999, "nodes": [make.node().pk]}, **extra),
    ]
    for answer in answers:
        body = make.problem(answer, answer.status_code)
        assert is_chinese(body["title"]) is is_chinese(body["detail"]) is chinese, body


def is_chinese(text: str) -> bool:
    return any("一" <= character <= "鿿" for character in text)
