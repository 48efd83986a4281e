"""What a worker does with a pull: claim → plan → stream → verify → finish. No transaction spans a network call."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import uuid4

import structlog
from django.db import InterfaceError, OperationalError, connection

from core.doorbell import LONGEST_COUNTDOWN, ring
from core.errors import SecretUnreadable
from core.jobs import IllegalTransition, JobState
from imagelib.registry import RegistryError
from nodes.engine import EngineError, EngineRejected
from pulls.attempt import pull_once
from pulls.events import record
from pulls.failures import CATALOGUE, Failure, classify_engine_text, failure, retry_delay
from pulls.lanes import claim_next, ring_waiting
from pulls.models import PullJob
from pulls.outcome import PullFailed, Stopped, StopReason
from pulls.tools import Tools

logger = structlog.get_logger(__name__)
DATABASE_PATIENCE = 600.0  # seconds that a finished pull waits for a database that went away


def run_pull(pk: int, *, tools: Tools) -> None:
    """Run the next waiting pull of job `pk`'s node, if there is room. Delivered twice, it does nothing twice."""
    if tools.interrupted():
        return
    job = claim_next(hint=pk, now=tools.now())
    if job is None:
        return
    try:
        finish = _attempt(job, tools)
        _when_database_answers(finish, tools)
    except IllegalTransition:
        logger.info("pull was taken over", pull=job.pk, attempt=job.attempt)
    finally:
        _when_database_answers(lambda: ring_waiting(now=tools.now()), tools)


def _attempt(job: PullJob, tools: Tools) -> Callable[[], None]:
    """One attempt. Returns how to finish: the database may be away just then, the pull is not repeated for that."""
    try:
        digest = pull_once(job, tools)
        return lambda: _succeed(job, digest, tools.now())
    except Stopped as stop:
        reason = stop.reason
        return lambda: _stopped(job, reason, tools.now())
    except PullFailed as error:
        found = error.failure
    except EngineRejected as error:
        found = classify_engine_text(error.evidence, status=error.status)
    except EngineError as error:
        found = failure(error.code, evidence=error.evidence)
    except RegistryError as error:
        found = failure(error.code, evidence=error.evidence, retry_after=error.retry_after, params=error.params)
    except SecretUnreadable as error:
        found = failure("secret_unreadable", evidence=str(error))
    except (OperationalError, InterfaceError) as error:
        connection.close()
        found = failure("database_away", evidence=type(error).__name__)
    except Exception:  # the task boundary: a bug ends the job with a number to find in the log
        number = uuid4().hex[:12]
        logger.exception("pull crashed", pull=job.pk, number=number)
        found = failure("internal_error", evidence=number)
    return lambda: _fail_or_retry(job, found, tools)


def _succeed(job: PullJob, digest: str, now: datetime) -> None:
    try:
        job.succeed(now=now, digest=digest, progress=job.progress)
    except IllegalTransition:
        # Cancelled in the last moment: the image is there all the same, and the row says what the user asked for.
        job.acknowledge_cancel(now=now, progress=job.progress)
        record(job, "cancelled", at=now)
        return
    record(job, "succeeded", at=now, digest=digest)


def _stopped(job: PullJob, reason: StopReason, now: datetime) -> None:
    if reason == "cancelled":
        job.acknowledge_cancel(now=now, progress=job.progress)
        record(job, "cancelled", at=now)
    elif reason == "interrupted":
        job.requeue(due_at=now, attempt=job.attempt - 1)
        record(job, "interrupted", at=now)


def _fail_or_retry(job: PullJob, found: Failure, tools: Tools) -> None:
    now = tools.now()
    params = {"host": job.registry_host, **found.params}
    error = {"transient": found.transient, "params": params, "evidence": found.evidence}
    about = {"error_code": found.code, "params": params}
    limit = min(job.max_attempts, CATALOGUE[found.code].max_attempts or job.max_attempts)
    try:
        if not found.transient or job.attempt >= limit:
            job.fail(now=now, code=found.code, error=error, progress=job.progress)
            record(job, "failed", at=now, **about)
            return
        delay = retry_delay(attempt=job.attempt, failure=found, jitter=tools.jitter())
        job.requeue(due_at=now + timedelta(seconds=delay), code=found.code, error=error, progress=job.progress)
        record(job, "retry", at=now, delay=round(delay), **about)
        ring(PullJob, job.pk, countdown=min(delay + 0.05, LONGEST_COUNTDOWN))
    except IllegalTransition:
        if PullJob.objects.filter(pk=job.pk, state=JobState.CANCELLING, run_token=job.run_token).exists():
            job.acknowledge_cancel(now=now, progress=job.progress)
            record(job, "cancelled", at=now)
            return
        raise


def _when_database_answers(action: Callable[[], None], tools: Tools) -> None:
    """Do it, waiting for a database that is restarting; the reaper takes over when the process ends meanwhile."""
    deadline = tools.monotonic() + DATABASE_PATIENCE
    while True:
        try:
            return action()
        except (OperationalError, InterfaceError):
            connection.close()
            if tools.monotonic() > deadline or tools.interrupted():
                raise
            tools.sleep(1.0)
