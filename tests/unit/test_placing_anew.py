"""A node on which nothing runs attracts creations no more: they go on to the next, later ones to others first."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone, translation

from core.jobs import JobState
from imagelib.references import open_registry
from instances.accelerators.nvidia_hami import DISCOVERY
from instances.discovery import discover
from instances.faults import FRESH_FOR
from instances.models import GpuAllocation, Instance, NodeFault, Observed, ProductSpec
from instances.preflight import examine
from instances.services import create_instance
from instances.snapshot import snapshot, with_operations
from nodes.engine import EngineRejected
from nodes.models import ComputeNode
from pulls.tools import Tools
from tests.api import make
from tests.support.fake_engine import FakeEngine, FakeFleet
from tests.support.fake_programs import Program
from tests.support.fake_registry import FakeRegistry
from tests.support.one_instance import (
    DRIVER,
    LIBRARY_FILE,
    MUSL_FILES,
    UNKNOWN_DEVICE,
    WHOLE_CARD,
    gpu_node,
    is_clean,
    made,
    newest,
    prepare,
    run,
)
from tests.support.one_pull import IMAGE, REFERENCE

CARD = "0, GPU-x, A10, 24576, 4, 550.107.02, Disabled\n"
pytestmark = pytest.mark.django_db(transaction=True)
SLICE = {"gpu_model": "A10", "gpu_count": 1, "gpu_memory_gb": 8, "supports_memory_split": True, "system_disk_gb": 5}


class Fleet:
    """Nodes with an engine each, the first one the first choice."""

    def __init__(self, count: int = 2) -> None:
        self.nodes = [gpu_node(name=f"n{number}", docker_address=f"tcp://10.0.0.{number}:1") for number in range(count)]
        self.engines = [FakeEngine(FakeRegistry()) for _ in self.nodes]
        for engine in self.engines:
            prepare(engine)
        fleet = FakeFleet({node.docker_address: engine for node, engine in zip(self.nodes, self.engines, strict=True)})
        self.tools = Tools(
            now=timezone.now, monotonic=time.monotonic, sleep=time.sleep, jitter=lambda: 0.0,
            connect=fleet.connect, registry=open_registry, interrupted=lambda: False,
        )  # fmt: skip

    def break_library(self, number: int) -> None:
        self.engines[number].containers.host_files[LIBRARY_FILE] = b""

    def break_toolkit(self, number: int) -> None:
        self.engines[number].containers.device_drivers.discard(DRIVER)


@pytest.fixture
def fleet(db: None) -> Fleet:
    return Fleet()


@pytest.fixture
def ask(ulrich: Any) -> Any:
    entry = make.image(address=REFERENCE, supports_vgpu=True)

    def ask(name: str = "a", node: ComputeNode | None = None, **spec: Any) -> Instance:
        plan, _new = ProductSpec.objects.get_or_create(name=f"spec {spec}", defaults={**SLICE, "cpu_cores": 2, **spec})
        return create_instance(
            user=ulrich, image=entry.pk, spec=plan.pk, name=name, node=node.pk if node else None
        )  # fmt: skip

    return ask


def seen(instance: Instance) -> dict[str, Any]:
    row = with_operations(Instance.objects.filter(pk=instance.pk)).get()
    with translation.override("en"):
        return snapshot(row, now=timezone.now())


def where(instance: Instance) -> str:
    instance.refresh_from_db()
    return instance.node.name


def faults() -> set[tuple[str, str]]:
    return set(NodeFault.objects.values_list("node__name", "code"))


@pytest.mark.parametrize("what", ["library", "directory", "toolkit", "device"])
def test_a_creation_goes_on_to_the_next_node(fleet: Fleet, ask: Any, what: str) -> None:
    first, second = fleet.engines
    if what == "library":
        fleet.break_library(0)
    elif what == "directory":
        ComputeNode.objects.filter(pk=fleet.nodes[0].pk).update(hami_core="/nowhere/build")
    elif what == "toolkit":
        fleet.break_toolkit(0)
    else:
        first.containers.refuse("start", EngineRejected(500, UNKNOWN_DEVICE))
    ComputeNode.objects.filter(pk=fleet.nodes[1].pk).update(limits_system_disk=True)
    instance = ask()
    assert where(instance) == "n0"
    assert "system_disk_not_limited" in instance.notes
    operation = run(instance, fleet.tools)
    assert (operation.state, where(instance)) == (JobState.QUEUED, "n1")
    held = GpuAllocation.objects.get()
    assert (held.instance_id, held.gpu.node_id) == (instance.pk, fleet.nodes[1].pk), "one place, and not two"
    assert is_clean(first)
    run(instance, fleet.tools)
    assert (newest(instance).pk, newest(instance).state) == (operation.pk, JobState.SUCCEEDED)
    assert instance.observed == Observed.RUNNING
    [container] = made(second)
    assert container.device_requests[0].device_ids == (held.gpu.device_id,)
    assert container.system_disk_bytes == 5 * 2**30, "as the node that has it can"
    [note] = [one["text"] for one in seen(instance)["notes"] if one["code"] == "placed_anew"]
    assert note.startswith("n0 was chosen first, but could not run it, so it was placed anew. ")
    assert "system_disk_not_limited" not in instance.notes


def test_a_node_that_was_asked_for_is_kept(fleet: Fleet, ask: Any) -> None:
    fleet.break_library(0)
    instance = ask(node=fleet.nodes[0])
    operation = run(instance, fleet.tools)
    assert (operation.state, operation.error_code, where(instance)) == (JobState.FAILED, "library_empty", "n0")
    assert not GpuAllocation.objects.exists()
    assert faults() == {("n0", "library_empty")}


def test_later_creations_go_elsewhere_at_once_as_long_as_they_would_meet_it(fleet: Fleet, ask: Any) -> None:
    fleet.break_library(0)
    run(ask("a"), fleet.tools)
    assert where(ask("b")) == "n1"
    assert where(ask("c", **WHOLE_CARD)) == "n0", "the slicing library is nothing to it"
    NodeFault.objects.update(seen_at=timezone.now() - FRESH_FOR - timedelta(seconds=1))
    assert where(ask("d", gpu_memory_gb=24)) == "n0", "somebody has to try again"


def test_where_all_are_broken_the_first_reason_stands(fleet: Fleet, ask: Any) -> None:
    fleet.break_library(0)
    fleet.break_toolkit(1)
    instance = ask()
    run(instance, fleet.tools)
    operation = run(instance, fleet.tools)
    assert (operation.state, operation.error_code) == (JobState.FAILED, "no_device_support")
    assert faults() == {("n0", "library_empty"), ("n1", "no_device_support")}
    assert not GpuAllocation.objects.exists() and instance.cpu_cores == 0
    again = ask("again")
    assert run(again, fleet.tools).state == JobState.FAILED, "known to be broken, both: nobody walks round in circles"


def test_it_is_tried_on_some_nodes_and_not_on_a_whole_fleet(db: None, ask: Any) -> None:
    fleet = Fleet(6)
    for number in range(6):
        fleet.break_library(number)
    instance = ask()
    while run(instance, fleet.tools).state == JobState.QUEUED:
        pass
    assert newest(instance).state == JobState.FAILED
    assert len(faults()) == 4 and len(instance.refused_by) == 3


def test_of_a_spec_that_was_edited_meanwhile_nothing_is_guessed(fleet: Fleet, ask: Any) -> None:
    fleet.break_library(0)
    instance = ask()
    instance.spec.gpu_memory_gb = 16
    instance.spec.save()
    assert run(instance, fleet.tools).error_code == "library_empty"


def test_an_image_that_does_not_fit_is_no_fault_of_a_node(fleet: Fleet, ask: Any) -> None:
    for engine in fleet.engines:
        engine.add_image(replace(IMAGE, files=MUSL_FILES))
    instance = ask()
    assert (run(instance, fleet.tools).error_code, where(instance)) == ("image_musl", "n0")
    assert not faults()


def test_a_node_that_is_found_well_again_is_chosen_again(fleet: Fleet, ask: Any) -> None:
    fleet.break_library(0)
    run(ask("a"), fleet.tools)
    fleet.break_toolkit(0)
    run(ask("b", node=fleet.nodes[0], **WHOLE_CARD), fleet.tools)
    assert faults() == {("n0", "library_empty"), ("n0", "no_device_support")}
    prepare(fleet.engines[0])
    with fleet.engines[0].connect() as engine:
        image = engine.inspect_image(REFERENCE)
        assert image is not None
        examine(engine, fleet.nodes[0], image, reference=REFERENCE, now=timezone.now())
        assert faults() == {("n0", "no_device_support")}
        fleet.engines[0].containers.programs[DISCOVERY] = Program.saying(CARD)
        discover(engine, fleet.nodes[0], now=timezone.now())
    assert not faults()


def test_other_settings_are_another_chance(fleet: Fleet, ask: Any) -> None:
    fleet.break_library(0)
    run(ask("a"), fleet.tools)
    ComputeNode.objects.filter(pk=fleet.nodes[0].pk).update(hami_core="/opt/hami/build")
    Instance.objects.all().delete()
    assert where(ask("b")) == "n0"


def test_a_worker_that_was_given_up_moves_nothing(fleet: Fleet, ask: Any) -> None:
    """Another one has taken the operation over while this one looked at the library."""
    fleet.break_library(0)
    instance = ask()
    allow = fleet.engines[0].containers.allow

    def taken_over(what: str) -> None:
        allow(what)
        fleet.engines[0].containers.allow = allow
        assert newest(instance).give_up_worker(now=timezone.now())

    fleet.engines[0].containers.allow = taken_over
    run(instance, fleet.tools)
    assert (where(instance), instance.refused_by) == ("n0", [])
    assert GpuAllocation.objects.get().gpu.node_id == fleet.nodes[0].pk
