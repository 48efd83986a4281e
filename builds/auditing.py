"""What services changed by guarded UPDATEs, which the audit log does not see by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from auditlog.models import LogEntry
from django.db.models import Model


def audit(row: Model, *, user: Any, changes: Mapping[str, tuple[Any, Any]], created: bool = False) -> None:
    LogEntry.objects.log_create(
        row,
        force_log=True,
        action=LogEntry.Action.CREATE if created else LogEntry.Action.UPDATE,
        changes={name: [str(old), str(new)] for name, (old, new) in changes.items()},
        actor=user if user.pk else None,  # the system's own are nobody's
    )
