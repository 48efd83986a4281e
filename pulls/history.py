"""How long pulls are remembered."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Exists, OuterRef

from core.history import ended_before, forget
from core.jobs import FINAL_STATES
from pulls.models import PulledImage, PullJob
from pulls.presence import ENDED


def forget_old_pulls(*, now: datetime) -> int:
    """Delete those that ended long ago, with their events. The last one of an image onto a node stays: it tells where
    the image is. The layers of images of which no pull is left go too. Returns how many pulls."""
    later = PullJob.objects.filter(node=OuterRef("node"), reference=OuterRef("reference"), pk__gt=OuterRef("pk"))
    rows = PullJob.objects.filter(state__in=FINAL_STATES, finished_at__lt=ended_before(now))
    count = forget(rows.filter(Exists(later)) | rows.filter(node=None))
    pulls = PullJob.objects.filter(reference=OuterRef("reference"), state__in=ENDED)
    forget(PulledImage.objects.exclude(Exists(pulls)))
    return count
