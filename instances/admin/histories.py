"""What was done to an instance, for its page."""

from __future__ import annotations

from typing import Any

from core.admin_tools import job_state
from instances.models import Instance, Operation
from instances.refusal_texts import sentence

SHOWN = 20


def done_to(instance: Instance) -> list[dict[str, Any]]:
    """The newest operations, newest first."""
    rows = instance.operations.select_related("requested_by").order_by("-pk")
    return [_shown(row) for row in rows[:SHOWN]]


def _shown(row: Operation) -> dict[str, Any]:
    return {
        "kind": row.get_kind_display(),
        "state": job_state(row),
        "by": row.requested_by.get_username() if row.requested_by else "–",
        "at": row.created_at,
        "problem": sentence(row.error_code, row.error.get("params", {})) if row.error_code else "",
    }
