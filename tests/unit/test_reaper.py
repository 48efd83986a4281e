"""The reaper: silent workers are given up, lost messages are sent again, an outage is forgiven once."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone

from core.jobs import JobState
from core.reaper import reap
from pulls.models import PullJob
from tests.api import make

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_memory() -> None:
    cache.clear()


def running(*, heartbeat: datetime, reference: str = "r/x:1") -> PullJob:
    return PullJob.objects.create(
        node=make.node(), node_name="n", reference=reference, registry_host="r", state=JobState.RUNNING,
        heartbeat_at=heartbeat, attempt=1, max_attempts=3,
    )  # fmt: skip


def test_the_first_round_after_an_absence_gives_nobody_up_and_the_next_does() -> None:
    now = timezone.now()
    job = running(heartbeat=now - timedelta(minutes=5))
    assert reap(now=now)["given_up"] == 0
    assert reap(now=now + timedelta(seconds=10))["given_up"] == 1
    job.refresh_from_db()
    assert job.state == JobState.QUEUED
    assert [event.code for event in job.events.all()] == ["worker_lost"]


def test_a_worker_that_writes_again_after_an_outage_keeps_its_job() -> None:
    now = timezone.now()
    job = running(heartbeat=now - timedelta(minutes=5))
    reap(now=now)
    PullJob.objects.filter(pk=job.pk).update(heartbeat_at=now + timedelta(seconds=4))
    assert reap(now=now + timedelta(seconds=10))["given_up"] == 0


def test_a_reaper_that_was_away_again_forgives_again() -> None:
    now = timezone.now()
    reap(now=now - timedelta(minutes=10))
    running(heartbeat=now - timedelta(minutes=5))
    assert reap(now=now)["given_up"] == 0


def test_at_boot_of_the_single_process_every_held_job_is_an_orphan() -> None:
    now = timezone.now()
    running(heartbeat=now)
    cancelling = running(heartbeat=now, reference="r/y:1")
    PullJob.objects.filter(pk=cancelling.pk).update(state=JobState.CANCELLING)
    assert reap(now=now, everything_held=True)["given_up"] == 2
    assert set(PullJob.objects.values_list("state", flat=True)) == {JobState.QUEUED, JobState.CANCELLED}


def test_waiting_jobs_are_rung_for_as_far_as_their_node_has_room(settings) -> None:
    settings.PULLS_PER_NODE = 2
    node = make.node()
    for number in range(5):
        PullJob.objects.create(node=node, node_name="n", reference=f"r/x:{number}", registry_host="r")
    later = PullJob.objects.create(
        node=make.node(), node_name="m", reference="r/later:1", registry_host="r",
        due_at=timezone.now() + timedelta(hours=1),
    )  # fmt: skip
    due = timezone.now() + timedelta(seconds=1)
    assert reap(now=due)["rung"] == 2
    assert later.pk not in PullJob.claimable(now=due, limit=100)


def test_what_was_rung_for_lately_is_not_rung_for_again(settings) -> None:
    PullJob.objects.create(node=make.node(), node_name="n", reference="r/x:1", registry_host="r")
    now = timezone.now()
    assert reap(now=now + timedelta(seconds=1))["rung"] == 1
    assert reap(now=now + timedelta(seconds=11))["rung"] == 0
    assert reap(now=now + timedelta(seconds=40))["rung"] == 1
    assert reap(now=now + timedelta(seconds=41), everything_held=True)["rung"] == 1  # a new process: messages are gone


def test_without_the_cache_nobody_is_given_up_and_waiting_jobs_are_rung_for(settings) -> None:
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://127.0.0.1:1/0"}
    }
    now = timezone.now()
    running(heartbeat=now - timedelta(minutes=5))
    assert [reap(now=now + timedelta(seconds=10 * n))["given_up"] for n in range(3)] == [0, 0, 0]
    assert reap(now=now, grace=False)["given_up"] == 1
