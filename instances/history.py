"""How long it is remembered what was done to instances, and who was in them."""

from __future__ import annotations

from datetime import datetime

from core.history import ended_before, forget
from core.jobs import FINAL_STATES
from instances.models import Operation, TerminalSession


def forget_old_history(*, now: datetime) -> int:
    """Delete operations of instances that were removed, and terminals, that ended long ago. Those of an instance that
    is there stay with it: what its pages follow counts them. Returns how many."""
    before = ended_before(now)
    operations = Operation.objects.filter(instance=None, state__in=FINAL_STATES, finished_at__lt=before)
    # One whose server died has no end, only a last sign of life.
    return forget(operations) + forget(TerminalSession.objects.filter(seen_at__lt=before))
