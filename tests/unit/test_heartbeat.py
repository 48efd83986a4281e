"""The heartbeat beside silent calls: it keeps the job alive, and it ends."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import pytest
from django.utils import timezone

from core.heartbeat import heartbeat
from core.jobs import JobState
from pulls.models import PullJob
from tests.api import make
from tests.support.one_pull import wait_for

pytestmark = pytest.mark.django_db(transaction=True)


def held() -> PullJob:
    job = PullJob.objects.create(node=make.node(), node_name="n", reference="r/x:1", registry_host="r")
    claimed = PullJob.claim(job.pk, now=timezone.now() - timedelta(minutes=5), node_slot=0, registry_slot=0)
    assert claimed.state == JobState.RUNNING
    return claimed


def age(job: PullJob) -> float:
    return (timezone.now() - PullJob.objects.get(pk=job.pk).heartbeat_at).total_seconds()


def test_a_silent_call_does_not_look_dead() -> None:
    job = held()
    with heartbeat(job, every=0.05):
        wait_for(lambda: age(job) < 200)


def test_a_call_that_never_returns_does_look_dead_in_the_end() -> None:
    job = held()
    with heartbeat(job, every=0.05, at_most=0.2):
        wait_for(lambda: not any(thread.name == "heartbeat" for thread in threading.enumerate()))


def test_a_worker_that_was_given_up_does_not_beat_for_its_successor() -> None:
    job = held()
    job.give_up_worker(now=timezone.now())
    with heartbeat(job, every=0.05):
        time.sleep(0.3)
    assert PullJob.objects.get(pk=job.pk).heartbeat_at == job.heartbeat_at


def test_a_step_that_takes_its_time_is_told_and_a_quick_one_is_not() -> None:
    job = held()
    news = {"progress": {"phase": "verifying"}}
    with heartbeat(job, every=60, saying=news):
        pass
    job.refresh_from_db()
    assert job.progress == {}
    version = job.version
    with heartbeat(job, every=0.05, saying=news):
        wait_for(lambda: PullJob.objects.get(pk=job.pk).version > version)
    job.refresh_from_db()
    assert job.progress == news["progress"] and job.version > version
