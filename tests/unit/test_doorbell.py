"""Ringing while the broker is away: it fails once and quickly, and never fails the request."""

from __future__ import annotations

import time

from core import doorbell
from pulls.models import PullJob


def test_a_broker_that_is_away_is_asked_once_and_not_for_each_job(broker_away: None) -> None:
    assert doorbell.ring(PullJob, 1) is False
    assert doorbell._broker.away_until > time.monotonic()
    before = doorbell._broker.away_until
    assert not any(doorbell.ring(PullJob, pk) for pk in range(100))
    assert doorbell._broker.away_until == before  # none of the hundred tried


def test_work_for_much_later_is_left_to_the_schedule() -> None:
    assert doorbell.ring(PullJob, 1, countdown=doorbell.LONGEST_COUNTDOWN + 1) is False
