"""Bad input, unknown paths and crashes in the gva dialect: always an envelope, never HTML, never a 500 for input."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import override_settings
from rest_framework.test import APIClient

from imagelib.models import ImageRegistry
from tests.api import make
from tests.api.gva_client import CREATE, DELETE, DELETE_MANY, FIND, LIST, PUBLIC, UPDATE, log_in, refused

GOOD = {"name": "a", "address": "nginx:1.27", "isOnShelf": True, "supportMemorySplit": False}


@pytest.fixture
def spa(operator: Any) -> APIClient:
    return log_in("olga")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"not json",
        b"null",
        b"[]",
        b"[{}]",
        b'"text"',
        b"5",
        b"true",
        b"NaN",
        b'{"name": Infinity}',
        b"\xff\xfe\x00",
        b"[" * 200_000,
        b'{"a":' * 100_000,
        b'{"name": "\\ud800", "address": "nginx"}',
        b'{"\\udfff": 1}',
        b'{"name": "a\\u0000b", "address": "nginx"}',
        b'{"ID": ' + b"9" * 5000 + b"}",
        b'{"name": "a", "address": "nginx", "isOnShelf": "true"}',
        b'{"name": "a", "address": "nginx", "isOnShelf": 1}',
        b'{"name": "a", "address": "nginx", "isOnShelf": null}',
        b'{"name": "a", "address": "nginx", "isOnShelf": {}}',
        b'{"name": 5, "address": "nginx"}',
        b'{"name": ["a"], "address": {"a": 1}}',
        b'{"name": null, "address": null}',
        b'{"name": " ", "address": "nginx"}',
        b'{"name": "a", "address": ""}',
        b'{"name": "a"}',
        b'{"name": "' + b"x" * 256 + b'", "address": "nginx"}',
        b'{"name": "a", "address": "UPPER/Case"}',
        b'{"name": "a", "address": "nginx", "remark": "' + b"x" * 1001 + b'"}',
    ],
)
@pytest.mark.parametrize("method", ["post", "put"])
def test_bodies_that_cannot_be_taken_are_refused(spa: APIClient, method: str, body: bytes) -> None:
    make.image(name="before")
    refused(getattr(spa, method)(CREATE if method == "post" else UPDATE, body, content_type="application/json"))
    assert ImageRegistry.objects.get().name == "before"


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/xml", ""])
def test_bodies_of_another_kind_are_refused(spa: APIClient, kind: str) -> None:
    refused(spa.generic("POST", CREATE, b"name=a&address=nginx", content_type=kind))


def test_a_body_that_is_too_long_is_refused(spa: APIClient) -> None:
    with override_settings(DATA_UPLOAD_MAX_MEMORY_SIZE=500):
        refused(spa.post(CREATE, {**GOOD, "remark": "x" * 900}))
    assert not ImageRegistry.objects.exists()


@pytest.mark.parametrize("pk", [None, "", "5", True, 0, -1, 1.0, 2**63, 10**40, [], {}])
def test_an_update_needs_the_number_of_a_record(spa: APIClient, pk: Any) -> None:
    assert "ID" in refused(spa.put(UPDATE, {**GOOD, "ID": pk}))


@pytest.mark.parametrize(
    "text", ["", "abc", "0", "-1", "1.0", "9" * 19, "9" * 6000, "1;drop", "%00", "²", "1 2", "None"]
)
def test_ids_in_the_query_must_be_numbers(spa: APIClient, text: str) -> None:
    make.image()
    for path in (f"{FIND}?ID={text}", f"{DELETE}?ID={text}", f"{DELETE_MANY}?IDs[]={text}"):
        refused((spa.get if path.startswith(FIND) else spa.delete)(path))
    assert ImageRegistry.objects.count() == 1


def test_deletions_without_ids_are_refused(spa: APIClient) -> None:
    make.image()
    for path in (DELETE, DELETE_MANY, f"{DELETE_MANY}?IDs=1", f"{DELETE_MANY}?ID=1"):
        refused(spa.delete(path))
    assert ImageRegistry.objects.count() == 1


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"name": ""}, "name"),
        ({"address": "nginx latest"}, "address"),
        ({"address": "https://nginx"}, "address"),
        ({"isOnShelf": "yes"}, "isOnShelf"),
        ({"supportMemorySplit": 2}, "supportMemorySplit"),
        ({"description": "x" * 1001}, "description"),
    ],
)
def test_the_message_names_the_field_as_the_dialect_does(spa: APIClient, values: dict[str, Any], named: str) -> None:
    assert f"{named}: " in refused(spa.post(CREATE, GOOD | values))


@pytest.mark.parametrize("prefix", ["", "/api"])
@pytest.mark.parametrize("debug", [True, False])
def test_unknown_paths_answer_an_envelope(spa: APIClient, prefix: str, debug: bool) -> None:
    with override_settings(DEBUG=debug):
        for path in ("", "/", "/nothing", "/createImageRegistry/", "/getImageRegistryList/x", "/%00", "/é"):
            for method in (spa.get, spa.post, spa.put, spa.delete):
                refused(method(f"{prefix}/imageRegistry{path}"), 404)


@pytest.mark.parametrize(
    ("method", "path"),
    [("get", CREATE), ("post", UPDATE), ("get", DELETE), ("post", LIST), ("patch", UPDATE), ("options", LIST)],
)
def test_wrong_methods_answer_an_envelope(spa: APIClient, method: str, path: str) -> None:
    refused(getattr(spa, method)(path), 405)


@pytest.mark.parametrize("debug", [True, False])
def test_a_crash_answers_an_envelope_without_details(spa: APIClient, debug: bool, broken_images: str) -> None:
    with override_settings(DEBUG=debug):
        for path in (LIST, f"{FIND}?ID=1", PUBLIC, f"/api{LIST}"):
            text = refused(spa.get(path), 500)
            assert broken_images not in text


@pytest.mark.parametrize("debug", [True, False])
def test_an_unknown_host_name_answers_an_envelope(spa: APIClient, debug: bool) -> None:
    with override_settings(DEBUG=debug, ALLOWED_HOSTS=["images.example.com"]):
        for path in (LIST, f"/api{LIST}"):
            assert "IMAGELIB_ALLOWED_HOSTS" in refused(spa.get(path, HTTP_HOST="evil.example.com"))


@pytest.mark.parametrize("debug", [True, False])
def test_a_database_that_is_away_answers_an_envelope(spa: APIClient, debug: bool) -> None:
    def away(execute: Any, *statement: Any) -> Any:
        raise OperationalError("connection refused")

    with override_settings(DEBUG=debug), connection.execute_wrapper(away):
        for answer in (spa.get(LIST), spa.post(CREATE, GOOD)):
            text = refused(answer)
            assert "database" in text and "refused" not in text


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "image/*;q=0.1", "*", ""])
def test_the_answer_is_json_whatever_is_accepted(spa: APIClient, accept: str) -> None:
    answer = spa.get(LIST, HTTP_ACCEPT=accept)
    assert answer.status_code == 200 and answer.json()["code"] == 0
    assert spa.get(f"{LIST}?format=xml").json()["code"] == 0


class TestAuthentication:
    def test_the_token_counts_in_either_header(self, operator: Any, as_operator: APIClient) -> None:
        assert as_operator.get(LIST).json()["code"] == 0  # Authorization: Bearer
        assert log_in("olga").get(LIST).json()["code"] == 0  # x-token

    @pytest.mark.parametrize("token", ["", " ", "garbage", "a.b.c", "a b", "Bearer x", "ü", "x" * 10_000])
    def test_without_a_good_token_it_is_401(self, db: None, token: str) -> None:
        client = APIClient(raise_request_exception=False)
        for prefix in ("", "/api"):
            refused(client.get(prefix + LIST, HTTP_X_TOKEN=token), 401)
            refused(client.post(prefix + CREATE, GOOD, HTTP_X_TOKEN=token), 401)
            refused(client.delete(prefix + DELETE_MANY, HTTP_X_TOKEN=token), 401)

    def test_a_refresh_token_is_no_access_token(self, operator: Any) -> None:
        client = APIClient()
        tokens = client.post("/api/token/", {"username": "olga", "password": make.PASSWORD}).json()
        refused(client.get(LIST, HTTP_X_TOKEN=tokens["refresh"]), 401)

    def test_the_session_of_the_admin_pages_does_not_count(self, operator: Any) -> None:
        client = APIClient(enforce_csrf_checks=True)
        client.force_login(operator, backend="django.contrib.auth.backends.ModelBackend")
        refused(client.get(LIST), 401)
        refused(client.post(CREATE, GOOD), 401)

    def test_a_session_cookie_beside_the_token_asks_for_no_csrf_token(self, operator: Any) -> None:
        client = log_in("olga")
        client.force_login(operator, backend="django.contrib.auth.backends.ModelBackend")
        assert client.post(CREATE, GOOD).json()["code"] == 0

    def test_locked_out_users_and_changed_passwords_end_a_token(self, operator: Any) -> None:
        client = log_in("olga")
        operator.set_password("another-password-2")
        operator.save()
        refused(client.get(LIST), 401)
        operator.set_password(make.PASSWORD)
        operator.is_active = False
        operator.save()
        refused(client.get(LIST), 401)
