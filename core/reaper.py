"""The reaper: finishes what dead workers left and rings for jobs whose message was lost.

Runs every few seconds from the schedule and once when a worker starts. After an outage (database down, machine
suspended) every heartbeat looks old although the workers live, so a reaper that was itself away waits one round
before it calls anybody silent.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

import structlog
from django.core.cache import cache
from redis.exceptions import RedisError

from core.doorbell import ring
from core.jobs import HELD_STATES, JobState, job_models

logger = structlog.get_logger(__name__)
AWAY = timedelta(seconds=25)
_LAST_ROUND = "core.reaper.last-round"  # in the cache that all reapers of an installation share


def reap(*, now: datetime, everything_held: bool = False, grace: bool = True) -> dict[str, int]:
    """One round over all job models. Returns `{"given_up": n, "rung": n}`.

    `everything_held`: no other worker can exist (the single-process server at boot, behind its lock file), so every
    held job lost its worker, whatever its heartbeat says. `grace=False` reaps silent jobs even after an absence.
    """
    last = last_round()
    away = last is None or now - last > AWAY
    given_up = 0
    for model in job_models():
        if everything_held:
            model._default_manager.filter(state=JobState.QUEUED).update(rung_at=None)  # the messages are gone too
            lost = list(model._default_manager.filter(state__in=HELD_STATES))
        elif away and grace:
            lost = []
        else:
            lost = list(model.silent(now=now))
        for job in lost:
            if job.give_up_worker(now=now):
                given_up += 1
                logger.warning("worker lost", job=f"{model._meta.label}:{job.pk}", attempt=job.attempt)
    with suppress(RedisError, OSError):  # without the cache the next round counts as the first
        cache.set(_LAST_ROUND, now, timeout=3600)  # only now: a round that the database refused was none
    return {"given_up": given_up, "rung": ring_due(now=now)}


def last_round() -> datetime | None:
    """When the last round ended, as far as this process can know: without Redis each process has its own cache."""
    try:
        return cache.get(_LAST_ROUND)
    except (RedisError, OSError):
        return None


def ring_due(*, now: datetime, limit: int = 500) -> int:
    """Ring for jobs that wait although their time has come. Returns how many."""
    rung = 0
    for model in job_models():
        heard = [pk for pk in model.unheard(now=now, limit=limit) if ring(model, pk)]
        model._default_manager.filter(pk__in=heard).update(rung_at=now)
        rung += len(heard)
    return rung
