"""Ringing for a job: the broker carries ids only, and losing one is harmless because the reaper rings again."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial

import structlog
from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from core.jobs import Job

logger = structlog.get_logger(__name__)
# Later work is a row and a schedule, not a message that waits in the broker (and Redis would deliver it twice).
LONGEST_COUNTDOWN = 600.0
AWAY_FOR = 5.0  # seconds without a new try after the broker failed


@dataclass
class _Broker:
    """What this process last saw of the broker."""

    away_until: float = 0.0  # monotonic seconds


_broker = _Broker()


def ring(model: type[Job], pk: int, *, countdown: float = 0.0) -> bool:
    """Send the id to the model's task. False when the broker is unreachable; the reaper will ring later.

    After a failure nothing is tried for some seconds, so that a request for a hundred nodes does not wait a hundred
    times for a broker that is away.
    """
    if countdown > LONGEST_COUNTDOWN or time.monotonic() < _broker.away_until:
        return False
    try:
        current_app.send_task(model.task, args=[pk], queue=model.queue, countdown=countdown or None, retry=False)
    except (OperationalError, RedisError, OSError) as error:
        _broker.away_until = time.monotonic() + AWAY_FOR
        logger.warning("doorbell failed", job=f"{model._meta.label}:{pk}", reason=str(error))
        return False
    return True


def ring_on_commit(model: type[Job], pk: int) -> None:
    """Ring once the surrounding transaction has committed: a worker never sees an id without its row."""
    transaction.on_commit(partial(ring, model, pk))
