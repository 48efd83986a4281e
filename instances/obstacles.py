"""Why cards will not do, in true numbers. Pure.

A container gets cards of one kind, so each kind is judged by itself, and the one that comes closest is told of.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from instances.accelerator import Demand, Refused, Share
from instances.accelerators.registry import CARDS
from instances.cards import Card, alike, free_memory, has_memory_for, takes


def explain(demand: Demand, cards: Sequence[Card]) -> NoReturn:
    """`cards`: all of a node that are of the demanded model, of which not enough of one kind will do. Raises
    `Refused`."""
    usable = [card for card in cards if card.usable]
    if len(usable) < demand.count:
        raise Refused("cards_out_of_service", wanted=demand.count, usable=len(usable))
    kinds = [kind for kind in alike(usable) if len(kind) >= demand.count]
    if not kinds:
        raise Refused("cards_not_alike", wanted=demand.count)
    kind, share, free = _closest(demand, kinds)
    _explain_outside(demand, kind, share)
    if share.exclusive:
        raise Refused("no_free_card", wanted=demand.count, free=free)
    raise _of_slices(demand, kind, share)


def _closest(demand: Demand, kinds: Sequence[Sequence[Card]]) -> tuple[Sequence[Card], Share, int]:
    """The kind of which most cards would do, what is needed of each, and how many would. Raises `Refused` if all are
    too small."""
    if len(kinds) == 1:  # as in most nodes
        share = CARDS.share_of(demand, kinds[0][0].memory_mib)
        return kinds[0], share, _count(kinds[0], share)
    kinds = sorted(kinds, key=lambda kind: kind[0].memory_mib)
    CARDS.share_of(demand, kinds[-1][0].memory_mib)  # a card that is too small says so itself
    judged = []
    for kind in kinds:
        try:
            share = CARDS.share_of(demand, kind[0].memory_mib)
        except Refused:
            continue
        judged.append((_count(kind, share), max(map(free_memory, kind)), kind, share))
    count, _free, kind, share = max(judged, key=lambda one: one[:2])
    return kind, share, count


def _count(cards: Sequence[Card], share: Share) -> int:
    return sum(takes(card, share) for card in cards)


def _explain_outside(demand: Demand, cards: Sequence[Card], share: Share) -> None:
    outside = max(card.outside_mib for card in cards)
    if outside and _count([card._replace(outside_mib=0) for card in cards], share) >= demand.count:
        raise Refused("cards_used_outside", wanted=demand.count, outside=outside)


def _of_slices(demand: Demand, cards: Sequence[Card], share: Share) -> Refused:
    """Memory first; then, of the cards that have it, what else is used up."""
    roomy = [card for card in cards if has_memory_for(card, share)]
    if len(roomy) < demand.count:
        free = max(map(free_memory, cards))
        return Refused("no_room_on_cards", wanted=share.memory_mib, free=free, count=demand.count, there=len(roomy))
    places = [card for card in roomy if card.holders < CARDS.MOST_PER_CARD]
    if len(places) < demand.count:
        return Refused("cards_full_of_slices", count=demand.count, there=len(places), most=CARDS.MOST_PER_CARD)
    free = max(100 - card.held_percent for card in places)
    there = sum(card.held_percent + share.compute_percent <= 100 for card in places)
    return Refused("no_power_on_cards", wanted=share.compute_percent, free=free, count=demand.count, there=there)
