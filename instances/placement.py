"""Where a container goes: which nodes cannot take it and why, which is the best of the others, and its cards. Pure.

Deterministic: the same state gives the same answer. Rules and reasons: spec-vgpu.md §4.4.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from instances.accelerator import Demand, Grant, Refused, Share
from instances.accelerators.registry import CARDS


class Card(NamedTuple):
    """One device of a node with what is held of it. `usable` is False while it is cordoned, missing or partitioned.

    A tuple, because a fleet has thousands of them and they are made anew for each choice.
    """

    id: str
    index: int  # type: ignore[assignment]  # the tuple's method is not needed
    model: str
    memory_mib: int
    usable: bool = True
    held_mib: int = 0
    held_percent: int = 0
    holders: int = 0  # one who has the whole card holds all of its computing power
    outside_mib: int = 0  # in use by somebody else, as far as is known


@dataclass(frozen=True, slots=True)
class Room:
    """What a node has besides devices, or what is needed or held of it. 0 of a node's own means unknown: no limit."""

    cpu_cores: float = 0
    memory_mib: int = 0
    data_disk_gb: int = 0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A node as far as placing is concerned. `bytes_to_move` None: unknown."""

    id: int
    name: str
    cards: Sequence[Card] = ()
    room: Room = Room()
    held: Room = Room()
    connected: bool = True
    image_present: bool = False
    bytes_to_move: int | None = None


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a node cannot take it: a code of `instances.refusal_texts` and what fills its sentence."""

    node: int
    name: str
    code: str
    params: dict[str, Any] = field(default_factory=dict)


class Fit(NamedTuple):
    """A node that can take it, with the cards it would get. The smallest `rank` is the best."""

    rank: tuple[Any, ...]
    node: int
    name: str
    cards: Sequence[Card]
    share: Share | None  # of each of the cards
    sliced: bool

    @property
    def grant(self) -> Grant:
        return Grant(tuple(card.id for card in self.cards), self.share, self.sliced)


@dataclass(frozen=True, slots=True)
class Answer:
    """Every node is in one of the two, the best fit first."""

    fits: tuple[Fit, ...]
    rejections: tuple[Rejection, ...]


def place(demand: Demand, needs: Room, candidates: Iterable[Candidate]) -> Answer:
    """Judge all candidates."""
    fits, rejections = [], []
    for candidate in candidates:
        try:
            fits.append(fit(demand, needs, candidate))
        except Refused as refusal:
            rejections.append(Rejection(candidate.id, candidate.name, refusal.code, refusal.params))
    fits.sort(key=lambda found: found.rank)
    return Answer(tuple(fits), tuple(rejections))


def fit(demand: Demand, needs: Room, candidate: Candidate) -> Fit:
    """What the node would give. Raises `Refused` with the reason."""
    if not candidate.connected:
        raise Refused("node_not_connected")
    _check_room(needs, candidate)
    cards, share = _choose(demand, candidate.cards)
    left = 0
    if share is not None:
        left = sum([card.memory_mib - card.held_mib - share.memory_mib for card in cards])
    unknown = candidate.bytes_to_move is None
    outside = sum([card.outside_mib for card in cards])
    rank = (outside, left, not candidate.image_present, unknown, candidate.bytes_to_move or 0, candidate.id)
    return Fit(rank, candidate.id, candidate.name, cards, share, demand.sliced and share is not None)


def _check_room(needs: Room, candidate: Candidate) -> None:
    for column in ("cpu_cores", "memory_mib", "data_disk_gb"):
        wanted, whole = getattr(needs, column), getattr(candidate.room, column)
        free = whole - getattr(candidate.held, column)
        if whole and wanted > free:
            raise Refused(f"no_{column}", wanted=wanted, free=max(free, 0))


