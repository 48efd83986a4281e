"""What a worker does with a pull: claim → plan → stream → verify → finish. No transaction spans a network call."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import structlog
from django.db import DataError, IntegrityError, InterfaceError, OperationalError, connection, transaction

from core.doorbell import ring
from core.errors import SecretUnreadable
from core.jobs import IllegalTransition, JobState
from imagelib.registry import RegistryError
from nodes.engine import EngineError, EngineRejected
from nodes.services import disk_changed
from pulls.events import record
from pulls.failures import CATALOGUE, Failure, classify_engine_text, failure, retry_delay
from pulls.importing import bring_once
from pulls.lanes import claim_next, ring_waiting
from pulls.layers import remember
from pulls.models import PullJob, Source
from pulls.outcome import Arrived, PullFailed, Rerouted, Stopped, StopReason
from pulls.patience import when_database_answers
from pulls.tools import Tools
from pulls.transfer_failures import OF_SOURCE

logger = structlog.get_logger(__name__)
LEAVING_PAUSE = 1.0  # seconds


def run_pull(pk: int, *, tools: Tools) -> None:
    """Run the next waiting pull of job `pk`'s node, if there is room. Delivered twice, it does nothing twice."""
    if tools.interrupted():
        ring(PullJob, pk, countdown=LEAVING_PAUSE)  # this process is leaving: somebody else must hear it
        return
    job = claim_next(hint=pk, now=tools.now())
    if job is None:
        return
    try:
        finish = _attempt(job, tools)
        when_database_answers(finish, tools)
    except IllegalTransition:
        logger.info("pull was taken over", pull=job.pk, attempt=job.attempt)
    except DataError:
        when_database_answers(lambda: _fail_or_retry(job, _bug(job), tools), tools)
    finally:
        when_database_answers(lambda: ring_waiting(now=tools.now()), tools)


def _attempt(job: PullJob, tools: Tools) -> Callable[[], None]:
    """One attempt. Returns how to finish: the database may be away just then, the pull is not repeated for that."""
    try:
        arrived = bring_once(job, tools)
        return lambda: _succeed(job, arrived, tools)
    except Stopped as stop:
        reason = stop.reason
        return lambda: _stopped(job, reason, tools)
    except Rerouted as found_elsewhere:
        route = found_elsewhere
        return lambda: _reroute(job, route, tools)
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
    except Exception:  # noqa: BLE001  the task boundary: a bug ends the job with a number to find in the log
        found = _bug(job)
    return lambda: _fail_or_retry(job, found, tools)


def _bug(job: PullJob) -> Failure:
    """The exception at hand goes to the log; the row gets the number to find it by."""
    number = uuid4().hex[:12]
    logger.exception("pull crashed", pull=job.pk, number=number)
    return failure("internal_error", evidence=number)


def _succeed(job: PullJob, arrived: Arrived, tools: Tools) -> None:
    now = tools.now()

    def change() -> None:
        job.succeed(now=now, digest=arrived.digest, progress=job.progress)
        record(job, "succeeded", at=now, digest=arrived.name)
        # Robust: the image is there, whatever becomes of these.
        transaction.on_commit(lambda: disk_changed(node=job.node_id or 0), robust=True)
        transaction.on_commit(lambda: remember(job.reference, arrived.layers, now=now), robust=True)

    _settle(job, change, now, arrived=arrived)


def _stopped(job: PullJob, reason: StopReason, tools: Tools) -> None:
    now = tools.now()

    def change() -> None:
        if reason == "cancelled":
            job.acknowledge_cancel(now=now, progress=job.progress)
            record(job, "cancelled", at=now)
        elif reason == "interrupted":
            job.requeue(due_at=now, attempt=job.attempt - 1)
            record(job, "interrupted", at=now)

    _settle(job, change, now)


def _reroute(job: PullJob, route: Rerouted, tools: Tools) -> None:
    """Back into the queue, which is now also the one of the node that gives the image."""
    now = tools.now()

    def change() -> None:
        job.requeue(due_at=now, attempt=job.attempt - 1, source_node_id=route.node, source_name=route.name)
        record(job, "routed", at=now, source=route.name, reason=route.reason)

    try:
        _settle(job, change, now)
    except IntegrityError:  # that node was deleted in this moment
        _stopped(job, "interrupted", tools)


def _fail_or_retry(job: PullJob, found: Failure, tools: Tools) -> None:
    now = tools.now()
    params = {"host": job.registry_host, **found.params}
    error = {"transient": found.transient, "params": params, "evidence": found.evidence}
    about = {"error_code": found.code, "params": params}
    limit = min(job.max_attempts, CATALOGUE[found.code].max_attempts or job.max_attempts)
    again = found.transient and job.attempt < limit
    anew: dict[str, Any] = (
        {"source_node": None, "source_name": ""} if job.source == Source.AUTO and found.code in OF_SOURCE else {}
    )
    delay = retry_delay(attempt=job.attempt, failure=found, jitter=tools.jitter())

    def change() -> None:
        if again:
            due = now + timedelta(seconds=delay)
            job.requeue(due_at=due, code=found.code, error=error, progress=job.progress, **anew)
            record(job, "retry", at=now, delay=round(delay), **about)
        else:
            job.fail(now=now, code=found.code, error=error, progress=job.progress)
            record(job, "failed", at=now, **about)

    _settle(job, change, now)
    if again:
        ring(PullJob, job.pk, countdown=delay + 0.05)


def _settle(job: PullJob, change: Callable[[], None], now: datetime, *, arrived: Arrived | None = None) -> None:
    """A final change and its history in one transaction. A job that was cancelled meanwhile ends cancelled, whatever
    else would have become of it: the row says what the user asked for, and the history whether the image had `arrived`
    all the same."""
    try:
        with transaction.atomic():
            change()
    except IllegalTransition:
        if not PullJob.objects.filter(pk=job.pk, state=JobState.CANCELLING, run_token=job.run_token).exists():
            raise
        with transaction.atomic():
            job.acknowledge_cancel(now=now, progress=job.progress, **({"digest": arrived.digest} if arrived else {}))
            told = {"digest": arrived.name} if arrived else {}
            record(job, "arrived_anyway" if arrived else "cancelled", at=now, **told)
