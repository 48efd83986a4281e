"""What a registration would do, found out by doing it and taking it back: nothing else could tell as surely."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from appimages.differences import difference
from appimages.exporting import export_yaml
from appimages.models import AppImage
from appimages.registration import register
from core.jobs import ACTIVE_STATES
from imagelib.references import Effective, effective_or_invalid
from nodes.models import ComputeNode
from nodes.services import visible_nodes
from pulls.models import PullJob
from pulls.presence import places_of


@dataclass(frozen=True, slots=True)
class Change:
    """What would become of an AppImage. `version` is the present one, 0 for a new one."""

    name: str
    version: int
    diff: str | None  # empty: nothing changes; None: too much to compare; a new one's is all of it

    @property
    def seen(self) -> str:
        return f"{self.name}:{self.version}"


@dataclass(frozen=True, slots=True)
class Arrival:
    """What would become of the image on a node."""

    node: ComputeNode
    is_there: bool
    under_way: bool


@dataclass(frozen=True, slots=True)
class Rehearsal:
    image: Effective
    warnings: list[dict[str, Any]]
    changes: list[Change]
    arrivals: list[Arrival]

    @property
    def seen(self) -> str:
        """Stands for what somebody agreed to: what was changed meanwhile is not replaced unseen."""
        return " ".join(change.seen for change in self.changes)


def rehearse(*, author: Any, image: str, **asked: Any) -> Rehearsal:
    """Takes and raises what `register` does. Nothing stays, and no worker hears of it."""
    effective = effective_or_invalid(image, field="image")
    pulls = PullJob.objects.filter(reference=effective.reference.canonical)
    active = set(pulls.filter(state__in=ACTIVE_STATES).values_list("pk", flat=True))
    with transaction.atomic():
        registration, _stored, asked_for = register(author=author, image=image, **asked)
        names = sorted(name for name, _document in registration.app_images)
        then = {row.name: row.document for row in AppImage.objects.filter(name__in=names)}
        transaction.set_rollback(True)
    now = {row.name: row for row in AppImage.objects.filter(name__in=names)}
    there = present_on(effective, author)
    return Rehearsal(
        image=effective,
        warnings=registration.warnings,
        changes=[_change(name, now.get(name), then[name]) for name in names],
        arrivals=[Arrival(job.node, job.node_id in there, job.pk in active) for _node, job in asked_for if job.node],
    )


def present_on(image: Effective, user: Any) -> set[int]:
    """Ids of the nodes that have it, as far as is known."""
    reference = image.reference.canonical
    nodes = visible_nodes(user).order_by().values("pk")
    return {place.node_id for place in places_of([reference], nodes)[reference]}


def _change(name: str, row: AppImage | None, then: Mapping[str, Any]) -> Change:
    if row is None:
        return Change(name, 0, "".join(f"+{line}\n" for line in export_yaml([(name, dict(then))]).splitlines()))
    diff = difference(name, row.document, dict(then), labels=(_("now"), _("then")))
    return Change(name, row.version, diff)
