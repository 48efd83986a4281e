"""Leases: one holder, and a successor when it is gone."""

from __future__ import annotations

import threading

import pytest
from django.db import connections

from core.leases import Holding
from core.models import Lease
from tests.support.one_pull import wait_for

pytestmark = pytest.mark.django_db(transaction=True)


def holding(seconds: float = 60.0) -> Holding:
    return Holding("a thing", seconds=seconds)


def test_one_has_it_and_keeps_it() -> None:
    first, second = holding(), holding()
    assert [first.hold(), second.hold(), first.hold(), second.hold()] == [True, False, True, False]
    assert (first.is_mine, second.is_mine) == (True, False)


def test_who_lets_go_leaves_it_to_the_next_at_once() -> None:
    first, second = holding(), holding()
    assert first.hold() and not second.hold()
    first.release()
    assert not first.is_mine
    assert second.hold() and not first.hold()


def test_only_the_holder_can_let_go() -> None:
    first, second = holding(), holding()
    assert first.hold() and not second.hold()
    second.release()
    assert not second.hold()


def test_who_falls_silent_loses_it_and_knows() -> None:
    first, second = holding(0.3), holding()
    assert first.hold()
    wait_for(second.hold)
    assert not first.is_mine
    assert not first.hold()


def test_leases_of_different_names_are_apart() -> None:
    assert holding().hold()
    assert Holding("another thing", seconds=60).hold()


def test_of_many_at_once_one_wins() -> None:
    ready, won = threading.Barrier(8), []

    def run() -> None:
        try:
            ready.wait(30)
            if holding().hold():
                won.append(1)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == Lease.objects.count() == 1
