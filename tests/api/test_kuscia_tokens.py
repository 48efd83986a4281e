"""Kuscia tokens: made by operators for themselves, shown once, stored as a hash, revoked by any operator."""

from __future__ import annotations

import logging
from io import StringIO
from typing import Any

import pytest
from auditlog.models import LogEntry
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.urls import reverse

from appimages.models import KusciaToken
from appimages.tokens import create_token, delete_tokens, revoke_tokens
from core.errors import Conflict, InvalidInput, NotFound, PermissionRefused
from core.system import SYSTEM
from tests.api.kuscia_client import LEAST, TOKEN, Kuscia
from tests.api.test_admin_pages import submit

LIST = reverse("admin:appimages_kusciatoken_changelist")
ADD = reverse("admin:appimages_kusciatoken_add")


@pytest.fixture
def boss(operator: User) -> Client:
    client = Client(enforce_csrf_checks=True, HTTP_ACCEPT_LANGUAGE="en")
    client.force_login(operator, backend="django.contrib.auth.backends.ModelBackend")
    return client


def shown_token(page: str) -> str:
    return page.partition('<pre class="il-pre">')[2].partition("</pre>")[0]


def test_the_admin_shows_a_token_once(boss: Client, operator: User, settings: Any) -> None:
    settings.KUSCIA_TOKEN = ""
    answer = submit(boss, ADD, {"name": "secretpad"})
    assert answer.status_code == 200 and "no-store" in answer["Cache-Control"]
    text = shown_token(answer.content.decode())
    assert len(text) == 32
    Kuscia(text).done("create", LEAST)
    row = KusciaToken.objects.get()
    assert (row.name, row.user) == ("secretpad", operator)
    for url in (LIST, reverse("admin:appimages_kusciatoken_change", args=[row.pk]), ADD):
        page = boss.get(url)
        assert page.status_code == 200 and text not in page.content.decode() + str(page.headers), url
    assert text not in str(boss.cookies) + database()
    assert row.token_hash not in str(LogEntry.objects.values())
    assert LogEntry.objects.get_for_model(KusciaToken).get(action=LogEntry.Action.CREATE).actor == operator


def database() -> str:
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            found += [str(row) for row in cursor.fetchall()]
    return "\n".join(found)


@pytest.mark.parametrize("name", ["", "taken", "x" * 256])
def test_a_name_that_will_not_do_makes_no_token(boss: Client, operator: User, name: str) -> None:
    create_token(user=SYSTEM, name="taken", acts_as=operator)
    answer = submit(boss, ADD, {"name": name})
    assert answer.status_code == 200 and "id_name" in answer.content.decode()
    assert not shown_token(answer.content.decode()) and KusciaToken.objects.count() == 1


def test_tokens_are_revoked_after_a_second_step(boss: Client, operator: User, django_user_model: Any) -> None:
    other = django_user_model.objects.create_user("otto", is_staff=True)
    made = [create_token(user=SYSTEM, name=name, acts_as=other) for name in "abc"]
    one = reverse("admin:appimages_kusciatoken_revoke", args=[made[0][0].pk])
    assert boss.get(one).status_code == 200 and not KusciaToken.objects.exclude(revoked_at=None)
    assert submit(boss, one, {"confirmed": "yes"}).status_code == 302
    many = {"action": "revoke_selected", "_selected_action": [row.pk for row, _text in made[:2]], "confirmed": "yes"}
    submit(boss, LIST, many)
    revoked = KusciaToken.objects.exclude(revoked_at=None).values_list("name", flat=True)
    assert sorted(revoked) == ["a", "b"]
    assert [Kuscia(text).send("list", {}).status_code for _row, text in made] == [401, 401, 200]


def test_tokens_are_deleted_with_their_user_or_alone(boss: Client, operator: User) -> None:
    row, text = create_token(user=SYSTEM, name="a", acts_as=operator)
    url = reverse("admin:appimages_kusciatoken_delete", args=[row.pk])
    assert submit(boss, url, {"post": "yes"}).status_code == 302
    assert not KusciaToken.objects.exists() and Kuscia(text).send("list", {}).status_code == 401
    with pytest.raises(NotFound):
        delete_tokens(user=SYSTEM, ids=[row.pk])


def test_what_the_services_refuse(operator: User, user: User, django_user_model: Any) -> None:
    other = django_user_model.objects.create_user("olaf", is_staff=True, is_superuser=True)
    with pytest.raises(PermissionRefused):
        create_token(user=operator, name="a", acts_as=other)
    with pytest.raises(PermissionRefused):
        create_token(user=user, name="a", acts_as=user)
    with pytest.raises(PermissionRefused):
        revoke_tokens(user=user, ids=[])
    with pytest.raises(InvalidInput):
        create_token(user=SYSTEM, name="a", acts_as=user)
    with pytest.raises(NotFound):
        revoke_tokens(user=SYSTEM, ids=[1])
    create_token(user=operator, name=" a ", acts_as=operator)
    with pytest.raises(Conflict):
        create_token(user=operator, name="a", acts_as=operator)
    assert KusciaToken.objects.count() == 1


def test_the_command_prints_a_token(operator: User, user: User) -> None:
    out = StringIO()
    call_command("create_kuscia_token", "ci", user="olga", stdout=out)
    assert Kuscia(out.getvalue().strip()).ask("list", {})["status"]["code"] == 0
    assert KusciaToken.objects.get().user == operator
    for name, who in (("ci", "olga"), ("other", "ulrich"), ("other", "nobody"), ("", "olga")):
        with pytest.raises(CommandError) as caught:
            call_command("create_kuscia_token", name, user=who, stdout=out)
        assert caught.value.returncode == 2 and KusciaToken.objects.count() == 1


def test_no_token_comes_out_of_answers_or_logs(
    kuscia: Kuscia, operator: User, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="django.db.backends")
    connection.force_debug_cursor = True
    _row, made = create_token(user=SYSTEM, name="a", acts_as=operator)
    wrong = "canary-of-a-wrong-token"
    heard = ""
    for token in (TOKEN, made, wrong):
        client = Kuscia(token)
        for route in ("create", "query", "list", "update", "delete", "batchQuery", "nothing", "create/"):
            for body in (LEAST, "abc", {"names": ["a"]}):
                answer = client.send(route, body)
                heard += f"{answer.headers} {answer.content!r}"
    connection.force_debug_cursor = False
    assert "SELECT" in caplog.text
    for token in (TOKEN, made, wrong):
        assert token not in heard + caplog.text + database()
