"""How long builds are remembered."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Exists, OuterRef

from builds.models import Build
from core.history import ended_before, forget
from core.jobs import FINAL_STATES, JobState


def forget_old_builds(*, now: datetime) -> int:
    """Delete those that ended long ago, with their logs. The last one of an application that succeeded stays: it tells
    what its image was made of. Returns how many."""
    rows = Build.objects.filter(state__in=FINAL_STATES, finished_at__lt=ended_before(now))
    later = Build.objects.filter(application=OuterRef("application"), state=JobState.SUCCEEDED, pk__gt=OuterRef("pk"))
    return forget(rows.exclude(state=JobState.SUCCEEDED) | rows.filter(application=None) | rows.filter(Exists(later)))
