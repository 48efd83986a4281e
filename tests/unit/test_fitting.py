"""How many more fit on a node: counted by placing them, so never more or fewer than would be placed."""

from __future__ import annotations

import pytest

from instances.accelerator import Demand
from instances.cards import Card
from instances.fitting import MOST_COUNTED, Capacity, capacity_for
from instances.placement import Candidate, Room

GIB = 1024
CARDS = (Card("GPU-a", 0, "A10", 24576), Card("GPU-b", 1, "A10", 24576))
NODE = Candidate(1, "n1", CARDS)


def slices(gb: int, count: int = 1) -> Demand:
    return Demand(count=count, memory_mib=gb * GIB, sliced=True)


def stopped(found: Capacity) -> str:
    assert found.stopped_by is not None
    return found.stopped_by.code


@pytest.mark.parametrize(
    ("demand", "count", "code"),
    [
        (slices(8), 6, "no_room_on_cards"),
        (slices(10), 4, "no_room_on_cards"),  # what is left of two cards does not add up
        (slices(8, count=2), 3, "no_room_on_cards"),
        (slices(24), 2, "no_free_card"),
        (Demand(count=1), 2, "no_free_card"),
        (Demand(count=2), 1, "no_free_card"),
        (Demand(count=3), 0, "too_few_cards"),
        (Demand(count=1, model="H100"), 0, "no_such_card"),
    ],
)
def test_cards_are_used_up(demand: Demand, count: int, code: str) -> None:
    found = capacity_for(demand, Room(), NODE)
    assert (found.count, stopped(found)) == (count, code)


def test_what_others_hold_is_not_there_any_more() -> None:
    first = CARDS[0]._replace(held_mib=16 * GIB, held_percent=66, holders=2)
    assert capacity_for(slices(8), Room(), NODE._replace(cards=(first, CARDS[1]))).count == 4
    taken = CARDS[0]._replace(held_mib=24576, held_percent=100, holders=1)
    assert capacity_for(slices(8), Room(), NODE._replace(cards=(taken, CARDS[1]))).count == 3
    cordoned = CARDS[0]._replace(usable=False)
    assert capacity_for(slices(8), Room(), NODE._replace(cards=(cordoned, CARDS[1]))).count == 3


@pytest.mark.parametrize(
    ("needs", "count", "code"),
    [
        (Room(cpu_cores=3), 2, "no_cpu_cores"),
        (Room(memory_mib=5 * GIB), 3, "no_memory_mib"),
        (Room(cpu_cores=1, data_disk_gb=25), 4, "no_data_disk_gb"),
    ],
)
def test_the_rest_of_the_node_is_used_up_too(needs: Room, count: int, code: str) -> None:
    node = NODE._replace(room=Room(8, 16 * GIB, 100), held=Room(1, 0, 0))
    found = capacity_for(Demand(count=0), needs, node)
    assert (found.count, stopped(found)) == (count, code)


def test_without_any_limit_counting_ends_somewhere() -> None:
    assert capacity_for(Demand(count=0), Room(), NODE) == Capacity(MOST_COUNTED, None)


def test_nothing_fits_on_a_node_that_is_away() -> None:
    found = capacity_for(slices(8), Room(), NODE._replace(connected=False))
    assert (found.count, stopped(found)) == (0, "node_not_connected")
