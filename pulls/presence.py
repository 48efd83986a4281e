"""Where images are, as far as pulls tell: the last one of a reference onto a node that ended brought it there.

A pull that goes on, or that somebody cancelled, says nothing, nor does one onto the machine that a node was before.
What people remove from an engine by hand is not known.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from django.db import models
from django.db.models import Max

from core.jobs import JobState
from core.rows import bare_rows
from pulls.models import PullJob

ENDED: Final = (JobState.SUCCEEDED, JobState.FAILED)  # as in the index `pull_ended_where`


@dataclass(frozen=True, slots=True)
class Place:
    node_id: int
    node_name: str
    digest: str  # "" if the registry told none


def nodes_with(reference: str, nodes: Any = None) -> set[int]:
    """Ids of those of `nodes` (a query; None: of all) that have it."""
    ended = _ended([reference], nodes).values_list("node_id", "state").annotate(last=Max("pk"))
    last: dict[int, tuple[int, str]] = {}
    for node, state, pk in bare_rows(ended):
        last[node] = max(last.get(node, (0, "")), (pk, state))
    return {node for node, (_pk, state) in last.items() if state == JobState.SUCCEEDED}


def places_of(references: Collection[str], nodes: Any) -> dict[str, list[Place]]:
    """For each reference the nodes that have it, by name: one query however many there are."""
    found: dict[str, list[Place]] = {reference: [] for reference in references}
    columns = ("reference", "node_id", "node__name", "digest")
    for reference, *place in _arrived(references, nodes).order_by("node__name", "node_id").values_list(*columns):
        found[reference].append(Place(*place))
    return found


def _arrived(references: Collection[str], nodes: Any) -> models.QuerySet[PullJob]:
    """At most one pull for each reference and node."""
    last = _ended(references, nodes).values("reference", "node").annotate(last=Max("pk")).values("last")
    return PullJob.objects.filter(pk__in=last, state=JobState.SUCCEEDED).order_by()


def _ended(references: Collection[str], nodes: Any) -> models.QuerySet[PullJob]:
    ended = PullJob.objects.filter(reference__in=references, state__in=ENDED, elsewhere=False).order_by()
    return ended if nodes is None else ended.filter(node__in=nodes)
