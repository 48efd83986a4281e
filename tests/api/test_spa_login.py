"""The front end's login: what it answers, and whom it refuses. A refusal is HTTP 200 with a text, never a 401."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from auditlog.models import LogEntry
from axes.models import AccessAttempt
from django.db import connection
from django.test import override_settings
from rest_framework.test import APIClient

from tests.api import make
from tests.api.gva_client import done, envelope, refused
from tests.api.spa_client import DATABASE, LOGIN, USER, ask, browser, front_end, token_of

GOOD = {"username": "olga", "password": make.PASSWORD}
BAD = {**GOOD, "password": "guess"}


@pytest.mark.parametrize("prefix", ["", "/api"])
def test_a_login_answers_user_token_and_cookie(operator: Any, prefix: str) -> None:
    with time_machine.travel(datetime(2026, 11, 22, tzinfo=UTC), tick=False):
        answer = ask(browser(), LOGIN, prefix=prefix)
        data = done(answer)
        info = done(browser().get(USER, HTTP_X_TOKEN=data["token"]))
    assert data.keys() == {"user", "token", "expiresAt"}
    assert data["expiresAt"] == datetime(2026, 11, 29, tzinfo=UTC).timestamp() * 1000 and type(data["expiresAt"]) is int
    assert data["user"] == info["userInfo"]
    cookie = answer.cookies["x-token"]
    assert cookie.value == data["token"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")
    assert (cookie["max-age"], cookie["domain"], cookie["secure"]) == (7 * 24 * 3600, "", "")
    assert "sessionid" not in answer.cookies and "csrftoken" not in answer.cookies


def test_behind_https_the_cookie_goes_no_other_way(operator: Any) -> None:
    with override_settings(SECURE_COOKIES=True):
        assert ask(browser(), LOGIN).cookies["x-token"]["secure"] is True


def test_the_refusals_are_in_chinese_without_a_wish(operator: Any) -> None:
    assert refused(browser(None).post(LOGIN, BAD)) == "用户名不存在或者密码错误。"
    assert envelope(ask(browser(None), LOGIN))["msg"] == "登录成功"


@pytest.mark.parametrize("body", [BAD, {"username": "nobody", "password": make.PASSWORD}, {**GOOD, "username": "OLGA"}])
def test_a_wrong_name_and_a_wrong_password_are_refused_alike(operator: Any, body: dict[str, str]) -> None:
    answer = browser().post(LOGIN, body)
    assert refused(answer) == "User name or password is wrong."
    assert not answer.cookies


def test_a_disabled_user_is_told_so_only_for_the_right_password(operator: Any) -> None:
    operator.is_active = False
    operator.save()
    assert "disabled" in refused(ask(browser(), LOGIN))
    assert refused(browser().post(LOGIN, BAD)) == "User name or password is wrong."


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"password": "p"}, {"username"}),
        ({"username": "olga"}, {"password"}),
        ({}, {"username", "password"}),
        ({"username": None, "password": None}, {"username", "password"}),
        ({"username": 5, "password": make.PASSWORD}, {"username"}),
        ({"username": ["olga"], "password": {"a": 1}}, {"username", "password"}),
        ({"username": "olga", "password": True}, {"password"}),
        ({"username": "", "password": ""}, {"username", "password"}),
        ({"username": "x" * 151, "password": "x" * 4097}, {"username", "password"}),
        ({"username": "a\0b", "password": "a\0b"}, {"username", "password"}),
    ],
)
def test_fields_that_cannot_be_taken_are_named(operator: Any, body: Any, named: set[str]) -> None:
    text = refused(browser().post(LOGIN, body))
    assert {name for name in ("username", "password") if f"{name}: " in text} == named
    assert not AccessAttempt.objects.exists()


def test_a_password_is_taken_as_it_is(django_user_model: Any) -> None:
    values = {"username": "n" * 150, "password": " a b "}
    django_user_model.objects.create_user(**values)
    done(browser().post(LOGIN, values))
    refused(browser().post(LOGIN, {**values, "password": "a b"}))


class TestLock:
    def guess(self, times: int, **headers: str) -> list[str]:
        return [refused(browser().post(LOGIN, BAD, **headers)) for _ in range(times)]

    def test_ten_wrong_passwords_lock_the_right_one_out_too(self, operator: Any) -> None:
        texts = self.guess(10)
        assert set(texts[:9]) == {"User name or password is wrong."}
        assert (
            texts[9] == refused(ask(browser(), LOGIN)) == "Too many wrong passwords: locked. Try again in 10 minutes."
        )
        for headers in ({"HTTP_X_REQUESTED_WITH": "XMLHttpRequest"}, {"HTTP_ACCEPT": "text/html"}):
            assert "locked" in refused(browser().post(LOGIN, GOOD, **headers))  # nothing of axes' own answers

    def test_the_lock_ends(self, operator: Any) -> None:
        now = datetime(2026, 11, 22, tzinfo=UTC)
        with time_machine.travel(now, tick=False):
            self.guess(10)
        with time_machine.travel(now + timedelta(minutes=9), tick=False):
            assert "locked" in refused(ask(browser(), LOGIN))  # this counts as one more
        with time_machine.travel(now + timedelta(minutes=20), tick=False):
            done(ask(browser(), LOGIN))

    def test_a_disabled_account_stays_a_guess_while_it_is_locked(self, operator: Any) -> None:
        operator.is_active = False
        operator.save()
        self.guess(10)
        assert "locked" in refused(ask(browser(), LOGIN))

    def test_other_users_and_other_addresses_are_not_locked(self, operator: Any, user: Any) -> None:
        self.guess(10)
        done(browser().post(LOGIN, {**GOOD, "username": "ulrich"}))
        done(browser().post(LOGIN, GOOD, REMOTE_ADDR="192.0.2.8"))

    def test_headers_do_not_make_another_address(self, operator: Any) -> None:
        for number in range(10):
            self.guess(1, HTTP_X_FORWARDED_FOR=f"10.9.8.{number}", HTTP_USER_AGENT=f"agent {number}")
        assert "locked" in refused(browser().post(LOGIN, GOOD, HTTP_X_FORWARDED_FOR="10.9.8.99"))

    def test_the_lock_is_that_of_the_native_login(self, operator: Any, anonymous: APIClient) -> None:
        self.guess(10)
        assert anonymous.post("/api/token/", GOOD).status_code == 401

    def test_the_right_password_forgives_the_wrong_ones(self, operator: Any) -> None:
        self.guess(9)
        done(ask(browser(), LOGIN))
        assert self.guess(9)[-1] == "User name or password is wrong."
        assert AccessAttempt.objects.get().failures_since_start == 9


@pytest.mark.usefixtures("still_clock")
class TestThrottle:
    def test_by_address_whatever_the_names(self, operator: Any) -> None:
        for number in range(30):
            refused(browser().post(LOGIN, {"username": f"u{number}", "password": "x"}))
        assert "Too many logins in a short time." in refused(ask(browser(), LOGIN))
        done(browser().post(LOGIN, GOOD, REMOTE_ADDR="192.0.2.8"))

    def test_by_user_with_something_left_for_others(self, operator: Any, user: Any) -> None:
        for _ in range(20):
            done(ask(browser(), LOGIN))
        assert "Too many logins in a short time." in refused(ask(browser(), LOGIN))
        done(browser().post(LOGIN, {**GOOD, "username": "ulrich"}))
        done(browser().post(LOGIN, GOOD, REMOTE_ADDR="192.0.2.8"))

    def test_it_passes(self, operator: Any) -> None:
        now = datetime(2026, 11, 22, tzinfo=UTC)
        with time_machine.travel(now, tick=False):
            for _ in range(20):
                done(ask(browser(), LOGIN))
            assert "Try again in 60 seconds." in refused(ask(browser(), LOGIN))
        with time_machine.travel(now + timedelta(seconds=61), tick=False):
            done(ask(browser(), LOGIN))

    def test_bodies_without_a_name_count_by_address(self, db: None) -> None:
        for body in [[], "text", {"username": 5}] * 10:
            refused(browser().post(LOGIN, body))
        assert "Too many logins" in refused(browser().post(LOGIN, {}))

    def test_nothing_else_is_throttled(self, db: None) -> None:
        for _ in range(40):
            assert done(ask(browser(), DATABASE)) == {"needInit": False}


def test_neither_password_nor_token_is_written_down(operator: Any, caplog: pytest.LogCaptureFixture) -> None:
    """In no log line (SQL included), no table, no refusal."""
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="django.db.backends")
    connection.force_debug_cursor = True
    canary = "canary-5e1f0d"
    heard = [
        browser().post(LOGIN, {"username": "olga", "password": canary}),
        browser().post(LOGIN, {"username": "olga", "password": [canary]}),
        browser().post(LOGIN, {"username": "", "password": canary}),
        browser().post(f"{LOGIN}?password={canary}", GOOD | {"password": "wrong"}),
        browser().generic("POST", LOGIN, f'{{"password": "{canary}"', content_type="application/json"),
        browser().generic("POST", LOGIN, f"password={canary}", content_type="application/x-www-form-urlencoded"),
    ]
    client = front_end("olga")
    token = token_of(client)
    heard += [client.get(USER), client.get("/imageRegistry/nothing"), client.post("/jwt/jsonInBlacklist")]
    connection.force_debug_cursor = False
    assert "SELECT" in caplog.text and AccessAttempt.objects.count() <= 1
    written = caplog.text + "".join(str(row) for row in rows_of_every_table()) + str(LogEntry.objects.all())
    answered = "".join(f"{answer.headers}{answer.content.decode()}" for answer in heard)
    for secret in (canary, make.PASSWORD, token):
        assert secret not in written and secret not in answered


def rows_of_every_table() -> list[Any]:
    found: list[Any] = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            found += cursor.fetchall()
    return found
