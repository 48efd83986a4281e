"""The life of a front end's login: good for seven days, renewed on the last, ended before its time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from auditlog.models import LogEntry
from django.conf import settings
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import AccessToken

from core.logins import LoginToken
from core.models import EndedLogin
from core.tasks import forget_ended_logins
from tests.api import make
from tests.api.gva_client import CREATE, DELETE, LIST, done, envelope, refused
from tests.api.spa_client import (
    AUTHORITY,
    LOGIN,
    LOGOUT,
    MENU,
    PRIVATE,
    SETTING,
    USER,
    ask,
    browser,
    front_end,
    token_of,
    with_cookie,
    with_token,
)

START = datetime(2026, 11, 22, 8, tzinfo=UTC)
DAY = timedelta(days=1)
ENTRY = {"name": "a", "address": "nginx:1.27"}


@pytest.fixture
def clock() -> Any:
    with time_machine.travel(START, tick=False) as traveller:
        yield lambda moment: traveller.move_to(START + moment)


@pytest.mark.usefixtures("operator")
class TestLife:
    def test_seven_days(self, clock: Callable[[timedelta], None]) -> None:
        client = front_end("olga")
        clock(7 * DAY - timedelta(seconds=1))
        done(client.get(USER))
        clock(7 * DAY)
        for path in PRIVATE:
            refused(ask(client, path), 401)
        refused(client.get(LIST), 401)

    def test_no_renewal_before_the_last_day(self, clock: Callable[[timedelta], None]) -> None:
        client = front_end("olga")
        clock(6 * DAY)
        for answer in (client.get(USER), client.get(LIST)):
            assert answer.status_code == 200 and "new-token" not in answer and not answer.cookies

    @pytest.mark.parametrize("path", [USER, MENU, SETTING, LIST, CREATE, "/imageRegistry/findImageRegistry?ID=5"])
    def test_every_answer_of_the_last_day_renews(self, clock: Callable[[timedelta], None], path: str) -> None:
        client = front_end("olga")
        clock(6 * DAY + timedelta(seconds=1))
        answer = ask(client, path) if path in PRIVATE else client.get(path) if path != CREATE else client.post(path, {})
        assert answer.status_code == 200
        fresh = answer["new-token"]
        assert answer.cookies["x-token"].value == fresh != token_of(client)
        assert answer.cookies["x-token"]["httponly"] and answer.cookies["x-token"]["max-age"] == 7 * 24 * 3600
        assert answer["Cache-Control"] == "no-store"
        clock(13 * DAY)
        refused(client.get(USER), 401)
        done(with_token(fresh).get(USER))
        done(with_cookie(fresh).get(USER))

    def test_without_a_good_token_nothing_is_renewed(self, clock: Callable[[timedelta], None]) -> None:
        token = token_of(front_end("olga"))
        clock(6 * DAY + timedelta(hours=1))
        for answer in (browser().get(USER), ask(with_cookie(token), LOGIN), with_token(token + "x").get(USER)):
            assert "new-token" not in answer

    def test_a_native_access_token_is_never_renewed(self, operator: Any) -> None:
        client = with_token(str(AccessToken.for_user(operator)))
        answer = client.get(USER)
        assert done(answer)["userInfo"]["ID"] == operator.pk
        assert "new-token" not in answer and not answer.cookies


@pytest.mark.usefixtures("operator")
class TestEnd:
    def test_logging_out_ends_the_token_and_clears_the_cookie(self) -> None:
        client, other = front_end("olga"), front_end("olga")
        answer = ask(client, LOGOUT)
        assert done(answer) == {}
        cookie = answer.cookies["x-token"]
        assert (cookie.value, cookie["max-age"], cookie["path"], cookie["samesite"]) == ("", 0, "/", "Lax")
        token = token_of(client)
        for again in (client, with_token(token), with_cookie(token)):
            refused(again.get(USER), 401)
        refused(ask(client, LOGOUT), 401)
        refused(client.post(CREATE, ENTRY), 401)
        done(other.get(USER))  # another login of the same user goes on

    def test_logging_out_ends_what_the_token_was_renewed_to_and_from(self, clock: Callable[[timedelta], None]) -> None:
        client = front_end("olga")
        clock(6 * DAY + timedelta(hours=1))
        fresh = [client.get(USER)["new-token"], client.get(LIST)["new-token"]]
        answer = ask(with_token(fresh[0]), LOGOUT)
        assert done(answer) == {} and "new-token" not in answer
        for token in (token_of(client), *fresh):
            refused(with_token(token).get(USER), 401)

    def test_on_the_last_day_logging_out_hands_no_new_token_over(self, clock: Callable[[timedelta], None]) -> None:
        client = front_end("olga")
        clock(7 * DAY - timedelta(hours=1))
        answer = ask(client, LOGOUT)
        assert done(answer) == {} and "new-token" not in answer
        assert answer.cookies["x-token"].value == ""

    def test_the_entry_is_kept_as_long_as_any_renewed_token_lives(self, clock: Callable[[timedelta], None]) -> None:
        client = front_end("olga")
        clock(6 * DAY + timedelta(hours=1))
        fresh = client.get(USER)["new-token"]
        done(ask(client, LOGOUT))
        clock(13 * DAY)
        forget_ended_logins()
        refused(with_token(fresh).get(USER), 401)
        assert EndedLogin.objects.count() == 1
        clock(14 * DAY + timedelta(hours=2))
        forget_ended_logins()
        assert not EndedLogin.objects.exists()
        refused(with_token(fresh).get(USER), 401)

    def test_the_clean_up_is_on_the_schedule(self) -> None:
        queues = {entry["task"]: entry["options"]["queue"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
        assert queues[forget_ended_logins.name] == "control"

    def test_a_changed_password_ends_every_login(self, operator: Any) -> None:
        clients = [front_end("olga"), front_end("olga")]
        operator.set_password("another-password-2")
        operator.save()
        for client in clients:
            refused(client.get(USER), 401)
            refused(client.post(CREATE, ENTRY), 401)

    def test_a_disabled_user_and_a_deleted_one_are_logged_in_no_more(self, operator: Any) -> None:
        client = front_end("olga")
        operator.is_active = False
        operator.save()
        refused(client.get(USER), 401)
        refused(with_cookie(token_of(client)).get(LIST), 401)
        operator.delete()
        refused(client.get(USER), 401)

    def test_rights_are_those_of_the_moment(self, operator: Any) -> None:
        client = front_end("olga")
        operator.is_staff = False
        operator.save()
        assert done(client.get(USER))["userInfo"]["authorityId"] == 8881
        assert refused(client.post(CREATE, ENTRY)) == "Insufficient permissions"

    def test_an_access_token_cannot_be_ended(self, operator: Any) -> None:
        client = with_token(str(AccessToken.for_user(operator)))
        assert "ends by itself" in refused(ask(client, LOGOUT))
        done(client.get(USER))
        assert not EndedLogin.objects.exists()


@pytest.mark.usefixtures("operator")
class TestWhereItCounts:
    def test_the_cookie_is_good_for_reading(self) -> None:
        client = with_cookie(token_of(front_end("olga")))
        done(client.get(USER))
        done(client.get(LIST))
        assert client.head(LIST).status_code == 200

    @pytest.mark.parametrize("path", [path for path in PRIVATE if path != USER])
    def test_the_cookie_alone_changes_nothing(self, path: str) -> None:
        refused(ask(with_cookie(token_of(front_end("olga"))), path), 401)
        assert not EndedLogin.objects.exists()

    def test_the_cookie_alone_changes_no_record(self) -> None:
        client = with_cookie(token_of(front_end("olga")))
        image = make.image()
        refused(client.post(CREATE, ENTRY), 401)
        refused(client.delete(f"{DELETE}?ID={image.pk}"), 401)

    def test_the_header_decides_where_both_are(self, user: Any) -> None:
        client = with_cookie(token_of(front_end("olga")))
        assert done(client.get(USER, HTTP_X_TOKEN=token_of(front_end("ulrich"))))["userInfo"]["ID"] == user.pk
        refused(client.get(USER, HTTP_X_TOKEN="garbage"), 401)

    def test_a_password_for_the_proxy_does_not_hide_the_cookie(self) -> None:
        client = with_cookie(token_of(front_end("olga")))
        done(client.get(USER, HTTP_AUTHORIZATION="Basic b2xnYTpx"))

    @pytest.mark.parametrize("value", ["garbage", "a.b.c", "", "ü", "x" * 4000])
    def test_a_cookie_that_is_no_token(self, value: str) -> None:
        for path in (USER, LIST):
            refused(with_cookie(value).get(path), 401)
        done(ask(with_cookie(value), LOGIN))  # a bad cookie does not keep anybody from logging in

    @pytest.mark.parametrize("token", ["", " ", "garbage", "a.b.c", "Bearer x", "ü"])
    def test_a_header_that_is_no_token(self, token: str) -> None:
        for path in PRIVATE:
            for prefix in ("", "/api"):
                assert "Log in again" in refused(ask(with_token(token), path, prefix=prefix), 401)

    def test_a_token_of_another_key_or_kind(self, operator: Any) -> None:
        good = LoginToken.for_user(operator)
        refused(with_token(str(good)[:-4] + "AAAA").get(USER), 401)
        good["token_type"] = "refresh"
        refused(with_token(str(good)).get(USER), 401)

    @pytest.mark.parametrize("path", ["/api/images/", "/api/nodes/", "/api/pulls/", "/api/pulls/1/events/"])
    def test_it_opens_no_native_route(self, path: str) -> None:
        token = token_of(front_end("olga"))
        make.problem(APIClient().get(path, HTTP_AUTHORIZATION=f"Bearer {token}"), 401)
        make.problem(with_token(token).get(path), 401)
        make.problem(with_cookie(token).get(path), 401)
        make.problem(APIClient().post("/api/token/refresh/", {"refresh": token}), 401)


class TestAdminBesideIt:
    """A Django session of the same host in the same browser."""

    @pytest.fixture
    def admin(self, operator: Any) -> APIClient:
        client = browser()
        client.force_login(operator, backend="django.contrib.auth.backends.ModelBackend")
        return client

    @pytest.mark.parametrize("path", PRIVATE)
    def test_the_session_is_no_login(self, admin: APIClient, path: str) -> None:
        refused(ask(admin, path), 401)

    def test_nothing_asks_for_a_csrf_token(self, admin: APIClient, user: Any) -> None:
        login = {"username": "ulrich", "password": make.PASSWORD}
        token = done(admin.post(LOGIN, login, HTTP_ORIGIN="http://elsewhere.example"))["token"]
        admin.credentials(HTTP_X_TOKEN=token)
        for path in PRIVATE:
            body = {"authorityId": 8881} if path == AUTHORITY else None
            assert envelope(ask(admin, path, body=body))["code"] == 0

    def test_a_change_is_that_of_the_token(self, admin: APIClient, other: Any) -> None:
        other.is_staff = True
        other.save()
        done(admin.post(CREATE, ENTRY, HTTP_X_TOKEN=token_of(front_end("otto"))))
        assert LogEntry.objects.get(content_type__model="imageregistry").actor == other

    def test_logging_in_and_out_leaves_the_session_alone(self, admin: APIClient) -> None:
        session = admin.cookies["sessionid"].value
        token = done(ask(admin, LOGIN))["token"]
        done(admin.post(LOGOUT, HTTP_X_TOKEN=token))
        assert admin.cookies["sessionid"].value == session
        assert admin.get("/admin/").status_code == 200
