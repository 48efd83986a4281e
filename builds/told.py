"""Messages that have been read or sent go after some months."""

from __future__ import annotations

from datetime import datetime

from builds.models import Notice, WebhookCall
from core.history import ended_before, forget
from core.jobs import FINAL_STATES


def forget_what_was_told(*, now: datetime) -> int:
    """Notices count from when they were read. Returns how many rows went."""
    before = ended_before(now)
    read = Notice.objects.filter(read_at__lt=before)
    sent = WebhookCall.objects.filter(state__in=FINAL_STATES, finished_at__lt=before)
    return forget(read) + forget(sent)
