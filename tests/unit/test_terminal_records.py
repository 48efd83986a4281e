"""The record of terminals, and the limit that goes by it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from instances.models import Instance, TerminalEnd, TerminalSession
from instances.services import TooMany, begin_terminal, end_terminal, see_terminal
from instances.services.terminals import LOST_AFTER
from tests.api import make

NOW = timezone.now()


@pytest.fixture
def user(db: None) -> User:
    return User.objects.create_user("ulrich")


@pytest.fixture
def instance(user: User) -> Instance:
    return make.instance(by=user, container_id="c" * 64)


def begin(user: User, instance: Instance, *, now: datetime = NOW) -> TerminalSession:
    return begin_terminal(user=user, instance=instance, shell="bash", address="203.0.113.7", now=now)


def test_who_was_where(user: User, instance: Instance) -> None:
    session = begin(user, instance)
    end_terminal(session=session.pk, end=TerminalEnd.IDLE, bytes_in=5, bytes_out=7, now=NOW + timedelta(minutes=3))
    end_terminal(session=session.pk, end=TerminalEnd.LEFT, bytes_in=9, bytes_out=9, now=NOW + timedelta(minutes=4))
    node_name, name = instance.node.name, instance.name
    instance.delete()
    user.delete()
    kept = TerminalSession.objects.values().get()
    assert (kept["instance_id"], kept["user_id"]) == (None, None)
    assert (kept["user_name"], kept["instance_name"], kept["node_name"]) == ("ulrich", name, node_name)
    assert (kept["container_id"], kept["shell"], kept["address"]) == ("c" * 64, "bash", "203.0.113.7")
    assert (kept["end"], kept["bytes_in"], kept["bytes_out"]) == ("idle", 5, 7)
    assert (kept["began_at"], kept["ended_at"]) == (NOW, NOW + timedelta(minutes=3))


def test_the_limit_is_each_users_own(settings: Any, user: User, instance: Instance) -> None:
    settings.TERMINALS_PER_USER = 2
    first, _second = begin(user, instance), begin(user, instance)
    with pytest.raises(TooMany) as refused:
        begin(user, instance)
    assert refused.value.http_status == 429 and TerminalSession.objects.count() == 2
    begin(User.objects.create_user("otto"), instance)
    end_terminal(session=first.pk, end=TerminalEnd.LEFT, bytes_in=0, bytes_out=0, now=NOW)
    begin(user, instance)


def test_what_a_lost_server_left_behind_does_not_count(settings: Any, user: User, instance: Instance) -> None:
    settings.TERMINALS_PER_USER = 1
    session, later = begin(user, instance), NOW + LOST_AFTER
    see_terminal(session=session.pk, now=NOW + timedelta(seconds=5))
    with pytest.raises(TooMany):
        begin(user, instance, now=later)
    begin(user, instance, now=later + timedelta(seconds=6))


def test_an_ended_one_is_not_seen_any_more(user: User, instance: Instance) -> None:
    session = begin(user, instance)
    end_terminal(session=session.pk, end=TerminalEnd.SHELL, bytes_in=0, bytes_out=0, now=NOW)
    see_terminal(session=session.pk, now=NOW + timedelta(hours=1))
    assert TerminalSession.objects.get().seen_at == NOW


@pytest.mark.django_db(transaction=True)
def test_many_that_come_at_once_are_counted_one_after_the_other(settings: Any) -> None:
    settings.TERMINALS_PER_USER = 2
    user = User.objects.create_user("ulrich")
    instance = make.instance(by=user)
    together = threading.Barrier(6)

    def ask(_number: int) -> bool:
        try:
            together.wait(20)
            begin(user, instance)
        except TooMany:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(6) as threads:
        assert sorted(threads.map(ask, range(6))) == [False] * 4 + [True] * 2
