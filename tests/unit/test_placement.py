"""Where containers go: reasons against, the best of the rest, and cards that are never promised twice."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instances.accelerator import Demand, Refused, Share
from instances.accelerators.registry import CARDS
from instances.cards import Card, takes
from instances.placement import Candidate, Room, fit, place

GIB = 1024
A, B = Card("GPU-a", 0, "A10", 24576), Card("GPU-b", 1, "A10", 24576)
NODE = Candidate(1, "n1", (A, B))


def sliced(gb: int, count: int = 1, **more: object) -> Demand:
    return Demand(count=count, memory_mib=gb * GIB, sliced=True, **more)  # type: ignore[arg-type]


def hold(node: Candidate, demand: Demand) -> Candidate:
    """The node after the demand has been granted there."""
    grant = fit(demand, Room(), node).grant
    assert grant.share is not None
    share = grant.share
    cards = [
        card._replace(
            held_mib=card.held_mib + share.memory_mib,
            held_percent=card.held_percent + share.compute_percent,
            holders=card.holders + 1,
        )
        if card.id in grant.device_ids
        else card
        for card in node.cards
    ]
    return node._replace(cards=tuple(cards))


def refusal(demand: Demand, node: Candidate, needs: Room = Room()) -> Refused:  # noqa: B008
    with pytest.raises(Refused) as caught:
        fit(demand, needs, node)
    return caught.value


def test_three_slices_of_8_gb_and_no_fourth() -> None:  # P12
    node = Candidate(1, "n1", (A,))
    for _ in range(3):
        node = hold(node, sliced(8))
    refused = refusal(sliced(8), node)
    assert refused.code == "no_room_on_cards"
    assert refused.params == {"wanted": 8 * GIB, "free": 0, "count": 1, "there": 0}


def test_of_several_kinds_those_that_are_large_enough_are_told_of() -> None:
    node = Candidate(1, "n1", (A, Card("GPU-c", 1, "A10", 4096)))
    node = hold(node, sliced(20))
    refused = refusal(sliced(8), node)
    assert (refused.code, refused.params["there"], refused.params["free"]) == ("no_room_on_cards", 0, 4 * GIB)


def test_slices_share_a_card_before_another_is_broken_into() -> None:  # P13
    node = hold(NODE, sliced(12))
    assert fit(sliced(12), Room(), node).grant.device_ids == ("GPU-a",)
    node = hold(node, sliced(12))
    assert fit(sliced(12), Room(), node).grant.device_ids == ("GPU-b",)


def test_two_cards_are_two_different_ones() -> None:  # P14
    grant = fit(sliced(12, count=2), Room(), NODE).grant
    assert grant.device_ids == ("GPU-a", "GPU-b")
    assert grant.share == Share(12 * GIB, 50, False)
    assert grant.sliced


def test_a_whole_card_needs_one_that_nobody_has_a_part_of() -> None:
    node = hold(NODE, sliced(1))
    assert fit(Demand(count=1), Room(), node).grant.device_ids == ("GPU-b",)
    node = hold(node, Demand(count=1))
    assert refusal(Demand(count=1), node).code == "no_free_card"
    assert fit(sliced(8), Room(), node).grant.device_ids == ("GPU-a",)  # beside the first slice


def test_a_slice_as_large_as_the_card_is_the_card_and_has_its_limits_all_the_same() -> None:
    grant = fit(sliced(24), Room(), NODE).grant
    assert grant.share == Share(24576, 100, True)
    assert grant.sliced
    assert not fit(Demand(count=1), Room(), NODE).grant.sliced
    assert not fit(Demand(count=0, sliced=True), Room(), NODE).grant.sliced


def test_without_cards_any_connected_node_will_do() -> None:
    grant = fit(Demand(count=0), Room(), Candidate(1, "n1")).grant
    assert (grant.device_ids, grant.share) == ((), None)


@pytest.mark.parametrize(
    ("demand", "node", "code"),
    [
        (sliced(8), NODE._replace(connected=False), "node_not_connected"),
        (sliced(8), NODE._replace(cards=()), "no_such_card"),
        (sliced(8, model="H100"), NODE, "no_such_card"),
        (sliced(8, count=3), NODE, "too_few_cards"),
        (sliced(8), NODE._replace(cards=(A._replace(usable=False),)), "cards_out_of_service"),
        (sliced(48), NODE, "larger_than_card"),
        (sliced(8), NODE._replace(cards=(A._replace(memory_mib=0),)), "card_memory_unknown"),
    ],
)
def test_reasons_against_a_node(demand: Demand, node: Candidate, code: str) -> None:
    assert refusal(demand, node).code == code


@pytest.mark.parametrize(
    ("needs", "code"),
    [
        (Room(cpu_cores=5), "no_cpu_cores"),
        (Room(memory_mib=9 * GIB), "no_memory_mib"),
        (Room(data_disk_gb=11), "no_data_disk_gb"),
    ],
)
def test_what_is_held_counts_and_what_is_unknown_does_not_limit(needs: Room, code: str) -> None:
    node = NODE._replace(room=Room(8, 16 * GIB, 20), held=Room(4, 8 * GIB, 10))
    assert refusal(Demand(count=0), node, needs).code == code
    assert fit(Demand(count=0), needs, node._replace(room=Room())).node == 1
    assert fit(Demand(count=0), Room(4, 8 * GIB, 10), node).node == 1


@pytest.mark.parametrize(
    ("wanted", "name", "same"),
    [
        ("a100", "NVIDIA A100-SXM4-40GB", True),
        ("A10", "NVIDIA A10", True),
        ("A10", "NVIDIA A100-SXM4-40GB", False),
        ("A10", "NVIDIA A10G", False),
        ("L4", "NVIDIA L4", True),
        ("L4", "NVIDIA L40", False),
        ("L4", "NVIDIA L40S", False),
        ("RTX 4090", "NVIDIA GeForce RTX 4090", True),
        ("4090", "NVIDIA GeForce RTX 4090", True),
        ("A100-SXM4", "NVIDIA A100-SXM4-40GB", True),
        ("V1.", "NVIDIA V100", False),
        ("", "NVIDIA A10", True),
    ],
)
def test_models_are_found_by_whole_words_of_their_name(wanted: str, name: str, same: bool) -> None:
    node = NODE._replace(cards=(Card("GPU-x", 0, name, 40960),))
    if same:
        assert fit(sliced(8, model=wanted), Room(), node).grant.device_ids == ("GPU-x",)
    else:
        assert refusal(sliced(8, model=wanted), node).code == "no_such_card"


def test_a_container_gets_cards_of_one_kind() -> None:
    mixed = NODE._replace(cards=(A, Card("GPU-c", 1, "A10", 23028)))
    assert refusal(sliced(12, count=2), mixed).code == "cards_not_alike"


def test_the_tightest_node_then_the_image_and_last_what_failed_lately() -> None:
    full = hold(NODE._replace(id=5), sliced(12))
    empty_with_image = NODE._replace(id=2, image_present=True)
    empty = NODE._replace(id=3)
    broken = full._replace(id=1, image_present=True, faults=["library_missing"])
    dead = NODE._replace(id=6, connected=False)
    answer = place(sliced(12), Room(), [broken, empty, dead, empty_with_image, full])
    assert [found.node for found in answer.fits] == [5, 2, 3, 1]
    assert [(no.node, no.code) for no in answer.rejections] == [(6, "node_not_connected")]


def test_of_nodes_that_are_equal_the_one_that_lacks_least_of_the_image() -> None:
    unknown, far, near, there = (
        NODE._replace(id=number, **way)
        for number, way in enumerate(
            [{"bytes_to_move": None}, {"bytes_to_move": 900}, {"bytes_to_move": 30}, {"image_present": True}]
        )
    )
    tight = hold(NODE._replace(id=4, bytes_to_move=10**12), sliced(12))
    answer = place(sliced(12), Room(), [unknown, far, near, there, tight])
    assert [found.node for found in answer.fits] == [tight.id, there.id, near.id, far.id, unknown.id]


@given(st.lists(st.tuples(st.booleans(), st.none() | st.integers(0, 3)), min_size=1, max_size=8), st.randoms())
def test_the_bytes_to_move_decide_after_the_image(ways: list[tuple], order: random.Random) -> None:
    """Whatever order the nodes come in. Where the image is, nothing moves, whatever is said of its layers."""
    nodes = [
        NODE._replace(id=number, image_present=present, bytes_to_move=size)
        for number, (present, size) in enumerate(ways)
    ]
    mixed = order.sample(nodes, len(nodes))
    found = [nodes[one.node] for one in place(sliced(8), Room(), mixed).fits]
    sizes = [-1 if node.image_present else 4 if node.bytes_to_move is None else node.bytes_to_move for node in found]
    assert sizes == sorted(sizes) and len(found) == len(nodes)
    for one, next_one in pairwise(zip(sizes, found, strict=True)):
        assert one[0] < next_one[0] or one[1].id < next_one[1].id, "equally far: the older node"


@pytest.mark.parametrize(
    ("fault", "sliced_slice", "whole_card", "no_card"),
    [
        ("library_missing", True, False, False),
        ("no_device_support", True, True, False),
        ("unknown_device", True, True, False),
    ],
)
def test_a_fault_matters_to_those_who_would_meet_it(
    fault: str, sliced_slice: bool, whole_card: bool, no_card: bool
) -> None:
    node = NODE._replace(faults=[fault])
    found = [bool(fit(demand, Room(), node).fault) for demand in (sliced(8), Demand(count=1), Demand(count=0))]
    assert found == [sliced_slice, whole_card, no_card]


def test_cards_that_are_not_known_are_not_said_to_be_none() -> None:
    unknown = Candidate(1, "n1", cards_unknown="gpus_unknown")
    assert refusal(sliced(8), unknown).code == "gpus_unknown"
    assert refusal(sliced(8), unknown._replace(cards_unknown="no_probe_image")).code == "no_probe_image"
    assert fit(Demand(count=0), Room(), unknown).node == 1
    assert fit(sliced(8), Room(), NODE._replace(cards_unknown="gpus_unknown")).node == 1, "seen before the last look"


def told(demand: Demand, *cards: Card) -> tuple[str, dict[str, object]]:
    found = refusal(demand, Candidate(1, "n1", cards))
    return found.code, found.params


def test_what_stands_in_the_way_of_a_slice_is_told_in_true_numbers() -> None:
    """Memory, the number of slices or computing power, whichever it is; P12."""
    power = A._replace(holders=1, held_mib=8 * GIB, held_percent=60)
    asks = sliced(8, compute_percent=60)
    assert told(asks, power) == ("no_power_on_cards", {"wanted": 60, "free": 40, "count": 1, "there": 0})
    many = A._replace(holders=CARDS.MOST_PER_CARD, held_mib=5 * GIB, held_percent=20)
    assert told(sliced(1), many) == ("cards_full_of_slices", {"count": 1, "there": 0, "most": CARDS.MOST_PER_CARD})
    full = B._replace(holders=1, held_mib=20 * GIB, held_percent=80)
    memory = {"wanted": 8 * GIB, "free": 24 * GIB, "count": 2, "there": 1}
    assert told(sliced(8, count=2), A, full) == ("no_room_on_cards", memory)


def test_cards_are_counted_within_one_kind() -> None:
    taken = {"holders": 1, "held_percent": 100}
    small = Card("GPU-c", 2, "A10", 23028), Card("GPU-d", 3, "A10", 23028, held_mib=23028, **taken)
    cards = (A, B._replace(held_mib=24576, **taken), *small)
    assert told(Demand(count=2), *cards) == ("no_free_card", {"wanted": 2, "free": 1})
    large = Card("GPU-l", 0, "A100-80GB", 81920, held_mib=80 * GIB, **taken)
    other = Card("GPU-m", 1, "A100-40GB", 40960, held_mib=36 * GIB, held_percent=90, holders=1)
    assert told(sliced(8), large, other)[1]["free"] == 4 * GIB


def test_the_tightest_card_counts_whatever_its_kind() -> None:
    """§4.4: what would be left of the card, not the name of its model."""
    empty = Card("GPU-a", 0, "A100-PCIE-40GB", 40960)
    nearly_full = Card("GPU-b", 1, "A100-SXM4-80GB", 81920, held_mib=72 * GIB, held_percent=90, holders=2)
    node = Candidate(1, "n1", (empty, nearly_full))
    assert fit(sliced(8), Room(), node).grant.device_ids == ("GPU-b",)
    assert fit(sliced(16), Room(), node).grant.device_ids == ("GPU-a",)
    assert fit(
        Demand(count=1, model="A100"),
        Room(),
        node._replace(cards=(nearly_full._replace(index=0, held_mib=0, held_percent=0, holders=0), empty)),
    ).grant.device_ids == ("GPU-a",), "the smaller one"


demands = st.builds(
    lambda gb, count, is_sliced: Demand(count=count, memory_mib=gb * GIB, sliced=is_sliced),
    st.integers(1, 30), st.integers(1, 2), st.booleans(),
)  # fmt: skip


@given(st.lists(demands, max_size=30))
def test_no_card_is_ever_promised_twice(asked: list[Demand]) -> None:
    node, whole = NODE, set[str]()
    for demand in asked:
        try:
            grant = fit(demand, Room(), node).grant
        except Refused:
            continue
        node = hold(node, demand)
        whole |= set(grant.device_ids) if grant.share and grant.share.exclusive else set()
        for card in node.cards:
            assert card.held_mib <= card.memory_mib + CARDS.SLACK
            assert card.held_percent <= 100
            assert card.holders <= CARDS.MOST_PER_CARD
            assert card.holders == 1 or card.id not in whole


def test_at_most_ten_share_a_card() -> None:
    crowded = A._replace(holders=CARDS.MOST_PER_CARD, held_mib=CARDS.MOST_PER_CARD * 512, held_percent=20)
    assert not takes(crowded, Share(512, 2, False))
    assert takes(crowded._replace(holders=CARDS.MOST_PER_CARD - 1), Share(512, 2, False))


def test_computing_power_is_shared_out_once() -> None:
    held = A._replace(holders=2, held_mib=2048, held_percent=70)
    assert not takes(held, Share(1024, 31, False))
    assert takes(held, Share(1024, 30, False))
    assert not takes(A._replace(holders=1, held_percent=100), Share(512, 1, False)), "a whole card is nobody else's"
