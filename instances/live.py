"""Server-sent events of instances: `/api/instances/{id}/events/` and `/api/instances/events/?id=1&id=2`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from django.db import reset_queries
from django.db.models import BigIntegerField, F, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy as _
from rest_framework.utils.encoders import JSONEncoder

from core import changes
from core.event_streams import EventStreams
from core.progress import Hub
from instances.models import Instance
from instances.services import visible_instances
from instances.snapshot import snapshot, with_operations

REMOVED = 2**53 - 1  # the version of what is not there any more: the last, and exact in JavaScript


def versions(ids: Iterable[int]) -> Mapping[int, int]:
    """Grow with every change of an instance and of what is done to it: operations outlive their instance."""
    reset_queries()  # with DEBUG on Django remembers every query of a thread, and this one never ends
    return dict.fromkeys(ids, REMOVED) | dict(_versioned(ids).values_list("pk", "shown"))


def pictures(ids: Iterable[int], language: str, _operator: bool = False) -> Mapping[int, dict[str, Any]]:
    """Snapshots with their `version`; of what was removed only `{id, version, state}`."""
    with translation.override(language):
        now, numbers = timezone.now(), dict(_versioned(ids).values_list("pk", "shown"))
        # The numbers first: what changes meanwhile is shown now, and once more.
        rows = with_operations(Instance.objects.select_related("image", "spec", "node", "user")).filter(pk__in=ids)
        found = {row.pk: _picture(snapshot(row, now=now), numbers.get(row.pk, 1)) for row in rows}
    return {pk: removed(pk) for pk in ids} | found


def removed(pk: int) -> dict[str, Any]:
    """The last picture; also of what never was, and of what is somebody else's."""
    return {"id": pk, "version": REMOVED, "state": "removed"}


def _versioned(ids: Iterable[int]) -> Any:
    done = Coalesce(Sum("operations__version"), 0, output_field=BigIntegerField())
    return Instance.objects.order_by().filter(pk__in=ids).annotate(shown=F("version") + done)


def _picture(shown: dict[str, Any], version: int) -> dict[str, Any]:
    """As the API gives it: with its texts for times."""
    plain: dict[str, Any] = json.loads(json.dumps(shown, cls=JSONEncoder))
    return {**plain, "version": version}


hub = Hub(versions=versions, pictures=pictures, listen=changes.listen)
_streams = EventStreams(
    hub,
    visible=visible_instances,
    salt="instance-events",
    unknown=_("There is no such instance, or it is not yours."),
    ended=removed,
)
ticket_for, close_streams = _streams.ticket_for, hub.close
instance_events, instances_events = _streams.one, _streams.many
