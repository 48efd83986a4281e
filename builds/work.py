"""What a worker does with a build: claim → files → build → push → verify → finish.

No transaction spans a network call.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import structlog
from django.conf import settings
from django.db import DataError, InterfaceError, OperationalError, connection, transaction

from builds.attempt import build_once
from builds.failures import CATALOGUE, build_failure, failure, retry_delay, told_code
from builds.lanes import claim_next, ring_waiting
from builds.models import Build
from builds.outcome import BuildFailed, Published
from builds.reporting import Reporter
from core.doorbell import ring
from core.errors import SecretUnreadable
from core.jobs import IllegalTransition, JobState
from imagelib.addresses import AddressError
from imagelib.registry import RegistryError
from nodes.engine import EngineError, EngineRejected
from nodes.services import disk_changed
from pulls.failures import Failure
from pulls.outcome import Stopped, StopReason
from pulls.patience import when_database_answers
from pulls.tools import Tools

logger = structlog.get_logger(__name__)
LEAVING_PAUSE = 1.0  # seconds


def run_build(pk: int, *, tools: Tools) -> None:
    """Run the next waiting build, if a node has room. `pk` is only who rang. Delivered twice, it does nothing twice."""
    if tools.interrupted():
        ring(Build, pk, countdown=LEAVING_PAUSE)  # this process is leaving: somebody else must hear it
        return
    job = claim_next(now=tools.now())
    if job is None:
        return
    reporter = Reporter(job, tools, limit=settings.BUILD_LOG_MAX_BYTES)
    try:
        finish = _attempt(job, reporter, tools)
        when_database_answers(finish, tools)
    except IllegalTransition:
        logger.info("build was taken over", build=job.pk, attempt=job.attempt)
    except DataError:
        found = _bug(job)
        reporter = Reporter(job, tools, limit=settings.BUILD_LOG_MAX_BYTES)  # without what could not be stored
        when_database_answers(lambda: _fail_or_retry(job, found, reporter, tools), tools)
    finally:
        when_database_answers(lambda: ring_waiting(now=tools.now()), tools)


def _attempt(job: Build, reporter: Reporter, tools: Tools) -> Callable[[], None]:
    """One attempt. Returns how to finish: the database may be away just then, the build is not repeated for that."""
    try:
        published = build_once(job, reporter, tools)
        return lambda: _succeed(job, published, reporter, tools)
    except Stopped as stop:
        reason = stop.reason
        return lambda: _stopped(job, reason, reporter, tools)
    except BuildFailed as error:
        found = error.failure
    except EngineRejected as error:
        found = build_failure(reporter.hidden(error.evidence), status=error.status)
    except EngineError as error:
        found = failure(error.code, evidence=reporter.hidden(error.evidence))
    except RegistryError as error:
        evidence = reporter.hidden(error.evidence)
        found = failure(error.code, evidence=evidence, retry_after=error.retry_after, params=error.params)
    except AddressError as error:
        found = failure("invalid_reference", evidence=error.code)
    except SecretUnreadable as error:
        found = failure("secret_unreadable", evidence=str(error))
    except (OperationalError, InterfaceError) as error:
        connection.close()
        found = failure("database_away", evidence=type(error).__name__)
    except Exception:  # noqa: BLE001  the task boundary: a bug ends the job with a number to find in the log
        found = _bug(job)
    return lambda: _fail_or_retry(job, found, reporter, tools)


def _bug(job: Build) -> Failure:
    """The exception at hand goes to the log; the row gets the number to find it by."""
    number = uuid4().hex[:12]
    logger.exception("build crashed", build=job.pk, number=number)
    return failure("internal_error", evidence=number)


def _succeed(job: Build, published: Published, reporter: Reporter, tools: Tools) -> None:
    columns = {"digest": published.digest, "size": published.size}
    _settle(job, reporter, tools, lambda **rest: job.succeed(now=tools.now(), **columns, **rest), columns)


def _stopped(job: Build, reason: StopReason, reporter: Reporter, tools: Tools) -> None:
    now = tools.now()
    if reason == "cancelled":
        pushed = _note_cancelled(job, reporter)
        _settle(job, reporter, tools, lambda **rest: job.acknowledge_cancel(now=now, **pushed, **rest))
    elif reason == "interrupted":
        reporter.note("interrupted")
        before = job.attempt - 1
        _settle(job, reporter, tools, lambda **rest: job.requeue(due_at=now, attempt=before, **rest))


def _fail_or_retry(job: Build, found: Failure, reporter: Reporter, tools: Tools) -> None:
    now = tools.now()
    params = {"host": job.registry_host, **found.params}
    error = {"transient": found.transient, "params": params, "evidence": found.evidence}
    limit = min(job.max_attempts, CATALOGUE[found.code].max_attempts or job.max_attempts)
    if not found.transient or job.attempt >= limit:
        reporter.note("failed", error_code=told_code(found.code), params=params)
        _settle(job, reporter, tools, lambda **rest: job.fail(now=now, code=found.code, error=error, **rest))
        return
    delay = retry_delay(attempt=job.attempt, failure=found, jitter=tools.jitter())
    due = now + timedelta(seconds=delay)
    reporter.note("retry", error_code=told_code(found.code), params=params, delay=round(delay))
    _settle(job, reporter, tools, lambda **rest: job.requeue(due_at=due, code=found.code, error=error, **rest))
    ring(Build, job.pk, countdown=delay + 0.05)


def _settle(
    job: Build,
    reporter: Reporter,
    tools: Tools,
    change: Callable[..., None],
    published: dict[str, Any] | None = None,
) -> None:
    """A final change and the rest of the log in one transaction. A job that was cancelled meanwhile ends cancelled,
    whatever else would have become of it: the row says what the user asked for, and its digest what was published all
    the same."""
    try:
        with transaction.atomic():
            change(**reporter.final())
            reporter.keep()
            # Robust: how it ended is stored, whatever becomes of this.
            transaction.on_commit(lambda: disk_changed(node=job.node_id or 0), robust=True)
    except IllegalTransition:
        if not Build.objects.filter(pk=job.pk, state=JobState.CANCELLING, run_token=job.run_token).exists():
            raise
        pushed = _note_cancelled(job, reporter)
        with transaction.atomic():
            job.acknowledge_cancel(now=tools.now(), **reporter.final(), **{**pushed, **(published or {})})
            reporter.keep()


def _note_cancelled(job: Build, reporter: Reporter) -> dict[str, Any]:
    """The columns that tell what is in the registry all the same: a push cannot be taken back."""
    if not job.pushed_digest:
        reporter.note("cancelled")
        return {}
    reporter.note("cancelled_late", digest=job.pushed_digest)
    return {"digest": job.pushed_digest}
