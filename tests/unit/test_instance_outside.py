"""Cards that somebody else uses: measured at discovery, told with numbers, and not promised."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone, translation

from instances.accelerator import Demand, Refused
from instances.accelerators.nvidia_hami import DISCOVERY, devices_in
from instances.cards import Card
from instances.discovery import UNEXPLAINED_AT_MOST, Inventory, discover, store_inventory
from instances.doctor import DOUBTFUL, examined
from instances.inventory import gpus_of
from instances.models import Gpu, Instance, Operation
from instances.placement import Candidate, Room, fit, place, would_take
from instances.services import preview
from nodes.models import ComputeNode
from tests.api import make
from tests.support.fake_engine import FakeEngine
from tests.support.fake_programs import Program
from tests.support.one_instance import instance_of, prepare, run
from tests.support.one_pull import REFERENCE

SIZE = 24576
WHOLE = Demand(count=1)
USED, FREE = Card("GPU-a", 0, "A10", SIZE, outside_mib=8000), Card("GPU-b", 1, "A10", SIZE)


def slice_of(mib: int, count: int = 1) -> Demand:
    return Demand(count=count, memory_mib=mib, sliced=True)


# --- placing ----------------------------------------------------------------------------------------------------------


def test_whole_cards_are_free_ones() -> None:
    assert fit(WHOLE, Room(), Candidate(1, "n1", (USED, FREE))).grant.device_ids == ("GPU-b",)
    with pytest.raises(Refused) as refusal:
        fit(WHOLE, Room(), Candidate(1, "n1", (USED,)))
    assert (refusal.value.code, refusal.value.params) == ("cards_used_outside", {"wanted": 1, "outside": 8000})
    assert not would_take(USED, WHOLE) and would_take(FREE, WHOLE)


def test_slices_go_elsewhere_first_and_fit_in_what_is_left() -> None:
    """Otherwise the card with the least memory left comes first."""
    fuller = USED._replace(held_mib=4096, held_percent=16, holders=1)
    assert fit(slice_of(8192), Room(), Candidate(1, "n1", (fuller, FREE))).grant.device_ids == ("GPU-b",)
    alone = Candidate(1, "n1", (USED,))
    assert fit(slice_of(SIZE - 8000), Room(), alone).grant.device_ids == ("GPU-a",)
    with pytest.raises(Refused) as refusal:
        fit(slice_of(SIZE - 8000 + 65), Room(), alone)  # 64 MiB are the slack
    assert refusal.value.code == "cards_used_outside"


def test_other_reasons_come_as_before() -> None:
    """What would not fit either if nobody else used the card."""
    held = USED._replace(held_mib=20000, held_percent=80, holders=1)
    with pytest.raises(Refused) as refusal:
        fit(slice_of(8192), Room(), Candidate(1, "n1", (held,)))
    assert (refusal.value.code, refusal.value.params["free"]) == ("no_room_on_cards", 0)


def test_nodes_without_other_programs_are_better() -> None:
    tight = USED._replace(held_mib=8192, held_percent=33, holders=1)
    answer = place(slice_of(8192), Room(), [Candidate(1, "n1", (tight,)), Candidate(2, "n2", (FREE,))])
    assert [found.node for found in answer.fits] == [2, 1]


# --- measuring --------------------------------------------------------------------------------------------------------

db = pytest.mark.django_db


def line(node: ComputeNode, index: int, used: int | str) -> str:
    return f"{index}, GPU-{node.pk}-{index}, A10, {SIZE}, {used}, 550.107.02, Disabled\n"


def outside(node: ComputeNode) -> list[tuple[int | None, int]]:
    return list(Gpu.objects.filter(node=node).order_by("index").values_list("used_mib", "outside_mib"))


def look(node: ComputeNode, engine: FakeEngine, *used: int | str) -> None:
    lines = "".join(line(node, index, mib) for index, mib in enumerate(used))
    engine.containers.programs[DISCOVERY] = Program.saying(lines)
    with engine.connect() as connection:
        assert discover(connection, node, now=timezone.now()) is not None


@db
def test_what_instances_hold_explains_what_is_used(instance: Instance, node: ComputeNode, engine: FakeEngine) -> None:
    """A slice of 8 GB is on the first card."""
    limit = 8192 + UNEXPLAINED_AT_MOST
    look(node, engine, limit, UNEXPLAINED_AT_MOST)
    assert outside(node) == [(limit, 0), (UNEXPLAINED_AT_MOST, 0)]
    look(node, engine, limit + 1, UNEXPLAINED_AT_MOST + 1)
    assert outside(node) == [(limit + 1, UNEXPLAINED_AT_MOST + 1), (UNEXPLAINED_AT_MOST + 1,) * 2]
    look(node, engine, "[N/A]", 0)
    assert outside(node) == [(None, 0), (0, 0)]


@db
def test_containers_without_a_row_explain_it_too(instance, node, engine, tools) -> None:
    run(instance, tools)
    Operation.objects.all().delete()
    Instance.objects.all().delete()
    look(node, engine, 8192, 0)
    assert outside(node) == [(8192, 0), (0, 0)]


@db
def test_what_ended_while_it_was_looked_at_explains_it(node: ComputeNode) -> None:
    found = Inventory(tuple(devices_in(line(node, 0, 9000) + line(node, 1, 9000))))
    store_inventory(node, found, held={f"GPU-{node.pk}-0": 8192}, now=timezone.now())
    assert outside(node) == [(9000, 0), (9000, 9000)]


# --- telling ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def used(node: ComputeNode, engine: FakeEngine) -> ComputeNode:
    """Both cards are."""
    prepare(engine)
    look(node, engine, 9000, 10000)
    return node


@db
def test_the_preview_warns_with_numbers_and_their_age(used: ComputeNode, ulrich: Any) -> None:
    image, spec = make.image(address=REFERENCE, supports_vgpu=True), make.slice_spec()
    shown = preview(user=ulrich, image=image.pk, spec=spec.pk, name="a", node=used.pk)
    assert shown["gpus"] == [f"GPU-{used.pk}-0"], "the one that is used less"
    warnings = {one["code"]: one["text"] for one in shown["warnings"]}
    seen = Gpu.objects.get(node=used, index=0).seen_at
    for part in ("9000", str(SIZE), f"{seen:%Y-%m-%d %H:%M} UTC"):
        assert part in warnings["card_used_outside"]
    Gpu.objects.update(outside_mib=0)
    warnings = preview(user=ulrich, image=image.pk, spec=spec.pk, name="a", node=used.pk)["warnings"]
    assert "card_used_outside" not in [one["code"] for one in warnings]


@db
def test_the_refusal_of_a_whole_card_says_why_in_both_languages(used: ComputeNode, ulrich: Any) -> None:
    for language, word in (("en", "did not start"), ("zh-hans", "并非由本系统启动")):
        with translation.override(language), pytest.raises(Exception, match=word) as refused:
            instance_of(ulrich, used, name=f"whole-{language}", gpu_memory_gb=24, supports_memory_split=False)
        assert "10000" in str(refused.value)


@db
def test_the_doctor_and_the_inventory_tell(used: ComputeNode, engine: FakeEngine, ulrich: Any) -> None:
    with engine.connect() as connection, translation.override("en"):
        checks = {check.code: check for check in examined(connection, used, now=timezone.now())}
        text = checks["devices_used_outside"].text
    assert checks["devices_used_outside"].level == DOUBTFUL and "9000 / 24576" in text and "10000 / 24576" in text
    card = gpus_of(user=ulrich, node=used.pk)["gpus"][0]
    assert (card["used_mib"], card["outside_mib"]) == (9000, 9000) and card["seen_at"] is not None
