"""Rows of what has ended go after some months: they tell people what was, and grow without end."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import QuerySet

AT_ONCE = 500  # rows of a statement, which others wait for


def ended_before(now: datetime) -> datetime:
    """What ended earlier is kept no longer (`IMAGELIB_KEEP_HISTORY_DAYS`)."""
    return now - timedelta(days=settings.KEEP_HISTORY_DAYS)


def forget(rows: QuerySet) -> int:
    """Delete them, some at a time. Returns how many."""
    model, count = rows.model, 0
    while some := list(rows.order_by("pk").values_list("pk", flat=True)[:AT_ONCE]):
        model._default_manager.filter(pk__in=some).delete()
        count += len(some)
    return count
