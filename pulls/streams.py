"""Server-sent events of pulls: `/api/pulls/{id}/events/` and `/api/pulls/events/?id=1&id=2`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import reset_queries
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy as _

from core import changes
from core.event_streams import EventStreams
from core.progress import Hub
from pulls.models import PullJob
from pulls.services import visible_pulls
from pulls.snapshot import snapshot


def _versions(ids: Iterable[int]) -> Mapping[int, int]:
    reset_queries()  # with DEBUG on Django remembers every query of a thread, and this one never ends
    return dict(PullJob.objects.filter(pk__in=ids).values_list("pk", "version"))


def _pictures(ids: Iterable[int], language: str, _operator: bool) -> Mapping[int, dict[str, Any]]:
    with translation.override(language):
        jobs = PullJob.objects.select_related("requested_by").filter(pk__in=ids)
        return {job.pk: snapshot(job, now=timezone.now()) for job in jobs}


hub = Hub(versions=_versions, pictures=_pictures, listen=changes.listen)
_streams = EventStreams(
    hub, visible=visible_pulls, unknown=_("There is no such pull, or it is not yours."), salt="pull-events"
)
ticket_for, pull_events, pulls_events, close_streams = _streams.ticket_for, _streams.one, _streams.many, hub.close
