"""What the audit log does not see by itself: it follows the saving of rows, one at a time and within requests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from auditlog.context import auditlog_value
from auditlog.models import LogEntry
from django.db.models import Model

CREATED, CHANGED, DELETED = LogEntry.Action.CREATE, LogEntry.Action.UPDATE, LogEntry.Action.DELETE


def audit(row: Model, *, user: Any, changes: Mapping[str, tuple[Any, Any]], action: int = CHANGED) -> None:
    """What a service changed by a statement of its own."""
    LogEntry.objects.log_create(
        row,
        force_log=True,
        action=action,
        changes={name: [str(old), str(new)] for name, (old, new) in changes.items()},
        actor=user if user.pk else None,  # the system's own are nobody's
    )


def sender_address() -> str | None:
    """From where the present request comes; None outside of requests."""
    request = auditlog_value.get(None)
    return request["remote_addr"] if request else None
