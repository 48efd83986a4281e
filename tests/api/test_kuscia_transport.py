"""Paths, methods, tokens and content types of Kuscia's API, as its server treats them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from auditlog.models import LogEntry
from django.contrib.auth.models import User
from django.db import OperationalError, connection
from django.test import Client, RequestFactory, override_settings

from appimages.kuscia.views import Delete
from appimages.models import AppImage, AppImageVersion, KusciaToken
from appimages.tokens import create_token, revoke_tokens
from core.errors import InUse
from core.system import SYSTEM
from tests.api.kuscia_client import AT, LEAST, TOKEN, Kuscia

PATHS = ("create", "query", "list", "nothing", "")


def nobody(answer: Any) -> bool:
    """Refused before anything was looked at: no body, not even a content type."""
    return (answer.status_code, answer.content, answer.get("Content-Type")) == (401, b"", None)


def elsewhere(answer: Any) -> bool:
    found = answer.status_code, answer.content, answer["Content-Type"]
    return found == (404, b"404 page not found", "text/plain")


@pytest.mark.parametrize(
    "token", [None, "", "wrong", TOKEN + " ", TOKEN[:-1], TOKEN.upper(), "中", "a\0", "x" * 10_000]
)
@pytest.mark.parametrize("route", PATHS)
def test_p24_without_the_right_token(kuscia: Kuscia, token: str | None, route: str) -> None:
    assert nobody(Kuscia(token).send(route, LEAST)) and nobody(Kuscia(token).get(AT + route))
    assert not AppImage.objects.exists()


@pytest.mark.parametrize("token", ["", "x"])
def test_a_deployment_without_a_configured_token(kuscia: Kuscia, settings: Any, token: str) -> None:
    settings.KUSCIA_TOKEN = ""
    assert nobody(Kuscia(token).send("list", {}))


def test_a_login_of_a_person_is_no_token(kuscia: Kuscia, as_operator: Any) -> None:
    assert nobody(as_operator.post(AT + "list", {}))


@pytest.mark.parametrize("route", ["nothing", "", "Create", "create/more", "../nothing", "batchquery"])
def test_p25_unknown_paths(kuscia: Kuscia, route: str) -> None:
    assert elsewhere(kuscia.post(f"/api/v1/appimage/{route}")) or route == "../nothing"
    assert elsewhere(kuscia.post("/api/v1/job/create")) and elsewhere(kuscia.get("/api/v1"))


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete", "options", "trace"])
def test_other_methods_are_unknown_paths(kuscia: Kuscia, method: str) -> None:
    assert elsewhere(getattr(kuscia, method)(AT + "list"))
    assert elsewhere(getattr(kuscia, method)(AT + "list/"))


@pytest.mark.parametrize("token", [TOKEN, None])
@pytest.mark.parametrize(
    ("path", "status", "to"),
    [
        ("/api/v1/appimage/create/", 307, "/api/v1/appimage/create"),
        ("/api/v1/appimage/batchQuery/?a=b", 307, "/api/v1/appimage/batchQuery?a=b"),
        ("//api/v1/appimage/create", 301, "/api/v1/appimage/create"),
        ("/api//v1///appimage/create?a=%20", 301, "/api/v1/appimage/create?a=%20"),
        ("/api/v1/appimage/./create/", 301, "/api/v1/appimage/create/"),
        ("/api/v1/../v1/list", 301, "/api/v1/list"),
        ("/api/v1//evil.example.com/..", 301, "/api/v1"),
        ("//api/v1/a%0d%0aX:%20y", 301, "/api/v1/a%0D%0AX:%20y"),
    ],
)
def test_paths_are_cleaned_before_the_token_is_asked_for(
    kuscia: Kuscia, path: str, status: int, to: str, token: str | None
) -> None:
    answer = Kuscia(token).generic("POST", f"http://testserver{path}", b"{}", "application/json")
    assert (answer.status_code, answer["Location"]) == (status, to)


@pytest.mark.parametrize("path", ["/api/v1/appimage/nothing/", "/api/v1/appimage/"])
def test_a_slash_at_the_end_of_an_unknown_path(kuscia: Kuscia, path: str) -> None:
    assert elsewhere(kuscia.post(path)) and nobody(Kuscia(None).post(path))


@pytest.mark.parametrize(
    "kind", ["", "text/plain", "application/json", "application/json; charset=utf-8", "application/jsonfoo"]
)
def test_content_types_of_json(kuscia: Kuscia, kind: str) -> None:
    assert kuscia.ask("create", LEAST, kind)["status"]["code"] == 0


@pytest.mark.parametrize(
    "kind",
    [
        "application/x-www-form-urlencoded", "application/octet-stream", "text/plain; charset=utf-8",
        "Application/JSON", "multipart/form-data; boundary=x", "nonsense", "; charset",
    ],
)  # fmt: skip
def test_content_types_that_kuscia_takes_for_forms(kuscia: Kuscia, kind: str) -> None:
    status = {"code": 11100, "message": "appimage name can not be empty", "details": []}
    assert kuscia.ask("create", LEAST, kind)["status"] == status


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("application/xml", "EOF"),
        ("multipart/form-data", "no multipart boundary param in Content-Type"),
        ("application/x-protobuf", "Binary protobuf is not supported"),
    ],
)
def test_content_types_that_are_refused(kuscia: Kuscia, kind: str, text: str) -> None:
    found = kuscia.ask("create", LEAST, kind, HTTP_ACCEPT_LANGUAGE="en")
    assert found["status"]["code"] == 11101 and found["status"]["message"].startswith(text)
    assert not AppImage.objects.exists()


def test_refusals_of_ours_are_translated(kuscia: Kuscia) -> None:
    found = kuscia.ask("create", LEAST, "application/x-protobuf", HTTP_ACCEPT_LANGUAGE="zh-hans")
    assert "不支持" in found["status"]["message"]


@pytest.mark.parametrize("length", [6 * 1024 * 1024 + 1, 1_500_000])
def test_bodies_that_are_too_large(kuscia: Kuscia, length: int) -> None:
    body = {**LEAST, "config_templates": {"k": "x" * length}}
    assert kuscia.ask("create", body)["status"]["code"] == (11101 if length > 2_000_000 else 13100)
    assert not AppImage.objects.exists()


def test_a_token_of_an_operator(kuscia: Kuscia, operator: User) -> None:
    client = Kuscia(create_token(user=operator, name="secretpad", acts_as=operator)[1])
    client.done("create", LEAST)
    version = AppImageVersion.objects.get()
    assert (version.author, version.author_name, version.address) == (operator, "olga", "127.0.0.1")
    kuscia.done("update", {"name": "a", "image": {"name": "n2"}})
    version = AppImageVersion.objects.get(number=2)
    assert (version.author, version.author_name) == (None, "Kuscia API")
    client.done("delete", {"name": "a"})
    entries = LogEntry.objects.get_for_model(AppImage).order_by("pk").values_list("actor", "remote_addr")
    assert list(entries) == [(operator.pk, "127.0.0.1"), (None, "127.0.0.1"), (operator.pk, "127.0.0.1")]


@pytest.mark.parametrize("what", ["is_staff", "is_active", "revoked", "user deleted", "token deleted"])
def test_tokens_that_count_no_longer(kuscia: Kuscia, operator: User, what: str) -> None:
    client = Kuscia(create_token(user=SYSTEM, name="t", acts_as=operator)[1])
    client.done("list", {})
    row = KusciaToken.objects.get()
    if what == "revoked":
        assert revoke_tokens(user=SYSTEM, ids=[row.pk]) == 1 and revoke_tokens(user=SYSTEM, ids=[row.pk]) == 0
    elif what.endswith("deleted"):
        (operator if what.startswith("user") else row).delete()
    else:
        User.objects.update(**{what: False})
    assert nobody(client.send("list", {}))


def test_the_last_use_is_written_once_a_minute(kuscia: Kuscia, operator: User) -> None:
    client = Kuscia(create_token(user=SYSTEM, name="t", acts_as=operator)[1])
    assert KusciaToken.objects.get().last_used_at is None
    start = datetime(2026, 11, 25, 12, tzinfo=UTC)
    for seconds, used in ((0, 0), (59, 0), (61, 61)):
        with time_machine.travel(start + timedelta(seconds=seconds), tick=False):
            client.done("list", {})
        assert KusciaToken.objects.get().last_used_at == start + timedelta(seconds=used)


def test_wrong_tokens_are_limited_and_right_ones_are_not(kuscia: Kuscia, still_clock: None) -> None:
    for _ in range(30):
        assert nobody(Kuscia("wrong").send("list", {}))
    answer = Kuscia("wrong").send("list", {})
    assert (answer.status_code, answer.content) == (429, b"") and int(answer["Retry-After"]) > 0
    kuscia.done("list", {})
    assert nobody(Kuscia("wrong", REMOTE_ADDR="10.0.0.9").send("list", {}))


@pytest.mark.parametrize("debug", [True, False])
def test_crashes_are_answered_in_the_dialect(kuscia: Kuscia, debug: bool, caplog: pytest.LogCaptureFixture) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {AppImage._meta.db_table} RENAME TO away")
    with override_settings(DEBUG=debug):
        found = kuscia.ask("query", {"name": "a"}, HTTP_ACCEPT_LANGUAGE="en")
    text = "The server made a mistake. Its log has the details."
    assert found == {"status": {"code": 11101, "message": text}}
    assert "request crashed" in caplog.text and TOKEN not in caplog.text


def database_away(execute: Any, *statement: Any) -> Any:
    raise OperationalError("connection failed: canary")


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize(
    ("route", "code"),
    [("create", 13100), ("query", 13101), ("update", 13102), ("delete", 13103), ("batchQuery", 13104), ("list", 13107)],
)
def test_a_database_that_is_away(kuscia: Kuscia, route: str, code: int, debug: bool) -> None:
    with override_settings(DEBUG=debug), connection.execute_wrapper(database_away):
        for client in (kuscia, Kuscia("of an operator")):
            found = client.ask(route, {**LEAST, "names": ["a"]}, HTTP_ACCEPT_LANGUAGE="en")
            text = "The database does not answer. Try again in a moment."
            assert (found["status"]["code"], found["status"]["message"]) == (code, text)


class InUseView(Delete):
    """Deletes what is in use: what refers to AppImages and protects them belongs to other apps."""

    def carry_out(self, body: dict[str, Any], user: Any) -> Any:
        raise InUse("“a” is in use by: train-1.", users=["train-1"])


def test_deleting_what_is_in_use_names_the_users(kuscia: Kuscia) -> None:
    request = RequestFactory().post(AT + "delete", b"{}", "application/json", headers={"Token": TOKEN})
    status = {"code": 13103, "message": "“a” is in use by: train-1.", "details": []}
    assert json.loads(InUseView.as_view()(request).content) == {"status": status}


@pytest.mark.parametrize("debug", [True, False])
def test_a_host_name_that_is_not_ours(kuscia: Kuscia, debug: bool) -> None:
    with override_settings(DEBUG=debug):
        found = kuscia.ask("list", {}, HTTP_HOST="evil.example.com", HTTP_ACCEPT_LANGUAGE="en")
    assert found["status"]["code"] == 11101 and "IMAGELIB_ALLOWED_HOSTS" in found["status"]["message"]


def test_what_resembles_the_prefix_is_the_native_api(db: None) -> None:
    for path in ("/api/v12/appimage/list", "/api/v1x", "/api/images/v1/"):
        assert Client().post(path)["Content-Type"] == "application/problem+json", path
