"""What a worker does with a submission: claim → examine → finish. No transaction spans a network call."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import structlog
from django.db import InterfaceError, OperationalError, connection, transaction

from builds.checking import ABSENT, Check, absent, fails, is_told, not_known, told
from builds.examination import Examined, examine, may_know
from builds.models import Submission
from builds.services.notices import notify
from builds.services.webhooks import tell
from builds.submission_events import record
from core.doorbell import ring
from core.errors import SecretUnreadable
from core.heartbeat import heartbeat
from core.jobs import HELD_STATES, IllegalTransition, JobState
from imagelib.addresses import parse
from imagelib.registry import RegistryError
from pulls.failures import CATALOGUE, Failure, failure, retry_delay
from pulls.patience import when_database_answers
from pulls.tools import Tools

logger = structlog.get_logger(__name__)
LEAVING_PAUSE = 1.0  # seconds
LONGEST = 1800.0  # seconds of one attempt: a worker that takes longer counts as lost
AT_ONCE = 2  # checks of one user that run
_GLANCE_EVERY = 1.0  # seconds


class Stopped(Exception):
    """Nobody wants the result: cancelled, taken over, or the process is leaving (`interrupted`)."""

    def __init__(self, *, interrupted: bool) -> None:
        super().__init__()
        self.interrupted = interrupted


def check_submission(pk: int, *, tools: Tools) -> None:
    """Check the submission, if it waits for that. Delivered twice, it does nothing twice."""
    if tools.interrupted():
        ring(Submission, pk, countdown=LEAVING_PAUSE)  # this process is leaving: somebody else must hear it
        return
    waiting = Submission.objects.filter(pk=pk, state=JobState.QUEUED, due_at__lte=tools.now()).first()
    if waiting is None or not _has_room(waiting.requested_by_id):
        return  # with room it is rung, see below
    try:
        job = Submission.claim(pk, now=tools.now())
        with heartbeat(job, at_most=LONGEST):
            finish = _attempt(job, tools)
        when_database_answers(finish, tools)
    except IllegalTransition:
        logger.info("submission was taken over", submission=pk)
    finally:
        when_database_answers(lambda: _ring_next(waiting.requested_by_id, tools), tools)


def _has_room(user: int | None) -> bool:
    """A check may take many minutes, and all share the workers with pulls and builds. Two that begin in the same moment
    may be one too many."""
    return Submission.objects.filter(requested_by=user, state__in=HELD_STATES).count() < AT_ONCE


def _ring_next(user: int | None, tools: Tools) -> None:
    waiting = Submission.objects.filter(requested_by=user, state=JobState.QUEUED, due_at__lte=tools.now())
    if (pk := waiting.order_by("due_at", "pk").values_list("pk", flat=True).first()) is not None:
        ring(Submission, pk)


def _attempt(job: Submission, tools: Tools) -> Callable[[], None]:
    """One attempt. Returns how to finish."""
    try:
        examined = examine(job, tools, glance=_glance(job, tools))
        return lambda: _succeed(job, examined, tools)
    except Stopped as stop:
        interrupted = stop.interrupted
        return lambda: _stopped(job, tools, interrupted=interrupted)
    except RegistryError as error:
        found = failure(error.code, evidence=error.evidence, retry_after=error.retry_after, params=error.params)
    except SecretUnreadable as error:
        found = failure("secret_unreadable", evidence=str(error))
    except (OperationalError, InterfaceError) as error:
        connection.close()
        found = failure("database_away", evidence=type(error).__name__)
    except Exception:
        number = uuid4().hex[:12]
        logger.exception("check crashed", submission=job.pk, number=number)
        found = failure("internal_error", evidence=number)
    return lambda: _fail_or_retry(job, found, tools)


def _glance(job: Submission, tools: Tools) -> Callable[[], None]:
    """Looks once a second whether the job is still wanted."""
    last = tools.monotonic()

    def glance() -> None:
        nonlocal last
        if tools.monotonic() - last < _GLANCE_EVERY:
            return
        last = tools.monotonic()
        if tools.interrupted():
            raise Stopped(interrupted=True)
        if not job.report(now=tools.now()):
            raise Stopped(interrupted=False)

    return glance


def _succeed(job: Submission, examined: Examined, tools: Tools) -> None:
    facts = examined.facts
    found = {
        "digest": facts.digest, "size": facts.size, "platforms": list(facts.platforms), "libc": facts.libc,
        "checks": _stored(job, examined.checks),
    }  # fmt: skip
    _settle(job, tools, lambda: _end(job, tools, found, code="checked", digest=facts.digest))


def _end(job: Submission, tools: Tools, found: dict[str, Any], *, code: str, **told: Any) -> None:
    now = tools.now()
    job.succeed(now=now, checked_at=now, **found)
    record(job, code, at=now, **told)
    job.refresh_from_db()
    if fails(job.checks) and is_told(job.checks):
        notify(to=job.requested_by, code="checks_failed", submission=job, reference=job.reference)
    tell(job, "submission.checked", at=now)


def _stopped(job: Submission, tools: Tools, *, interrupted: bool) -> None:
    if interrupted:
        _settle(job, tools, lambda: job.requeue(due_at=tools.now(), attempt=job.attempt - 1))
    else:
        _settle(job, tools, lambda: job.acknowledge_cancel(now=tools.now()))


def _fail_or_retry(job: Submission, found: Failure, tools: Tools) -> None:
    params = {"host": parse(job.reference).host, **found.params}
    about: dict[str, Any] = {"error_code": found.code, "params": params}
    if found.code in ABSENT:
        checks = {"checks": _stored(job, absent(found.code, params))}
        return _settle(job, tools, lambda: _end(job, tools, checks, code="absent", **about))
    error = {"transient": found.transient, "params": params, "evidence": found.evidence}
    now = tools.now()
    limit = min(job.max_attempts, CATALOGUE[found.code].max_attempts or job.max_attempts)
    delay = retry_delay(attempt=job.attempt, failure=found, jitter=tools.jitter())
    again = found.transient and job.attempt < limit

    def change() -> None:
        if again:
            job.requeue(due_at=now + timedelta(seconds=delay), code=found.code, error=error)
            record(job, "retry", at=now, delay=round(delay), **about)
        else:
            checks = _stored(job, not_known(found.code, params))
            job.fail(now=now, code=found.code, error=error, checks=checks, checked_at=now)
            record(job, "check_failed", at=now, **about)
            if is_told(checks):
                notify(to=job.requested_by, code="check_failed", submission=job, reference=job.reference)

    _settle(job, tools, change)
    if again:
        ring(Submission, job.pk, countdown=delay + 0.05)


def _settle(job: Submission, tools: Tools, change: Callable[[], None]) -> None:
    """The end of an attempt and its history in one transaction. Who was cancelled meanwhile ends cancelled."""
    try:
        with transaction.atomic():
            change()
    except IllegalTransition:
        with transaction.atomic():
            job.acknowledge_cancel(now=tools.now())
            record(job, "check_cancelled", at=tools.now())


def _stored(job: Submission, checks: list[Check]) -> list[dict[str, Any]]:
    return [check.as_dict() for check in (told(checks) if may_know(job) else checks)]
