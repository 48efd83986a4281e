"""Cards of a node, what is held of them, and whether a share fits on one. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from instances.accelerator import Share
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


@lru_cache(maxsize=1024)  # a fleet has few models
def is_model(name: str, wanted: str) -> bool:
    """Whether a card of this name is of the model that a spec asks for: an A100 is no A10, and an L40 no L4."""
    if not wanted:
        return True
    whole_words = rf"(?<![a-z0-9]){re.escape(wanted.strip().casefold())}(?![a-z0-9])"
    return re.search(whole_words, name.casefold()) is not None


def alike(cards: Sequence[Card]) -> list[Sequence[Card]]:
    """Cards of one model and size together: a container gets the same share of each of its cards."""
    kinds = {(card.model, card.memory_mib) for card in cards}
    if len(kinds) == 1:  # as in most nodes
        return [cards]
    return [[card for card in cards if (card.model, card.memory_mib) == kind] for kind in sorted(kinds)]


def takes(card: Card, share: Share) -> bool:
    """Whether the share fits on the card beside what is held of it, and what others use."""
    _id, _index, _model, memory_mib, usable, held_mib, held_percent, holders, outside_mib = card
    if not usable:
        return False
    if share.exclusive:
        return holders == 0 and not outside_mib
    return (
        holders < CARDS.MOST_PER_CARD
        and held_mib + outside_mib + share.memory_mib <= memory_mib + CARDS.SLACK  # as `has_memory_for`
        and held_percent + share.compute_percent <= 100
    )


def has_memory_for(card: Card, share: Share) -> bool:
    """Besides what is held and used of it."""
    return card.held_mib + card.outside_mib + share.memory_mib <= card.memory_mib + CARDS.SLACK


def free_memory(card: Card) -> int:
    """MiB that nobody holds or uses."""
    return max(card.memory_mib - card.held_mib - card.outside_mib, 0)
