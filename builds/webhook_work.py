"""What a worker does with a call of a webhook: claim → send → finish, again and again for about a day."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

import structlog
from django.db import transaction

from builds.http_calls import CallFailed, call
from builds.models import WebhookCall
from core.doorbell import ring
from core.errors import SecretUnreadable
from core.jobs import IllegalTransition, JobState
from pulls.patience import when_database_answers
from pulls.tools import Tools

logger = structlog.get_logger(__name__)
SECONDS = 10.0  # for one call
FIRST_DELAY, LONGEST_DELAY = 10.0, 3600.0  # seconds; doubled in between
GIVEN_UP_AFTER = timedelta(days=1)
LEAVING_PAUSE = 1.0
_GONE = 410


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call went: without a code it was taken."""

    status: int | None = None
    code: str = ""
    transient: bool = False
    evidence: str = ""


def call_webhook(pk: int, *, tools: Tools) -> None:
    """Send the message, if it waits for that. Delivered twice, it does nothing twice."""
    if tools.interrupted():
        ring(WebhookCall, pk, countdown=LEAVING_PAUSE)
        return
    if not WebhookCall.objects.filter(pk=pk, state=JobState.QUEUED, due_at__lte=tools.now()).exists():
        return
    try:
        job = WebhookCall.claim(pk, now=tools.now())
        outcome = _send(job)
        when_database_answers(lambda: _finish(job, outcome, tools), tools)
    except IllegalTransition:
        logger.info("call was taken over", call=pk)


def headers_of(job: WebhookCall, secret: str) -> dict[str, str]:
    """The signature is that of the body as it is sent: HMAC-SHA-256 with the secret of the target."""
    digest = hmac.new(secret.encode(), job.body.encode(), hashlib.sha256).hexdigest()
    return {
        "Content-Type": "application/json",
        "User-Agent": "imagelib",
        "X-Imagelib-Event": job.event,
        "X-Imagelib-Delivery": str(job.pk),
        "X-Imagelib-Signature-256": f"sha256={digest}",
    }


def _send(job: WebhookCall) -> Outcome:
    target = job.target
    if target is None or not target.is_active:
        return Outcome(code="webhook_target_inactive")
    try:
        headers = headers_of(job, target.secret.reveal())
        status = call("POST", target.url, headers=headers, body=job.body.encode(), seconds=SECONDS, limit=0).status
    except SecretUnreadable as error:
        return Outcome(code=error.code, evidence=str(error))
    except CallFailed as error:
        return Outcome(code="webhook_unreachable", transient=True, evidence=error.evidence)
    except Exception:
        number = uuid4().hex[:12]
        logger.exception("call crashed", call=job.pk, number=number)
        return Outcome(code="internal_error", evidence=number)
    if 200 <= status < 300:
        return Outcome(status)
    code = "webhook_gone" if status == _GONE else "webhook_refused"
    return Outcome(status, code, transient=status != _GONE, evidence=f"HTTP {status}")


def _finish(job: WebhookCall, outcome: Outcome, tools: Tools) -> None:
    now = tools.now()
    status = outcome.status
    error = {"transient": outcome.transient, "params": {"status": status}, "evidence": outcome.evidence}
    delay = min(FIRST_DELAY * 2.0 ** (job.attempt - 1), LONGEST_DELAY) * (1 + tools.jitter() / 10)
    due = now + timedelta(seconds=delay)
    again = outcome.transient and job.attempt < job.max_attempts and due < job.created_at + GIVEN_UP_AFTER
    try:
        with transaction.atomic():
            if not outcome.code:
                job.succeed(now=now, status=status)
            elif again:
                job.requeue(due_at=due, code=outcome.code, error=error, status=status)
            else:
                job.fail(now=now, code=outcome.code, error=error, status=status)
    except IllegalTransition:
        job.acknowledge_cancel(now=now, status=status)
        return
    if again:
        ring(WebhookCall, job.pk, countdown=delay + 0.05)
