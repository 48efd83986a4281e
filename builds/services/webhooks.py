"""Telling other systems: where to, and what."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from builds.application_texts import secret_fault
from builds.models import Submission, WebhookCall, WebhookTarget
from core.doorbell import ring_on_commit
from core.errors import InvalidInput
from core.jobs import IllegalTransition, JobState
from core.operators import require_operator
from core.rows import delete_rows, save_row

EVENTS = ("submission.created", "submission.checked", "submission.approved", "submission.rejected",
          "submission.withdrawn")  # fmt: skip
MOST_ATTEMPTS = 32  # about a day, see `builds.webhook_work`


def save_target(*, user: Any, values: Mapping[str, Any], target: WebhookTarget | None = None) -> WebhookTarget:
    """Create or change a target. `values["secret"]` is plain text, or absent to keep the stored one."""
    require_operator(user)
    row = target or WebhookTarget()
    for name, value in values.items():
        setattr(row, name, value.strip() if isinstance(value, str) and name != "secret" else value)
    faults: dict[str, Any] = {}
    if not _is_clean_url(row.url):
        faults["url"] = _(
            "Give an address that begins with https:// or http:// and holds no user name and no password, for example "
            "https://ci.example.com/hooks/images."
        )
    if not row.secret:
        faults["secret"] = _(
            "Without a secret nobody can tell who sent a message. Give one that both sides know, for example the "
            "output of “openssl rand -hex 32”."
        )
    elif fault := secret_fault(values.get("secret", "")):
        faults["secret"] = fault
    if faults:
        raise InvalidInput(faults)
    row.full_clean(validate_unique=False, validate_constraints=False)
    with transaction.atomic():
        save_row(row, fields=values, duplicate=_("Another webhook has this name already."))
        if not row.is_active:
            _give_up([row.pk])
    return row


def delete_targets(*, user: Any, ids: Iterable[int]) -> int:
    """Delete targets, all or none; calls that wait are given up. Raises `NotFound` for unknown ids, and `InUse` while
    a message is being sent, which takes seconds."""
    require_operator(user)
    ids = list(ids)
    with transaction.atomic():
        _give_up(ids)
        return delete_rows(WebhookTarget, ids)


def _give_up(targets: Iterable[int]) -> None:
    """End the calls that wait for another attempt."""
    waiting = WebhookCall.objects.filter(target__in=targets, state=JobState.QUEUED)
    for pk in list(waiting.values_list("pk", flat=True)):
        with suppress(IllegalTransition):
            WebhookCall.cancel(pk, now=timezone.now())


def tell(submission: Submission, event: str, *, at: datetime) -> None:
    """A call to each active target, within the transaction of what it tells of."""
    assert event in EVENTS, event
    targets = list(WebhookTarget.objects.filter(is_active=True))
    if not targets:
        return
    body = json.dumps({"event": event, "at": at.isoformat(), "submission": _told(submission)}, ensure_ascii=False)
    for target in targets:
        call = WebhookCall.objects.create(
            target=target, submission=submission, event=event, body=body, max_attempts=MOST_ATTEMPTS, rung_at=at
        )
        ring_on_commit(WebhookCall, call.pk)


def _told(row: Submission) -> dict[str, Any]:
    entry = row.entry
    return {
        "id": row.pk, "reference": row.reference, "digest": row.digest, "decision": row.decision, "reason": row.reason,
        "name": row.name, "description": row.description, "size": row.size, "platforms": row.platforms,
        "libc": row.libc, "build": row.build_id, "requested_by": _name(row.requested_by),
        "decided_by": _name(row.decided_by),
        "entry": {"id": entry.pk, "name": entry.name, "address": entry.address} if entry else None,
    }  # fmt: skip


def _name(user: Any) -> str | None:
    return user.get_username() if user else None


def _is_clean_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        return False
