"""Asking for instances: who may, what is reserved, reasons when nothing can be had, one operation at a time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from core.errors import Conflict, DomainError, InvalidInput, NotFound
from core.jobs import JobState
from instances.models import Gpu, GpuAllocation, Instance, Observed, Operation, ProductSpec
from instances.services import create_instance, delete_instances, operate, preview, visible_instances
from instances.spec import Options, option_faults
from nodes.models import ComputeNode, NodeStatus
from tests.api import make

GIB = 1024


def gpu_node(cards: int = 2, *, memory_mib: int = 24576, **values: Any) -> ComputeNode:
    """A connected node with cards."""
    node = make.node(**{"status": NodeStatus.CONNECTED, "checked_at": timezone.now(), **values})
    for index in range(cards):
        Gpu.objects.create(
            node=node, device_id=f"GPU-{node.pk}-{index}", index=index, model="NVIDIA A10", memory_mib=memory_mib,
            seen_at=timezone.now(),
        )  # fmt: skip
    return node


def spec(**values: Any) -> ProductSpec:
    number = ProductSpec.objects.count()
    usual = {"name": f"slice {number}", "gpu_model": "A10", "gpu_count": 1, "gpu_memory_gb": 8}
    return ProductSpec.objects.create(**{**usual, "supports_memory_split": True, **values})


@pytest.fixture
def image(db: None) -> Any:
    return make.image(address="registry.example.com/team/app:v1", supports_vgpu=True)


@pytest.fixture
def ask(ulrich: Any, image: Any) -> Callable[..., Instance]:
    """Ask as an ordinary user."""

    def ask(plan: ProductSpec, name: str = "train", **more: Any) -> Instance:
        return create_instance(**{"user": ulrich, "image": image.pk, "spec": plan.pk, "name": name, **more})

    return ask


pytestmark = pytest.mark.django_db


def held(instance: Instance) -> list[tuple[str, int, int, bool]]:
    rows = instance.allocations.order_by("gpu__index")
    return [(one.gpu.device_id, one.memory_mib, one.compute_percent, one.is_exclusive) for one in rows]


def test_a_slice_is_reserved_and_the_work_is_queued(ask) -> None:
    node = gpu_node()
    instance = ask(spec())
    assert (instance.node, instance.observed, instance.is_sliced) == (node, Observed.CREATING, True)
    assert held(instance) == [(f"GPU-{node.pk}-0", 8 * GIB, 33, False)]
    [operation] = instance.operations.all()
    assert (operation.kind, operation.state) == ("create", JobState.QUEUED)
    assert instance.plan["environment"]["CUDA_DEVICE_MEMORY_LIMIT"] == "8g"
    assert instance.plan["labels"]["imagelib.instance"] == str(instance.uid)
    assert instance.reference == "registry.example.com/team/app:v1"


def test_the_preview_is_what_creation_records(ask, ulrich, image) -> None:
    gpu_node()
    plan = spec(data_disk_gb=10, system_disk_gb=20)
    options = Options(environment={"EPOCHS": "3"}, ports=(8888,))
    shown = preview(user=ulrich, image=image.pk, spec=plan.pk, name="train", options=options)
    assert not Instance.objects.exists()
    made = ask(plan, options=options).plan
    for key in ("mounts", "tmpfs", "device_requests", "limits", "ports", "image_reference"):
        assert shown[key] == made[key], key
    assert shown["environment"].keys() == made["environment"].keys()
    codes = [warning["code"] for warning in shown["warnings"]]
    assert codes == ["system_disk_not_limited", "data_disk_not_limited", "size_unknown", "image_environment_unknown"]


def test_what_runs_is_not_touched_by_later_edits(ask) -> None:
    gpu_node()
    plan = spec(cpu_cores=4)
    instance = ask(plan)
    ProductSpec.objects.filter(pk=plan.pk).update(cpu_cores=64, gpu_memory_gb=1)
    instance.refresh_from_db()
    assert (instance.cpu_cores, held(instance)[0][1]) == (4, 8 * GIB)


def test_full_nodes_say_how_full_they_are(ask) -> None:  # P12
    gpu_node(1, name="n1")
    plan = spec()
    for number in range(3):
        ask(plan, f"t{number}")
    with pytest.raises(DomainError) as refused:
        ask(plan, "t3")
    assert refused.value.code == "no_room"
    assert refused.value.extra["nodes"][0]["code"] == "no_room_on_cards"
    assert "n1" in str(refused.value) and "8192" in str(refused.value)
    assert Instance.objects.count() == 3


def test_what_is_unlisted_or_unknown_cannot_be_used(ask, image) -> None:
    node, plan = gpu_node(), spec()
    hidden_spec, hidden_node = spec(is_listed=False), gpu_node(is_listed=False)
    for wrong in ({"image": 10**9}, {"spec": hidden_spec.pk}, {"node": hidden_node.pk}, {"node": 10**9}):
        with pytest.raises(NotFound):
            ask(plan, **wrong)
    image.is_listed = False
    image.save()
    with pytest.raises(NotFound):
        ask(plan, node=node.pk)
    assert not Instance.objects.exists() and not GpuAllocation.objects.exists()


@pytest.mark.parametrize("name", ["", " ", "a b", "ü", "a/b", "x" * 51, "a\n"])
def test_names_are_plain(ask, name: str) -> None:
    gpu_node()
    with pytest.raises(InvalidInput) as refused:
        ask(spec(), name)
    assert "name" in refused.value.fields


def test_an_image_without_slices_is_refused_for_a_sliced_spec(ask, image) -> None:  # P7
    gpu_node()
    image.supports_vgpu = False
    image.save()
    with pytest.raises(DomainError) as refused:
        ask(spec())
    assert refused.value.code == "image_without_slices"


def test_reserved_variables_are_refused(ask) -> None:
    gpu_node()
    with pytest.raises(DomainError) as refused:
        ask(spec(), options=Options(environment={"CUDA_VISIBLE_DEVICES": "0"}))
    assert refused.value.code == "reserved_variable" and "CUDA_VISIBLE_DEVICES" in str(refused.value)


def test_stale_and_failed_nodes_are_not_offered(ask) -> None:
    gpu_node(status=NodeStatus.FAILED)
    old = gpu_node()
    ComputeNode.objects.filter(pk=old.pk).update(checked_at=timezone.now() - timedelta(minutes=5))
    with pytest.raises(DomainError) as refused:
        ask(spec())
    assert {one["code"] for one in refused.value.extra["nodes"]} == {"node_not_connected"}


def test_cordoned_and_missing_cards_get_nothing_new(ask) -> None:
    node = gpu_node(2)
    Gpu.objects.filter(node=node, index=0).update(is_cordoned=True)
    assert held(ask(spec()))[0][0] == f"GPU-{node.pk}-1"
    Gpu.objects.filter(node=node).update(is_missing=True)
    with pytest.raises(DomainError):
        ask(spec(), "another")


def test_one_operation_at_a_time(ask, ulrich) -> None:
    gpu_node()
    instance = ask(spec())
    with pytest.raises(Conflict) as refused:
        operate(user=ulrich, instance=instance.pk, kind="start")
    assert refused.value.code == "no_container"
    Operation.objects.update(state=JobState.SUCCEEDED)
    Instance.objects.update(container_id="c1", observed=Observed.RUNNING)
    operate(user=ulrich, instance=instance.pk, kind="stop")
    with pytest.raises(Conflict) as refused:
        operate(user=ulrich, instance=instance.pk, kind="start")
    assert refused.value.code == "operation_active"


def test_a_creation_that_waits_is_given_up_by_deleting(ask, ulrich) -> None:
    gpu_node()
    instance = ask(spec())
    assert delete_instances(user=ulrich, ids=[instance.pk]) == 1
    states = list(Operation.objects.order_by("pk").values_list("kind", "state"))
    assert states == [("create", JobState.CANCELLED), ("remove", JobState.QUEUED)]
    instance.refresh_from_db()
    assert instance.observed == Observed.REMOVING
    assert held(instance)  # until nothing is on the engine


def test_deleting_many_is_all_or_none(ask, ulrich, olga) -> None:
    gpu_node()
    mine = ask(spec(), "mine")
    with pytest.raises(NotFound):
        delete_instances(user=ulrich, ids=[mine.pk, 10**9])
    assert Operation.objects.filter(kind="remove").count() == 0


def test_users_see_their_own_and_operators_all(ask, ulrich, olga, django_user_model) -> None:
    gpu_node()
    instance = ask(spec())
    otto = django_user_model.objects.create_user("otto")
    assert list(visible_instances(ulrich)) == list(visible_instances(olga)) == [instance]
    assert not visible_instances(otto).exists()
    for action in (
        lambda: operate(user=otto, instance=instance.pk, kind="remove"),
        lambda: delete_instances(user=otto, ids=[instance.pk]),
    ):
        with pytest.raises(NotFound):
            action()


def test_names_are_unique_for_each_user(ask, olga, image) -> None:
    gpu_node()
    plan = spec()
    ask(plan, "one")
    with pytest.raises(Conflict) as refused:
        ask(plan, "one")
    assert refused.value.code == "duplicate"
    create_instance(user=olga, image=image.pk, spec=plan.pk, name="one")


def test_a_name_that_is_taken_while_we_look_for_a_place_is_named_all_the_same(ask) -> None:
    gpu_node()
    plan = spec()
    asked: list[str] = []

    def meanwhile(run_it: Any, sql: str, *rest: Any) -> Any:
        if not asked and 'FROM "instances_gpu"' in sql:
            asked.append(sql)
            ask(plan, "one")
        return run_it(sql, *rest)

    with connection.execute_wrapper(meanwhile), pytest.raises(Conflict) as refused:
        ask(plan, "one")
    assert asked and refused.value.code == "duplicate"


def test_image_spec_and_node_in_use_are_not_deleted(ask, olga, image) -> None:
    from imagelib.services import delete_images
    from instances.services import delete_specs
    from nodes.services import delete_nodes

    node, plan = gpu_node(), spec()
    instance = ask(plan, "precious")
    for delete, pk in ((delete_images, image.pk), (delete_specs, plan.pk), (delete_nodes, node.pk)):
        with pytest.raises(DomainError) as refused:
            delete(user=olga, ids=[pk])
        assert refused.value.code == "in_use" and "precious" in str(refused.value)
    assert Instance.objects.filter(pk=instance.pk).exists()


def test_options_that_no_surface_should_let_through() -> None:
    wrong = Options(command=("sh", "a\0b"), environment={"A": "\0"}, ports=(80, 80), restart_policy="sometimes")
    assert set(option_faults(wrong)) == {"command", "environment", "ports", "restart_policy"}
    assert option_faults(Options(command=("sh",), environment={"A": "1"}, ports=(80,), restart_policy="always")) == {}
