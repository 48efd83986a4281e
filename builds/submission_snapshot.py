"""A submission as people and programs see it now, in their language."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from builds.check_texts import for_operators, worded
from builds.checking import is_told
from builds.models import Decision, Submission, SubmissionEvent, WebhookCall
from builds.submission_events import OF_REGISTRY
from builds.webhook_texts import webhook_failure_text
from core.snapshots import failure_picture
from imagelib.registry import UNREACHABLE_CODES
from pulls.failure_texts import describe


def picture(row: Submission, *, for_operator: bool) -> dict[str, Any]:
    """JSON-ready but for times. What a registry said in its own words is for operators: anybody may name any host."""
    entry, build = row.entry, row.build
    own = build is not None and row.digest == build.digest
    private = is_private(row, for_operator=for_operator)
    return {
        "id": row.pk,
        "state": row.state,
        "decision": row.decision,
        "reference": row.reference,
        "name": row.name,
        "description": row.description,
        "digest": "" if private else row.digest,
        "size": None if private else row.size,
        "platforms": [] if private else row.platforms,
        "libc": "" if private else row.libc,
        "checks": [for_operators("exists")]
        if private
        else [worded(check, for_operator=for_operator, own=own) for check in row.checks],
        "error": error_of(row, for_operator=for_operator),
        "attempt": row.attempt,
        "max_attempts": row.max_attempts,
        "build": {"id": build.pk, "application": build.application_name} if build else None,
        "requested_by": row.requested_by.get_username() if row.requested_by else None,
        "decided_by": row.decided_by.get_username() if row.decided_by else None,
        "reason": row.reason,
        "entry": {"id": entry.pk, "name": entry.name, "address": entry.address} if entry else None,
        "created_at": row.created_at,
        "checked_at": row.checked_at,
        "decided_at": row.decided_at,
        "version": row.version,
    }


def is_private(row: Submission, *, for_operator: bool) -> bool:
    """What was found out is for operators. An approved image is listed, and everybody sees it there."""
    return not for_operator and row.decision != Decision.APPROVED and not is_told(row.checks)


def history_of(row: Submission, *, for_operator: bool) -> QuerySet[SubmissionEvent]:
    """Its events, without those that tell what the registry said if that is for operators."""
    events = row.events.all()
    return events.exclude(code__in=OF_REGISTRY) if is_private(row, for_operator=for_operator) else events


def error_of(row: Submission, *, for_operator: bool) -> dict[str, Any] | None:
    """Why the checks could not be made, the last time."""
    if not row.error_code or is_private(row, for_operator=for_operator):
        return None
    hidden = not for_operator and row.error_code in UNREACHABLE_CODES
    code = "registry_unreachable" if hidden else row.error_code
    evidence = str(row.error.get("evidence", "")) if for_operator else ""
    return failure_picture(row, code=code, text=describe(code, row.error.get("params")), evidence=evidence)


def call_picture(call: WebhookCall) -> dict[str, Any]:
    """One message to another system."""
    text = webhook_failure_text(call.error_code, call.error.get("params")) if call.error_code else None
    return {
        "id": call.pk,
        "event": call.event,
        "submission": call.submission_id,
        "state": call.state,
        "attempt": call.attempt,
        "max_attempts": call.max_attempts,
        "status": call.status,
        "error": {
            "code": call.error_code, "title": str(text.title), "cause": str(text.cause), "advice": str(text.advice),
            "evidence": str(call.error.get("evidence", "")),
        } if text else None,
        "next_attempt_at": call.due_at if call.state == "queued" else None,
        "created_at": call.created_at,
        "finished_at": call.finished_at,
    }  # fmt: skip
