"""Server-sent events of builds: `/api/builds/{id}/events/` and `/api/builds/events/?id=1&id=2`.

A snapshot tells how many lines the log has; who shows the log then asks for the new ones, `log/?from=N`. So a
reconnect, a slow reader and a late viewer get every line once, whatever pictures they missed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import reset_queries
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy as _

from builds.models import Build
from builds.services.builds import visible_builds
from builds.snapshot import snapshot
from core import changes
from core.event_streams import EventStreams
from core.progress import Hub


def _versions(ids: Iterable[int]) -> Mapping[int, int]:
    reset_queries()  # with DEBUG on Django remembers every query of a thread, and this one never ends
    return dict(Build.objects.filter(pk__in=ids).values_list("pk", "version"))


def _pictures(ids: Iterable[int], language: str, operator: bool) -> Mapping[int, dict[str, Any]]:
    with translation.override(language):
        jobs = Build.objects.select_related("requested_by", "cancelled_by", "files").filter(pk__in=ids)
        return {job.pk: snapshot(job, now=timezone.now(), for_operator=operator) for job in jobs}


hub = Hub(versions=_versions, pictures=_pictures, listen=changes.listen)
_streams = EventStreams(
    hub, visible=visible_builds, unknown=_("There is no such build, or it is not yours."), salt="build-events"
)
ticket_for, build_events, builds_events, close_streams = _streams.ticket_for, _streams.one, _streams.many, hub.close
