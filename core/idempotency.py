"""`Idempotency-Key`: the same request sent twice acts once and answers the same.

The key row is inserted in the same transaction as the work. A second request with the key waits on the unique
constraint (PostgreSQL) or the write lock (SQLite), then finds the stored answer.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from core.errors import DomainError, InvalidInput
from core.models import IdempotencyKey

KEPT_FOR = timedelta(hours=24)


class KeyReused(DomainError):
    """The key was used before with another request."""

    code = "idempotency_key_reused"
    http_status = 422
    title = _("Idempotency-Key was used for another request")


def run_once(*, user: Any, key: str, request: Any, work: Callable[[], Any]) -> Any:
    """`work()` in a transaction, once per (user, key); later calls get the first one's JSON-ready result.

    `request` is JSON-ready and identifies what was asked. Without a key `work()` simply runs.
    """
    if not key:
        return work()
    if len(key) > 255 or not key.isprintable():
        raise InvalidInput({"Idempotency-Key": _("At most 255 printable characters, for example a UUID.")})
    fingerprint = hashlib.sha256(json.dumps(request, sort_keys=True, default=str).encode()).hexdigest()
    try:
        with transaction.atomic():
            row = IdempotencyKey.objects.create(user=user, key=key, fingerprint=fingerprint)
            row.answer = work()
            row.save(update_fields=["answer"])
            return row.answer
    except IntegrityError:
        earlier = IdempotencyKey.objects.filter(user=user, key=key).first()
        if earlier is None:
            raise  # the violation was the work's own
    if earlier.fingerprint != fingerprint:
        raise KeyReused(_("This Idempotency-Key was already used with other values. Use a new key for a new request."))
    return earlier.answer


def forget_old(*, now: datetime) -> int:
    """Delete keys older than a day. Returns how many."""
    return IdempotencyKey.objects.filter(created_at__lt=now - KEPT_FOR).delete()[0]
