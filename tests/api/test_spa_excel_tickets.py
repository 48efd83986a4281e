"""Downloads in a new tab: once, within the half hour, in the name and scope of who asked."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient
from time_machine import travel

from core.downloads import DownloadExpired, allow_download, redeem_download
from core.models import DownloadTicket
from core.tasks import forget_download_tickets
from tests.api import make
from tests.api.gva_client import done, log_in, refused
from tests.api.sheets import AT, XLSX, download
from tests.api.spa_client import front_end
from tests.support.workbooks import rows_in

IMAGES = "imageregistry_ImageRegistry"


@pytest.fixture
def spa(operator: Any) -> APIClient:
    return log_in("olga")


def ask(client: APIClient, button: str = "exportExcel") -> str:
    path: str = done(client.get(f"{AT}/{button}?templateID={IMAGES}"))
    assert path.startswith(f"{AT}/{button}ByToken?token=")
    return path


def names(answer: Any) -> list[str]:
    assert answer.status_code == 200 and answer["Content-Type"] == XLSX, answer.content
    return [row[0] for row in rows_in(BytesIO(answer.content))[1:]]


@pytest.mark.parametrize("prefix", ["", "/api"])
@pytest.mark.parametrize("button", ["exportTemplate", "exportExcel"])
def test_a_tab_without_any_login_gets_the_file(spa: APIClient, prefix: str, button: str) -> None:
    answer = download(spa, button, IMAGES, prefix=prefix)
    assert answer.status_code == 200 and answer["Content-Type"] == XLSX
    assert answer["Content-Disposition"].startswith("attachment; filename=") and answer["Cache-Control"] == "no-store"
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_the_name_of_the_file_can_be_read_in_chinese_too(operator: Any) -> None:
    with travel("2026-03-01T10:30:00Z", tick=False):
        assert download(log_in("olga"), "exportExcel", IMAGES)["Content-Disposition"] == (
            'attachment; filename="Image library 2026-03-01 1030.xlsx"'
        )
        chinese = log_in("olga", language=None)
        assert download(chinese, "exportExcel", IMAGES)["Content-Disposition"] == (
            "attachment; filename*=utf-8''%E9%95%9C%E5%83%8F%E5%BA%93%202026-03-01%201030.xlsx"
        )
        assert download(chinese, "exportTemplate", IMAGES)["Content-Disposition"] == (
            "attachment; filename*=utf-8''%E9%95%9C%E5%83%8F%E5%BA%93%EF%BC%88%E6%A8%A1%E6%9D%BF%EF%BC%89.xlsx"
        )


def test_a_token_is_good_for_one_download(spa: APIClient) -> None:
    path = ask(spa)
    names(APIClient().get(path))
    assert "used already" in refused(APIClient(HTTP_ACCEPT_LANGUAGE="en").get(path))
    refused(spa.get(path))
    assert not DownloadTicket.objects.exists()


def test_a_token_is_good_for_its_own_button(spa: APIClient) -> None:
    path = ask(spa)
    refused(APIClient().get(path.replace("exportExcel", "exportTemplate")))
    names(APIClient().get(path))


def test_a_token_is_good_for_half_an_hour(spa: APIClient) -> None:
    with travel(timezone.now(), tick=False) as clock:
        path, late = ask(spa), ask(spa)
        clock.shift(timedelta(minutes=30, seconds=-1))
        names(APIClient().get(path))
        clock.shift(timedelta(seconds=1))
        refused(APIClient().get(late))


def test_asking_for_the_head_or_in_other_ways_does_not_use_it_up(spa: APIClient) -> None:
    path = ask(spa)
    for method in ("head", "options", "post", "put"):
        assert getattr(APIClient(), method)(path).status_code == 405
    names(APIClient().get(path))


@pytest.mark.parametrize("token", ["", "x", "x" * 5000, "%00", "%FF", "é", "' OR 1=1 --"])
def test_other_tokens_are_refused(spa: APIClient, token: str) -> None:
    ask(spa)
    for button in ("exportExcel", "exportTemplate"):
        refused(APIClient().get(f"{AT}/{button}ByToken?token={token}"))
    assert DownloadTicket.objects.count() == 1


def test_the_database_holds_nothing_that_opens_a_download(spa: APIClient) -> None:
    token = ask(spa).partition("token=")[2]
    row = DownloadTicket.objects.values().get()
    assert token not in str(row) and len(token) >= 43
    refused(APIClient().get(f"{AT}/exportExcelByToken?token={row['token_hash']}"))


def test_the_scope_is_the_users_at_the_time_of_the_download(spa: APIClient, user: Any) -> None:
    make.image(name="shown"), make.image(name="hidden", is_listed=False)
    path, other = ask(log_in("ulrich")), ask(log_in("ulrich"))
    make.image(name="later")
    assert names(APIClient().get(path)) == ["later", "shown"]
    assert names(spa.get(other)) == ["later", "shown"], "who downloads does not matter"
    assert names(APIClient().get(ask(spa))) == ["later", "hidden", "shown"]


def test_a_user_who_may_not_log_in_any_more_gets_nothing(user: Any) -> None:
    path = ask(log_in("ulrich"))
    user.is_active = False
    user.save()
    refused(APIClient().get(path))


def test_deleting_a_user_deletes_the_tokens(user: Any) -> None:
    path = ask(log_in("ulrich"))
    user.delete()
    refused(APIClient().get(path))


def test_old_tokens_are_removed_by_the_schedule(operator: Any, spa: APIClient, settings: Any) -> None:
    DownloadTicket.objects.create(token_hash="old", user=operator, subject=IMAGES, expires_at=timezone.now())
    path = ask(spa)
    forget_download_tickets()
    assert DownloadTicket.objects.count() == 1
    names(APIClient().get(path))
    tasks = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert "core.tasks.forget_download_tickets" in tasks


@pytest.mark.parametrize("route", ["exportTemplate", "exportExcel"])
def test_asking_needs_a_login(db: None, route: str) -> None:
    refused(APIClient().get(f"{AT}/{route}?templateID={IMAGES}"), 401)
    assert not DownloadTicket.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_two_tabs_at_the_same_moment_one_gets_the_file(operator: Any) -> None:
    spa = log_in("olga")
    for _round in range(5):
        path, start, got = ask(spa), Barrier(4), []

        def tab(path: str = path, start: Barrier = start, got: list[str] = got) -> None:
            start.wait()
            got.append(APIClient().get(path)["Content-Type"])
            connection.close()

        tabs = [Thread(target=tab) for _tab in range(4)]
        for thread in tabs:
            thread.start()
        for thread in tabs:
            thread.join()
        assert sorted(kind == XLSX for kind in got) == [False, False, False, True]


def test_a_new_password_voids_links_that_are_open(operator: Any) -> None:
    token = allow_download(user=operator, action="exportExcel", subject="x", now=timezone.now())
    operator.set_password("another-password-1")
    operator.save()
    with pytest.raises(DownloadExpired):
        redeem_download(token=token, action="exportExcel", now=timezone.now())


def test_logging_out_takes_back_links_that_are_open(operator: Any) -> None:
    spa = front_end("olga")
    token = allow_download(user=operator, action="exportExcel", subject="x", now=timezone.now())
    assert spa.post("/jwt/jsonInBlacklist").json()["code"] == 0
    with pytest.raises(DownloadExpired):
        redeem_download(token=token, action="exportExcel", now=timezone.now())


@pytest.mark.parametrize("token", ["", "x", "1", "_", "1_", f"{10**30}_x", "-1_x", "٣_x"])
def test_tokens_that_were_never_ours(operator: Any, token: str) -> None:
    with pytest.raises(DownloadExpired):
        redeem_download(token=token, action="exportExcel", now=timezone.now())
