"""Where a container goes: which nodes cannot take it and why, which is the best of the others, and its cards. Pure.

Deterministic: the same state gives the same answer. Rules and reasons: spec-vgpu.md §4.4.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from instances.accelerator import Demand, Grant, Refused, Share
from instances.accelerators.registry import CARDS
from instances.cards import Card, alike, is_model, takes
from instances.failures import concerns
from instances.obstacles import explain


class Room(NamedTuple):
    """What a node has besides devices, or what is needed or held of it. 0 of a node's own means unknown: no limit."""

    cpu_cores: float = 0
    memory_mib: int = 0
    data_disk_gb: int = 0


class Candidate(NamedTuple):
    """A node as far as placing is concerned. `cards_unknown`: a code that says why more cards than these may be there.
    `bytes_to_move`: of the image, None if nobody knows its layers. `faults`: codes of what kept containers from running
    there lately."""

    id: int
    name: str
    cards: Sequence[Card] = ()
    room: Room = Room()
    held: Room = Room()
    connected: bool = True
    image_present: bool = False
    bytes_to_move: int | None = None
    cards_unknown: str = ""
    faults: Sequence[str] = ()


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
    fault: str = ""  # what kept such a container from running there lately

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
    cards, share = _choose(demand, candidate)
    concerned = (code for code in candidate.faults if concerns(code, devices=demand.count, sliced=demand.sliced))
    fault = next(concerned, "") if candidate.faults else ""
    outside, left, _size = _what_is_left((cards, share)) if share else (0, 0, 0)
    rank = (fault != "", outside, left, *_way(candidate), candidate.id)
    return Fit(rank, candidate.id, candidate.name, cards, share, demand.sliced and share is not None, fault)


def _way(candidate: Candidate) -> tuple[bool, bool, int]:
    """How far the image is from the node. From an image that nobody knows all are equally far; where it is known for
    some kinds of machines only, those come first."""
    if candidate.image_present:
        return False, False, 0
    size = candidate.bytes_to_move
    return True, size is None, size or 0


def _check_room(needs: Room, candidate: Candidate) -> None:
    for column, wanted, whole, held in zip(Room._fields, needs, candidate.room, candidate.held, strict=True):
        if whole and wanted > whole - held:
            raise Refused(f"no_{column}", wanted=wanted, free=max(whole - held, 0))


def _choose(demand: Demand, candidate: Candidate) -> tuple[Sequence[Card], Share | None]:
    """The tightest cards that fit, and what of each. Raises `Refused`."""
    if not demand.count:
        return (), None
    groups = [group for group in alike(candidate.cards) if is_model(group[0].model, demand.model)]
    if not groups:
        raise Refused(candidate.cards_unknown or "no_such_card", model=demand.model)
    there = sum(map(len, groups))
    if there < demand.count:
        raise Refused("too_few_cards", wanted=demand.count, there=there)
    found = [each for group in groups if len(group) >= demand.count and (each := _tightest(demand, group))]
    if not found:
        explain(demand, [card for group in groups for card in group])
    return found[0] if len(found) == 1 else min(found, key=_what_is_left)


def _what_is_left(chosen: tuple[Sequence[Card], Share]) -> tuple[int, int, int]:
    """MiB that others use of the cards, MiB that would be left of them, and how large they are: the less the better."""
    cards, share = chosen
    outside = sum([card.outside_mib for card in cards])
    left = sum([card.memory_mib - card.held_mib - share.memory_mib for card in cards])
    return outside, left, cards[0].memory_mib


def _tightest(demand: Demand, cards: Sequence[Card]) -> tuple[Sequence[Card], Share] | None:
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


def would_take(card: Card, demand: Demand) -> bool:
    """Whether the card by itself would do: cards of other sizes may stand beside it."""
    try:
        return bool(demand.count) and takes(card, CARDS.share_of(demand, card.memory_mib))
    except Refused:
        return False