def _choose(demand: Demand, cards: Sequence[Card]) -> tuple[Sequence[Card], Share | None]:
    """The tightest cards that fit, and what of each. Raises `Refused`."""
    if not demand.count:
        return (), None
    groups = [group for group in _alike(cards) if is_model(group[0].model, demand.model)]
    if not groups:
        raise Refused("no_such_card", model=demand.model)
    there = sum(map(len, groups))
    if there < demand.count:
        raise Refused("too_few_cards", wanted=demand.count, there=there)
    for group in groups:
        if len(group) >= demand.count and (found := _tightest(demand, group)):
            return found
    _explain(demand, [card for group in groups for card in group])
    raise AssertionError("unreachable")  # pragma: no cover  (_explain always raises)


@lru_cache(maxsize=1024)  # a fleet has few models
def is_model(name: str, wanted: str) -> bool:
    """Whether a card of this name is of the model that a spec asks for: an A100 is no A10, and an L40 no L4."""
    if not wanted:
        return True
    whole_words = rf"(?<![a-z0-9]){re.escape(wanted.strip().casefold())}(?![a-z0-9])"
    return re.search(whole_words, name.casefold()) is not None


def _alike(cards: Sequence[Card]) -> list[Sequence[Card]]:
    """Cards of one model and size together: a container gets the same share of each of its cards."""
    kinds = {(card.model, card.memory_mib) for card in cards}
    if len(kinds) == 1:  # as in most nodes
        return [cards]
    return [[card for card in cards if (card.model, card.memory_mib) == kind] for kind in sorted(kinds)]


def _tightest(demand: Demand, cards: Sequence[Card]) -> tuple[list[Card], Share] | None:
    try:
        share = CARDS.share_of(demand, cards[0].memory_mib)
    except Refused:
        return None
    fitting = [card for card in cards if takes(card, share)]
    if len(fitting) < demand.count:
        return None
    if demand.count == 1:
        return [min(fitting, key=_free_memory)], share
    fitting.sort(key=_free_memory)
    return fitting[: demand.count], share


def _free_memory(card: Card) -> tuple[int, int, int, str]:
    """Cards that somebody else uses too come last."""
    return card.outside_mib, card.memory_mib - card.held_mib, card.index, card.id


def takes(card: Card, share: Share) -> bool:
    """Whether the share fits on the card beside what is held of it, and what others use."""
    _id, _index, _model, memory_mib, usable, held_mib, held_percent, holders, outside_mib = card
    if not usable:
        return False
    if share.exclusive:
        return holders == 0 and not outside_mib
    return (
        holders < CARDS.MOST_PER_CARD
        and held_mib + outside_mib + share.memory_mib <= memory_mib + CARDS.SLACK
        and held_percent + share.compute_percent <= 100
    )


def free_memory(card: Card) -> int:
    """MiB that nobody holds or uses."""
    return max(card.memory_mib - card.held_mib - card.outside_mib, 0)


def would_take(card: Card, demand: Demand) -> bool:
    """Whether the card by itself would do: cards of other sizes may stand beside it."""
    try:
        return bool(demand.count) and takes(card, CARDS.share_of(demand, card.memory_mib))
    except Refused:
        return False


def _explain(demand: Demand, cards: Sequence[Card]) -> None:
    """Why none of the node's cards of that model will do. Always raises `Refused`."""
    usable = [card for card in cards if card.usable]
    if len(usable) < demand.count:
        raise Refused("cards_out_of_service", wanted=demand.count, usable=len(usable))
    if max(map(len, _alike(usable))) < demand.count:
        raise Refused("cards_not_alike", wanted=demand.count)
    largest = max(usable, key=lambda card: card.memory_mib)
    share = CARDS.share_of(demand, largest.memory_mib)  # a card that is too small says so itself
    free = max(free_memory(card) for card in usable)
    outside = max(card.outside_mib for card in usable)
    if outside and sum(takes(card._replace(outside_mib=0), share) for card in usable) >= demand.count:
        raise Refused("cards_used_outside", wanted=demand.count, outside=outside)
    if share.exclusive:
        raise Refused("no_free_card", wanted=demand.count, free=sum(card.holders == 0 for card in usable))
    raise Refused("no_room_on_cards", wanted=share.memory_mib, free=free, count=demand.count)
