"""Which waiting pull goes next: limits per node and per registry, and fairness between the users who wait.

A worker that hears the doorbell of one job claims whichever job is next in that job's lane (its node). Limits are
slots: the claim takes the lowest free slot number of the node and of the registry host, and the unique constraints
of `PullJob` refuse a slot that another worker took in the same moment.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Max, Window
from django.db.models.functions import RowNumber

from core.doorbell import ring
from core.jobs import HELD_STATES, IllegalTransition, JobState
from pulls.events import record
from pulls.models import PullJob, free_slot

_NEVER = datetime.min.replace(tzinfo=UTC)
_HEADS = 20


# What an earlier attempt knew is not true of the next one.
_FRESH: dict[str, Any] = {
    "last_byte_at": None,
    "moved_at": None,
    "bytes_total": None,
    "digest": "",
    "elsewhere": False,
    "progress": {"phase": "resolving", "percent": 0.0},
}


def claim_next(*, hint: int, now: datetime) -> PullJob | None:
    """The next pull of the lane of job `hint`, claimed; None when nobody waits there or no slot is free."""
    node_id = PullJob.objects.filter(pk=hint).values_list("node_id", flat=True).first()
    if node_id is None or _free_node_slot(node_id) is None:
        return None
    for waiting in _in_fair_order(node_id, now):
        try:
            job = _claim(waiting, node_id, now)
        except IllegalTransition:
            continue  # another worker was faster, or it was cancelled
        if job is not None:
            return job
    return None


def ring_waiting(*, now: datetime) -> None:
    """After a slot became free: wake as many waiting pulls as there is room for."""
    for pk in PullJob.claimable(now=now, limit=50):
        ring(PullJob, pk)


def _free_node_slot(node_id: int) -> int | None:
    held = PullJob.objects.filter(node_id=node_id, state__in=HELD_STATES)
    return free_slot(held.values_list("node_slot", flat=True), settings.PULLS_PER_NODE)


def _claim(waiting: PullJob, node_id: int, now: datetime) -> PullJob | None:
    for _try in range(settings.PULLS_PER_NODE + settings.PULLS_PER_REGISTRY):
        slots: dict[str, Any] = {"node_slot": _free_node_slot(node_id), **_slot_of_giver(waiting)}
        if None in slots.values():
            return None
        try:
            with transaction.atomic():
                job = PullJob.claim(waiting.pk, now=now, **slots, **_FRESH)
                record(job, "claimed", at=now)
                return job
        except IntegrityError:
            continue  # somebody took one of the two slots: look again
    return None


def _slot_of_giver(job: PullJob) -> dict[str, int | None]:
    """The place at the registry or at the node that the image comes from; None when there is none. Archives of this
    server need none."""
    held = PullJob.objects.filter(state__in=HELD_STATES)
    if job.goes_through_registry:
        of_host = held.filter(registry_host=job.registry_host).values_list("registry_slot", flat=True)
        return {"registry_slot": free_slot(of_host, settings.PULLS_PER_REGISTRY)}
    if job.source_node_id is not None:
        of_node = held.filter(source_node_id=job.source_node_id).values_list("source_slot", flat=True)
        return {"source_slot": free_slot(of_node, settings.PULLS_PER_NODE)}
    return {}


def _in_fair_order(node_id: int, now: datetime) -> Iterator[PullJob]:
    """Waiting pulls of a node, one of each user in turn: who has the least running and was served longest ago first."""
    of_node = PullJob.objects.filter(node_id=node_id)
    queues: dict[int | None, list[PullJob]] = defaultdict(list)
    # A few of each user, so that one user's long queue does not hide the others.
    place = Window(RowNumber(), partition_by=F("requested_by"), order_by=("created_at", "pk"))
    waiting = of_node.filter(state=JobState.QUEUED, due_at__lte=now).exclude(PullJob.held_up())
    waiting = waiting.annotate(place=place)
    heads = waiting.filter(place__lte=_HEADS).order_by("created_at", "pk")
    for job in heads.only("registry_host", "requested_by", "source", "source_node", "created_at"):
        queues[job.requested_by_id].append(job)
    held: dict[int | None, int] = defaultdict(int)
    for holder in of_node.filter(state__in=HELD_STATES).values_list("requested_by", flat=True):
        held[holder] += 1
    served = dict(
        of_node.filter(started_at__isnull=False).order_by().values_list("requested_by").annotate(Max("started_at"))
    )
    turn = sorted(queues, key=lambda user: (held[user], served.get(user, _NEVER), queues[user][0].pk))
    for position in range(max(map(len, queues.values()), default=0)):
        for candidate in turn:
            if position < len(queues[candidate]):
                yield queues[candidate][position]
