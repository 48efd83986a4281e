"""How many more containers of one kind a node can take, and what stops the next one. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from instances.accelerator import Demand, Refused, Share
from instances.cards import Card
from instances.placement import Candidate, Room, fit

MOST_COUNTED = 100


@dataclass(frozen=True, slots=True)
class Capacity:
    """`count` more fit; `stopped_by` says why not one more, None when nobody counted further."""

    count: int
    stopped_by: Refused | None = None


def capacity_for(demand: Demand, needs: Room, candidate: Candidate) -> Capacity:
    """Place one after another on paper, exactly as they would be placed."""
    for count in range(MOST_COUNTED):
        try:
            grant = fit(demand, needs, candidate).grant
        except Refused as refused:
            return Capacity(count, refused)
        candidate = _holding(candidate, needs, grant.device_ids, grant.share)
    return Capacity(MOST_COUNTED)


def _holding(candidate: Candidate, needs: Room, devices: Collection[str], share: Share | None) -> Candidate:
    held = Room(
        candidate.held.cpu_cores + needs.cpu_cores,
        candidate.held.memory_mib + needs.memory_mib,
        candidate.held.data_disk_gb + needs.data_disk_gb,
    )
    cards = tuple(_with(card, share) if share and card.id in devices else card for card in candidate.cards)
    return candidate._replace(held=held, cards=cards)


def _with(card: Card, share: Share) -> Card:
    return card._replace(
        held_mib=card.held_mib + share.memory_mib,
        held_percent=card.held_percent + share.compute_percent,
        holders=card.holders + 1,
    )
