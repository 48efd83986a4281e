"""Calls that wait, made from the event loop."""

from __future__ import annotations

import asyncio
import threading

import pytest
from django.contrib.auth.models import User
from django.db import connection

from core.threads import Threads


def test_a_loop_goes_on_while_its_calls_wait() -> None:
    async def scenario() -> list[int]:
        threads, gate = Threads("test", most=4), threading.Event()
        waiting = [asyncio.create_task(threads.run(lambda: (gate.wait(60), 7)[1])) for _ in range(3)]
        await asyncio.sleep(0)
        assert not any(task.done() for task in waiting)
        gate.set()
        return list(await asyncio.gather(*waiting))

    assert asyncio.run(scenario()) == [7, 7, 7]


def test_what_a_call_raises_is_raised() -> None:
    def fail() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        asyncio.run(Threads("test", most=1).run(fail))


def test_a_call_that_nobody_waits_for_ends_and_tells_its_failure(
    caplog: pytest.LogCaptureFixture,
) -> None:
    threads, gate, ended = Threads("test", most=2), threading.Event(), threading.Event()

    def last() -> None:
        gate.wait(60)
        ended.set()

    async def scenario() -> None:
        threads.begin(last)
        threads.begin(lambda: 1 / 0)

    asyncio.run(scenario())
    gate.set()
    assert ended.wait(60)
    threads._pool.shutdown(wait=True)
    assert "background call crashed" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_a_thread_keeps_no_connection() -> None:
    threads = Threads("test", most=1)

    def ask() -> tuple[bool, int]:
        before = connection.connection is None
        return before, User.objects.count()

    assert [asyncio.run(threads.run(ask)) for _ in range(2)] == [(True, 0), (True, 0)]
