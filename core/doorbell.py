"""Ringing for a job: the broker carries ids only, and losing one is harmless because the reaper rings again."""

from __future__ import annotations

from functools import partial

import structlog
from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

from core.jobs import Job

logger = structlog.get_logger(__name__)
# Later work is a row and a schedule, not a message that waits in the broker (and Redis would deliver it twice).
LONGEST_COUNTDOWN = 600.0


def ring(model: type[Job], pk: int, *, countdown: float = 0.0) -> bool:
    """Send the id to the model's task. False when the broker is unreachable; the reaper will ring later."""
    if countdown > LONGEST_COUNTDOWN:
        return False
    try:
        current_app.send_task(model.task, args=[pk], queue=model.queue, countdown=countdown or None, retry=False)
    except (OperationalError, OSError) as error:
        logger.warning("doorbell failed", job=f"{model._meta.label}:{pk}", reason=str(error))
        return False
    return True


def ring_on_commit(model: type[Job], pk: int) -> None:
    """Ring once the surrounding transaction has committed: a worker never sees an id without its row."""
    transaction.on_commit(partial(ring, model, pk))
