"""What the database says of nodes and cards, as placing sees it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core.rows import bare_rows
from instances.accelerator import Demand
from instances.capacity import candidates
from instances.cards import Card
from instances.models import Gpu, GpuAllocation
from instances.placement import Room, place
from instances.services import preview
from nodes.models import STATUS_FRESH_FOR, ComputeNode
from pulls.models import ImageLayer, NodeLayer, PulledImage, PullJob
from tests.api import make

pytestmark = pytest.mark.django_db
SLICE = Demand(count=1, model="a10", memory_mib=8192, sliced=True)
REFERENCE = "registry.example.com/team/app:v1"


@pytest.fixture
def holder(user: Any) -> Any:
    """Holds parts of cards: `holder(gpu, mib, percent)`."""

    def hold(gpu: Gpu, memory_mib: int, percent: int, *, whole: bool = False, **sizes: int) -> None:
        instance = make.instance(by=user, node=gpu.node, **sizes)
        GpuAllocation.objects.create(
            instance=instance, gpu=gpu, memory_mib=memory_mib, compute_percent=percent, is_exclusive=whole
        )

    return hold


@pytest.fixture
def user(django_user_model: Any) -> Any:
    return django_user_model.objects.create_user("ulrich")


def cards_of(node: ComputeNode) -> list[Gpu]:
    return list(node.gpus.order_by("index"))


def judged(demand: Demand | None = None) -> dict[int, Any]:
    found = candidates(ComputeNode.objects.all(), reference=REFERENCE, now=timezone.now(), demand=demand)
    return {one.id: one for one in found}


def test_what_is_held_is_summed_up_for_each_card_and_node(holder: Any) -> None:
    node, other = make.gpu_node(3, cpu=8, memory=64, data_disk=100), make.gpu_node(1)
    first, second, third = cards_of(node)
    holder(first, 8192, 33, cpu_cores=2, memory_gb=4)
    holder(first, 4096, 16, memory_gb=1, data_disk_gb=10)
    holder(second, 24576, 100, whole=True)
    Gpu.objects.filter(pk=third.pk).update(is_cordoned=True)
    found = judged()
    assert sorted(found[node.pk].cards) == [
        Card(first.device_id, 0, "NVIDIA A10", 24576, True, 12288, 49, 2),
        Card(second.device_id, 1, "NVIDIA A10", 24576, True, 24576, 100, 1),
        Card(third.device_id, 2, "NVIDIA A10", 24576, False, 0, 0, 0),
    ]
    assert found[node.pk].room == Room(8, 64 * 1024, 100) and found[node.pk].held == Room(2, 5 * 1024, 10)
    assert found[other.pk].held == Room() and found[other.pk].cards[0].held_mib == 0


@pytest.mark.parametrize("flag", ["is_cordoned", "is_missing", "is_partitioned"])
def test_cards_out_of_service_are_told_as_such(flag: str) -> None:
    node = make.gpu_node(1)
    Gpu.objects.update(**{flag: True})
    assert [bool(card.usable) for card in judged()[node.pk].cards] == [False]


def test_nodes_are_connected_while_their_status_is_fresh() -> None:
    fresh, unseen = make.gpu_node(0), make.gpu_node(0, checked_at=None)
    old = make.gpu_node(0, checked_at=timezone.now() - STATUS_FRESH_FOR - timedelta(seconds=1))
    failed = make.gpu_node(0, status="failed")
    found = judged()
    assert [found[node.pk].connected for node in (fresh, unseen, old, failed)] == [True, False, False, False]


def test_an_image_is_present_where_its_last_pull_succeeded(user: Any) -> None:
    there, failed, other = (make.gpu_node(0) for _ in range(3))
    make.pull(by=user, on=there, reference=REFERENCE, state="succeeded")
    make.pull(by=user, on=failed, reference=REFERENCE, state="failed")
    make.pull(by=user, on=other, state="succeeded")
    found = judged()
    assert [found[node.pk].image_present for node in (there, failed, other)] == [True, False, False]


def test_of_several_pulls_the_last_one_that_ended_counts(user: Any) -> None:
    outcomes = {
        ("succeeded", "failed"): False,
        ("failed", "succeeded"): True,
        ("succeeded", "cancelled"): True,
        ("succeeded", "queued"): True,
        ("cancelled",): False,
    }
    nodes = {states: make.gpu_node(0) for states in outcomes}
    for states, node in nodes.items():
        for state in states:
            make.pull(by=user, on=node, reference=REFERENCE, state=state)
    make.pull(by=user, on=nodes["failed", "succeeded"], state="failed")  # of another image
    found = judged()
    assert {states: found[node.pk].image_present for states, node in nodes.items()} == outcomes


def test_a_demand_sees_only_its_cards_and_gets_the_same_answer(holder: Any) -> None:
    """Names match by whole words in any case, as placing has it."""
    mine, theirs, mixed = make.gpu_node(2), make.gpu_node(2, model="NVIDIA A100"), make.gpu_node(2)
    Gpu.objects.filter(node=mixed, index=0).update(model="NVIDIA H100")
    holder(cards_of(mine)[0], 20000, 50)
    everything, asked = judged(), judged(Demand(count=1, model="a10", memory_mib=8192, sliced=True))
    assert asked[theirs.pk].cards == (), "an A100 is no A10"
    assert [card.model for card in asked[mixed.pk].cards] == ["NVIDIA A10"]
    assert judged(Demand(count=1, model="T4"))[mine.pk].cards == ()
    assert judged(Demand(count=0))[mine.pk].cards == ()
    assert place(SLICE, Room(), asked.values()) == place(SLICE, Room(), everything.values())


def test_nodes_lack_what_no_pull_brought_there() -> None:
    """By the kind of machine; only where there is a choice, and nothing is known of other images."""
    bare, based, arm = make.gpu_node(1), make.gpu_node(1), make.gpu_node(1, platform="linux/arm64")
    ComputeNode.objects.exclude(pk=arm.pk).update(platform="linux/amd64")
    image = PulledImage.objects.create(reference=REFERENCE, platform="linux/amd64", size=1030)
    ImageLayer.objects.bulk_create(ImageLayer(image=image, layer=size, size=size) for size in (1000, 30))
    for node in (based, arm):
        NodeLayer.objects.create(node=node, layer=1000, added_at=timezone.now())
    found = judged(SLICE)
    assert [found[node.pk].bytes_to_move for node in (bare, based, arm)] == [1030, 30, None]
    assert [one.node for one in place(SLICE, Room(), found.values()).fits] == [based.pk, bare.pk, arm.pk]
    assert {one.bytes_to_move for one in judged().values()} == {None}
    PulledImage.objects.update(reference="registry.example.com/team/other:v1")
    assert {one.bytes_to_move for one in judged(SLICE).values()} == {None}


def test_rows_as_they_are() -> None:
    node = make.gpu_node(1)
    assert bare_rows(Gpu.objects.values_list("node", "memory_mib")) == [(node.pk, 24576)]
    assert bare_rows(Gpu.objects.filter(pk__in=[]).values_list("pk")) == []


def test_the_number_of_queries_does_not_grow_with_the_fleet(holder: Any, user: Any) -> None:
    """Neither with nodes and cards, nor with what is held of them."""
    image, spec = make.image(address=REFERENCE, supports_vgpu=True), make.slice_spec()

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            preview(user=user, image=image.pk, spec=spec.pk, name="train")
        return len(captured)

    def grow(nodes: int) -> None:
        for _ in range(nodes):
            for gpu in cards_of(make.gpu_node(4)):
                for _holder in range(2):
                    holder(gpu, 4096, 16, cpu_cores=1)
        PullJob.objects.all().delete()
        layers = [ImageLayer(image=pulled, layer=nodes + number, size=1) for number in range(nodes)]
        ImageLayer.objects.bulk_create(layers)
        for node in ComputeNode.objects.all():
            make.pull(by=user, on=node, reference=REFERENCE, state="succeeded")
            NodeLayer.objects.bulk_create(
                NodeLayer(node=node, layer=one.layer, added_at=timezone.now()) for one in layers
            )

    pulled = PulledImage.objects.create(reference=REFERENCE, platform="linux/amd64", size=100)
    grow(1)
    few = queries()
    grow(15)
    assert queries() == few <= 22


@pytest.mark.parametrize(("demand", "count"), [(SLICE, 7), (Demand(count=0), 5), (None, 5)])
def test_how_many_queries_a_choice_takes(
    demand: Demand | None, count: int, django_assert_num_queries: Any, user: Any
) -> None:
    for _ in range(3):
        make.pull(by=user, on=make.gpu_node(2), reference=REFERENCE, state="succeeded")
    with django_assert_num_queries(count):
        assert len(judged(demand)) == 3


def test_an_empty_choice_has_no_nodes() -> None:
    make.gpu_node(1)
    assert candidates(ComputeNode.objects.none(), reference=REFERENCE, now=timezone.now()) == []
