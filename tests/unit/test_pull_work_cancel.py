"""What a worker does when its pull is cancelled, at whatever moment, against the fake engine."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.utils import timezone

from core.jobs import JobState
from pulls.services import cancel_pull
from pulls.tools import Tools
from pulls.work import run_pull
from tests.support.fake_pulls import Hold, Say
from tests.support.one_pull import IMAGE, REFERENCE, codes, in_background, wait_for

pytestmark = pytest.mark.django_db(transaction=True)


def test_cancelling_stops_the_engine_and_the_row_says_so(ask, tools, engine, people) -> None:
    job = ask()
    release = threading.Event()
    engine.script(REFERENCE, Say(status="Pulling from team/app"), Hold(release))
    worker = in_background(lambda: run_pull(job.pk, tools=tools))
    wait_for(lambda: engine.running_pulls == 1)
    assert cancel_pull(user=people, pull=job.pk).state == JobState.CANCELLING
    worker.join(60)
    job.refresh_from_db()
    assert (job.state, job.node_slot) == (JobState.CANCELLED, None)
    assert engine.pulls[0].stopped.is_set()
    assert codes(job)[-2:] == ["cancel_requested", "cancelled"]


def test_a_cancel_that_comes_after_the_image_says_that_it_is_there(ask, tools, engine, people) -> None:
    job = ask()
    find, seen, late = engine.find, False, False

    def look(reference: str) -> Any:
        nonlocal seen
        found = find(reference)
        seen = seen or found is not None
        return found

    def now() -> Any:
        nonlocal late
        if seen and not late:
            late = True
            cancel_pull(user=people, pull=job.pk)
        return timezone.now()

    engine.find = look

    run_pull(job.pk, tools=replace(tools, now=now))
    job.refresh_from_db()
    assert (job.state, job.digest) == (JobState.CANCELLED, IMAGE.digest)
    assert codes(job)[-2:] == ["cancel_requested", "arrived_anyway"]


@pytest.mark.parametrize("moment", ["before the engine answers", "while the registry is asked"])
def test_cancelling_is_heard_while_the_pull_is_being_planned(ask, tools, engine, people, moment: str) -> None:
    job = ask()

    def slowly(opens: Callable[..., Any]) -> Callable[..., Any]:
        def opened(*args: Any) -> Any:
            cancel_pull(user=people, pull=job.pk)
            time.sleep(0.6)
            return opens(*args)

        return opened

    which = "connect" if moment.startswith("before") else "registry"
    slow = {which: slowly(getattr(tools, which))}
    run_pull(job.pk, tools=Tools(**{name: getattr(tools, name) for name in Tools.__slots__} | slow))
    job.refresh_from_db()
    assert job.state == JobState.CANCELLED
    assert engine.pulls == []


def test_a_pull_that_is_cancelled_while_the_process_leaves_ends_cancelled(ask, tools, engine, people) -> None:
    job = ask()
    stop = threading.Event()
    engine.script(REFERENCE, Say(status="Pulling from team/app"), Hold(threading.Event()))
    leaving = Tools(**{name: getattr(tools, name) for name in Tools.__slots__} | {"interrupted": stop.is_set})
    worker = in_background(lambda: run_pull(job.pk, tools=leaving))
    wait_for(lambda: engine.running_pulls == 1)
    cancel_pull(user=people, pull=job.pk)
    stop.set()
    worker.join(60)
    job.refresh_from_db()
    assert job.state == JobState.CANCELLED
