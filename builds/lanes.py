"""Which waiting build goes next, and where.

A build that names no node goes to the builder with the fewest builds; among those to the one that built this
application last, which has its layers. Of the waiting ones that goes first whose user has the least running, then the
oldest. The limit of a node is slots: the claim takes the lowest free number, and a unique constraint refuses one that
another worker took in the same moment.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Count, F, Window
from django.db.models.functions import RowNumber

from builds.builders import builder_nodes
from builds.models import Build
from core.doorbell import ring
from core.jobs import HELD_STATES, IllegalTransition, JobState
from nodes.models import ComputeNode
from pulls.models import free_slot

_MOST = 100  # waiting builds that are looked at
_MOST_EACH = 5  # and of each user, so that nobody's many keep others' from being seen
# What an earlier attempt knew is not true of the next one.
_FRESH: dict[str, Any] = {
    "digest": "", "image_id": "", "size": None, "builder": "", "moved_at": None,
    "progress": {"phase": "preparing", "percent": 0.0},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """`node` None: there is none, and the build ends with saying so."""

    node: ComputeNode | None
    slot: int | None


def claim_next(*, now: datetime) -> Build | None:
    """The next build, claimed; None when nobody waits or no node has room."""
    for waiting in _in_fair_order(now):
        job = _claim(waiting, now)
        if job is not None:
            return job
    return None


def ring_waiting(*, now: datetime) -> None:
    """After a slot became free: wake the next ones."""
    for waiting in _in_fair_order(now)[: settings.BUILDS_PER_NODE]:
        ring(Build, waiting.pk)


def _claim(waiting: Build, now: datetime) -> Build | None:
    for _try in range(settings.BUILDS_PER_NODE + 1):
        place = _place(waiting)
        if place is None:
            return None
        name = place.node.name if place.node else ""
        try:
            with transaction.atomic():
                return Build.claim(waiting.pk, now=now, node=place.node, node_name=name, node_slot=place.slot, **_FRESH)
        except IllegalTransition:
            return None  # another worker was faster, or it was cancelled
        except IntegrityError:
            continue  # somebody took the slot, or deleted the node
    return None


def _place(job: Build) -> Place | None:
    """None while every node that may build it is full."""
    nodes = ([job.node] if job.node else []) if job.node_asked else builder_nodes()
    if not nodes:
        return Place(None, None)
    held: dict[int, list[int | None]] = {node.pk: [] for node in nodes}
    rows = Build.objects.filter(node__in=nodes, state__in=HELD_STATES).values_list("node_id", "node_slot")
    for node_id, slot in rows:
        held[node_id or 0].append(slot)
    ended = Build.objects.filter(application=job.application_id, state=JobState.SUCCEEDED).order_by("-pk")
    last = ended.values_list("node_id", flat=True).first()
    for node in sorted(nodes, key=lambda node: (len(held[node.pk]), node.pk != last, node.pk)):
        slot = free_slot(held[node.pk], settings.BUILDS_PER_NODE)
        if slot is not None:
            return Place(node, slot)
    return None


def _in_fair_order(now: datetime) -> list[Build]:
    full = (
        Build.objects.filter(state__in=HELD_STATES, node__isnull=False)
        .order_by()
        .values("node")
        .annotate(builds=Count("pk"))
        .filter(builds__gte=settings.BUILDS_PER_NODE)
    )
    place = Window(RowNumber(), partition_by=F("requested_by"), order_by=("created_at", "pk"))
    rows = (
        Build.objects.filter(state=JobState.QUEUED, due_at__lte=now)
        .exclude(node_asked=True, node__in=full.values("node"))
        .annotate(place=place)
        .filter(place__lte=_MOST_EACH)
    )
    waiting = list(rows.select_related("node").order_by("place", "created_at", "pk")[:_MOST])
    held: Counter[int | None] = Counter(
        Build.objects.filter(state__in=HELD_STATES).values_list("requested_by", flat=True)
    )
    return sorted(waiting, key=lambda job: (held[job.requested_by_id], job.created_at, job.pk))
