"""Word of changed jobs: heard in the process, never in the way of the change itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from core import changes
from core.jobs import IllegalTransition, JobState
from pulls.models import PullJob
from tests.api import make


@pytest.fixture
def heard() -> Iterator[list[int]]:
    """A listener; its length is how often it was called."""
    calls: list[int] = []

    def listener() -> None:
        calls.append(1)

    changes.listen(listener)
    yield calls
    changes._listeners.remove(listener)


def test_it_is_heard_after_the_commit_and_not_before(heard: list[int], transactional_db: None) -> None:
    with transaction.atomic():
        changes.announce()
        assert not heard
    assert len(heard) == 1


def test_what_was_rolled_back_is_not_announced(heard: list[int], transactional_db: None) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        changes.announce()
        raise ZeroDivisionError
    assert not heard


def test_every_change_of_a_job_is_announced(heard: list[int], transactional_db: None) -> None:
    job = make.pull(by=None)
    claimed = PullJob.claim(job.pk, now=timezone.now())
    assert len(heard) == 1
    assert claimed.report(now=timezone.now(), progress={"percent": 1.0})
    assert len(heard) == 2
    claimed.succeed(now=timezone.now())
    assert len(heard) == 3
    assert not claimed.report(now=timezone.now(), progress={})
    with pytest.raises(IllegalTransition):
        PullJob.cancel(job.pk, now=timezone.now())
    assert len(heard) == 3
    assert PullJob.objects.get(pk=job.pk).state == JobState.SUCCEEDED


def test_a_redis_that_is_away_costs_one_try_and_no_error(settings: Any, transactional_db: None) -> None:
    settings.EMBEDDED, settings.REDIS_URL = False, "redis://127.0.0.1:1/0"
    changes._client.cache_clear()
    try:
        changes.announce()
        first = changes._Redis.away_until
        assert first > 0
        changes.announce()
        assert changes._Redis.away_until == first
    finally:
        changes._Redis.away_until = 0.0
        changes._client.cache_clear()
