"""Containers with our label and no row: found, counted like what has one, and freed when they are gone."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from instances.accelerator import Grant, Refused, Share
from instances.capacity import candidates, demand_of, needs_of
from instances.claims import Claim, claim_of
from instances.doctor import DOUBTFUL, examined
from instances.inventory import gpus_of
from instances.models import Gpu, GpuAllocation, Instance, Operation, Orphan
from instances.orphans import note_orphans, remove_with_volumes
from instances.placement import Room, fit
from instances.spec import LABEL, Wanted, labels_of
from instances.sweep import sweep_instances
from nodes.models import ComputeNode
from pulls.tools import Tools
from tests.api import make
from tests.support.fake_engine import FakeEngine
from tests.support.one_instance import AWAY, WHOLE_CARD, instance_of, is_clean, only, prepare, run

# --- what labels say --------------------------------------------------------------------------------------------------

sizes = st.integers(0, 10**8)
shares = st.builds(Share, st.integers(1, 10**6), st.integers(1, 100), st.booleans())
grants = st.one_of(
    st.just(Grant((), None)),
    st.builds(
        Grant, st.lists(st.sampled_from(["GPU-a", "GPU-b", "GPU-c"]), min_size=1, unique=True).map(tuple), shares
    ),
)


@given(grant=grants, cores=sizes, memory=sizes, disk=sizes)
def test_labels_tell_all_that_is_held(grant: Grant, cores: int, memory: int, disk: int) -> None:
    wanted = Wanted("u1", "train", "ulrich", "nginx:1", grant, cores, memory, data_disk_gb=disk)
    found = claim_of(labels_of(wanted))
    assert found == Claim("u1", "train", "ulrich", grant.device_ids, grant.share, cores, memory, disk)


@pytest.mark.parametrize(
    ("name", "text"),
    [("memory-mib", ""), ("memory-mib", "-1"), ("memory-mib", "9" * 30), ("compute-percent", "0"),
     ("compute-percent", "101"), ("compute-percent", "٣")],
)  # fmt: skip
def test_devices_without_a_readable_share_are_held_whole(name: str, text: str) -> None:
    labels = labels_of(Wanted("u1", "a", "b", "c", Grant(("GPU-a",), Share(8192, 33, False))))
    found = claim_of({**labels, f"imagelib.{name}": text, "imagelib.owner": "a\0b" + "x" * 999})
    assert (found.devices, found.share, found.owner) == (("GPU-a",), None, "ab" + "x" * 148)


def test_no_labels_claim_nothing() -> None:
    assert claim_of({LABEL: "1", "imagelib.devices": ",,", "imagelib.cpu-cores": "many"}) == Claim("1", "", "")


# --- found and counted ------------------------------------------------------------------------------------------------

db = pytest.mark.django_db(transaction=True)


@pytest.fixture
def orphaned(instance: Instance, tools: Tools) -> Instance:
    """Its container runs; the database was restored from a backup that is older."""
    run(instance, tools)
    Operation.objects.all().delete()
    Instance.objects.filter(pk=instance.pk).delete()
    assert not GpuAllocation.objects.exists()
    return instance


def held(node: ComputeNode) -> tuple[Room, list[tuple[int, int, int]]]:
    [found] = candidates(ComputeNode.objects.filter(pk=node.pk), reference="", now=timezone.now())
    cards = sorted(found.cards, key=lambda card: card.index)
    return found.held, [(card.held_mib, card.held_percent, card.holders) for card in cards]


ITS_OWN = (Room(2, 4 * 1024, 10), [(8192, 33, 1), (0, 0, 0)])
NOTHING = (Room(), [(0, 0, 0), (0, 0, 0)])


@db
def test_what_it_holds_is_held_until_it_is_gone(orphaned, node, engine, tools) -> None:
    assert held(node) == NOTHING
    for _ in range(2):  # nothing is counted twice
        assert sweep_instances(tools=tools) == 1
        assert held(node) == ITS_OWN
    [row] = Orphan.objects.all()
    container = only(engine)
    assert (row.container_id, row.uid, row.name, row.owner) == (
        container.info.id, str(orphaned.uid), "train", "ulrich",
    )  # fmt: skip
    engine.containers.remove(container)
    sweep_instances(tools=tools)
    assert held(node) == NOTHING and not Orphan.objects.exists()


@db
def test_nothing_is_promised_twice(orphaned, node, tools, ulrich) -> None:
    """Two cards of 24 GB: of two whole ones one is left, and beside the slice there is room for two more."""
    sweep_instances(tools=tools)
    whole = instance_of(ulrich, node, name="whole", **WHOLE_CARD)
    assert [one.gpu.index for one in whole.allocations.all()] == [1]
    spec = make.slice_spec(gpu_memory_gb=17)
    [candidate] = candidates(ComputeNode.objects.filter(pk=node.pk), reference="", now=timezone.now())
    with pytest.raises(Refused) as refusal:
        fit(demand_of(spec, sliced=True), needs_of(spec), candidate)
    assert (refusal.value.code, refusal.value.params["free"]) == ("no_room_on_cards", 24576 - 8192)


@db
def test_a_whole_card_may_be_promised_already_when_its_holder_is_found(ulrich, node, engine, tools) -> None:
    prepare(engine)
    first = instance_of(ulrich, node, **WHOLE_CARD)
    run(first, tools)
    Operation.objects.all().delete()
    Instance.objects.all().delete()
    second = instance_of(ulrich, node, name="second", **WHOLE_CARD)
    assert second.allocations.get().gpu.index == 0
    sweep_instances(tools=tools)
    assert held(node)[1] == [(2 * 24576, 200, 2), (0, 0, 0)]


@db
def test_a_row_that_comes_back_takes_over(orphaned, node, tools) -> None:
    sweep_instances(tools=tools)
    make.instance(by=orphaned.user, node=make.node(), uid=orphaned.uid)  # of whatever node: two entries, one engine
    sweep_instances(tools=tools)
    assert not Orphan.objects.exists() and held(node) == NOTHING


@db
def test_what_was_removed_since_it_was_listed_is_no_orphan(orphaned, node, engine, tools) -> None:
    """The row of an instance goes after its container."""
    with tools.connect(node.endpoint()) as connection:
        seen = connection.list_containers(labels={LABEL: ""})
        engine.containers.remove(only(engine))
        note_orphans(node, connection, seen, now=timezone.now())
    assert not Orphan.objects.exists()


@db
def test_what_a_machine_before_had_is_not_written(orphaned, node, tools) -> None:
    ComputeNode.objects.filter(pk=node.pk).update(connection_version=node.connection_version + 1)
    with tools.connect(node.endpoint()) as connection:
        note_orphans(node, connection, connection.list_containers(labels={LABEL: ""}), now=timezone.now())
    assert not Orphan.objects.exists()


@db
def test_cards_that_are_discovered_later_count_then(orphaned, node, tools) -> None:
    cards = list(Gpu.objects.values())
    Gpu.objects.all().delete()
    sweep_instances(tools=tools)
    assert Orphan.objects.count() == 1 and not GpuAllocation.objects.exists()
    Gpu.objects.bulk_create(Gpu(**card) for card in cards)
    sweep_instances(tools=tools)
    assert held(node) == ITS_OWN


@db
def test_one_card_of_two_that_is_discovered_later_counts_then(orphaned, node, engine, tools) -> None:
    container = only(engine)
    both = f"GPU-{node.pk}-0,GPU-{node.pk}-1"
    engine.containers.change(container, labels={**container.info.labels, "imagelib.devices": both})
    [card] = Gpu.objects.filter(index=1).values()
    Gpu.objects.filter(index=1).delete()
    sweep_instances(tools=tools)
    assert held(node)[1] == [(8192, 33, 1)]
    Gpu.objects.create(**card)
    sweep_instances(tools=tools)
    assert held(node)[1] == [(8192, 33, 1)] * 2


@db
def test_labels_of_somebody_else_do_no_harm(orphaned, node, engine, tools) -> None:
    odd = {LABEL: "no uid", "imagelib.devices": f"GPU-{node.pk}-1,elsewhere", "imagelib.name": "a\0b"}
    engine.containers.change(only(engine), labels=odd)
    sweep_instances(tools=tools)
    assert held(node) == (Room(), [(0, 0, 0), (24576, 100, 1)]), "unreadable: all of the card"
    assert Orphan.objects.get().name == "ab"


@db
def test_a_node_with_orphans_may_be_deleted(orphaned, node, tools) -> None:
    sweep_instances(tools=tools)
    node.delete()
    assert not Orphan.objects.exists() and not GpuAllocation.objects.exists()


# --- shown and removed ------------------------------------------------------------------------------------------------


@db
def test_operators_see_it_and_the_doctor_tells(orphaned, node, engine, ulrich, django_user_model: Any) -> None:
    with engine.connect() as connection:
        checks = {check.code: check for check in examined(connection, node, now=timezone.now())}
    name = only(engine).info.name
    assert checks["orphans"].level == DOUBTFUL and name in checks["orphans"].text
    operator = django_user_model.objects.create_user("otto", is_staff=True)
    shown = gpus_of(user=operator, node=node.pk)
    [orphan] = shown["orphans"]
    assert (orphan["name"], orphan["user"], orphan["container_name"]) == ("train", "ulrich", name)
    assert orphan["gpus"] == [{"device_id": f"GPU-{node.pk}-0", "memory_mib": 8192}]
    [holder] = shown["gpus"][0]["holders"]
    assert holder == {"instance": None, "orphan": orphan["id"], "name": name, "memory_mib": 8192}
    for_user = gpus_of(user=ulrich, node=node.pk)
    assert (for_user["orphans"], for_user["gpus"][0]["holders"], for_user["gpus"][0]["held_mib"]) == ([], [], 8192)


@db
def test_removed_it_leaves_nothing(orphaned, node, engine: FakeEngine, tools) -> None:
    sweep_instances(tools=tools)
    row = Orphan.objects.get()
    with tools.connect(node.endpoint()) as connection:
        connection.create_volume("somebody's", labels={LABEL: "another"})
        engine.containers.refuse("remove", AWAY)
        with pytest.raises(type(AWAY)):
            remove_with_volumes(connection, row)
        assert held(node) == ITS_OWN, "as long as it may be there"
        remove_with_volumes(connection, row)
        assert list(engine.containers.volumes) == ["somebody's"]
        connection.remove_volume("somebody's")
    assert is_clean(engine) and held(node) == NOTHING
