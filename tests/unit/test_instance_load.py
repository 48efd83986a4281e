"""The load of containers: measured on the engine, kept for lists, shown while it means something."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.utils import timezone

from instances.accelerators.nvidia_hami.usage import usage_file
from instances.load import FRESH_FOR, Load, known_load, measure
from instances.measuring import WITHIN, measure_instances
from instances.models import Instance, Observed
from nodes.engine import ContainerStats, EngineRejected
from nodes.models import ComputeNode, NodeStatus
from pulls.tools import Tools
from tests.support.fake_engine import FakeEngine
from tests.support.one_instance import AWAY, gpu_node, instance_of, only, run
from tests.support.region_file import region_file

pytestmark = pytest.mark.django_db(transaction=True)
MIB, GIB = 1024**2, 1024**3
NOTHING = {"load_cpu": None, "load_memory": None, "load_gpu_memory": None}


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    cache.clear()
    yield


@pytest.fixture
def running(instance: Instance, tools: Tools, engine: FakeEngine) -> Instance:
    run(instance, tools)
    assert instance.observed == Observed.RUNNING
    engine.containers.usage = ContainerStats(50.0, 8, 1 * GIB, 64 * GIB, 1, 2, 3, 4, 5)  # of 2 cores and 4 GB
    return instance


def use(engine: FakeEngine, instance: Instance, content: bytes) -> None:
    """A program in the container has written this region."""
    only(engine).files[usage_file(str(instance.uid))] = content


def measured(instance: Instance, engine: FakeEngine) -> Load:
    cache.clear()
    with engine.connect() as connection:
        load = measure(instance, connection)
    assert load is not None
    return load


def stored(instance: Instance) -> dict[str, Any]:
    row = Instance.objects.get(pk=instance.pk)
    return {name: getattr(row, name) for name in NOTHING}


def test_percents_are_of_what_it_may_use(running: Instance, engine: FakeEngine) -> None:
    use(engine, running, region_file(("GPU-1", 8 * GIB), processes=[(7, {0: 6 * GIB}), (8, {0: 1 * GIB})]))
    load = measured(running, engine)
    assert (load.cpu_percent, load.memory_percent, load.gpu_memory_percent) == (25.0, 25.0, 87.5)
    assert (load.gpu_memory_bytes, load.gpu_memory_limit_bytes) == (7 * GIB, 8 * GIB)


def test_before_the_first_program_nothing_of_the_slice_is_in_use(running: Instance, engine: FakeEngine) -> None:
    load = measured(running, engine)
    assert (load.gpu_memory_bytes, load.gpu_memory_limit_bytes, load.gpu_memory_percent) == (0, 8 * GIB, 0.0)


@pytest.mark.parametrize("content", [b"", b"nonsense", region_file(("GPU-1", 1), magic=3)])
def test_a_file_that_nobody_understands_says_nothing(running: Instance, engine: FakeEngine, content: bytes) -> None:
    use(engine, running, content)
    load = measured(running, engine)
    assert (load.gpu_memory_bytes, load.gpu_memory_limit_bytes, load.gpu_memory_percent) == (None, 8 * GIB, None)
    assert load.cpu_percent == 25.0


def test_a_refused_look_at_the_slices_costs_their_figure_alone(running: Instance, engine: FakeEngine) -> None:
    engine.containers.refuse("file", EngineRejected(500, "no"))
    load = measured(running, engine)
    assert (load.gpu_memory_bytes, load.cpu_percent) == (None, 25.0)


def test_whole_cards_have_no_figure(ulrich: Any, node: ComputeNode, running: Instance, engine: FakeEngine) -> None:
    Instance.objects.filter(pk=running.pk).update(is_sliced=False)
    running.refresh_from_db()
    engine.containers.refuse("file", AWAY)  # nobody asks
    load = measured(running, engine)
    assert (load.gpu_memory_bytes, load.gpu_memory_limit_bytes, load.gpu_memory_percent) == (None, None, None)


def test_slices_are_looked_at_seldom(running: Instance, engine: FakeEngine) -> None:
    use(engine, running, region_file(("GPU-1", 8 * GIB), processes=[(7, {0: 5 * MIB})]))
    with engine.connect() as connection:
        first = measure(running, connection)
        engine.containers.refuse("file", AWAY)  # a second look would break
        second = measure(running, connection)
    assert first is not None and first == second


def test_what_does_not_run_has_no_load(running: Instance, engine: FakeEngine, tools: Tools) -> None:
    measure_instances(tools=tools)
    assert stored(running)["load_cpu"] == 25.0
    use(engine, running, region_file(("GPU-1", 8 * GIB), processes=[(7, {0: 5 * GIB})]))
    engine.containers.end(only(engine), 0)
    with engine.connect() as connection:
        assert measure(running, connection) is None
    measure_instances(tools=tools)
    assert stored(running) == NOTHING


def test_a_round_keeps_the_figures_and_tells_no_watcher(running: Instance, engine: FakeEngine, tools: Tools) -> None:
    before = Instance.objects.get(pk=running.pk)
    assert measure_instances(tools=tools) == 1
    after = Instance.objects.get(pk=running.pk)
    assert known_load(after, now=timezone.now()) == {
        "load_cpu": 25.0, "load_memory": 25.0, "load_gpu_memory": 0.0,
    }  # fmt: skip
    assert (after.version, after.updated_at) == (before.version, before.updated_at)


def test_old_figures_and_those_of_what_ended_are_unknown(running: Instance, tools: Tools) -> None:
    measure_instances(tools=tools)
    row = Instance.objects.get(pk=running.pk)
    now = row.load_at
    assert now is not None and known_load(row, now=now + FRESH_FOR) != NOTHING
    assert known_load(row, now=now + FRESH_FOR + timedelta(seconds=1)) == NOTHING
    row.observed = Observed.EXITED
    assert known_load(row, now=now) == NOTHING
    assert known_load(Instance(observed=Observed.RUNNING), now=now) == NOTHING


def test_only_running_containers_of_connected_nodes_are_asked(running: Instance, tools: Tools) -> None:
    Instance.objects.update(observed=Observed.EXITED)
    assert measure_instances(tools=tools) == 0
    Instance.objects.update(observed=Observed.RUNNING)
    ComputeNode.objects.update(status=NodeStatus.FAILED)
    assert measure_instances(tools=tools) == 0
    ComputeNode.objects.update(status=NodeStatus.CONNECTED)
    assert measure_instances(tools=tools) == 1


def test_a_node_that_is_away_costs_one_attempt_and_nobody_else(
    running: Instance, ulrich: Any, tools: Tools, engine: FakeEngine
) -> None:
    other = gpu_node(docker_address="tcp://127.0.0.1:2")
    for number in range(40):
        moved = instance_of(ulrich, other, name=f"n{number}", gpu_count=0, supports_memory_split=False, cpu_cores=0,
                            memory_gb=0, data_disk_gb=0, gpu_memory_gb=0, gpu_model="")  # fmt: skip
        Instance.objects.filter(pk=moved.pk).update(observed=Observed.RUNNING, container_id=f"c{number}")
    asked: list[str] = []

    @contextmanager
    def connect(endpoint: Any) -> Iterator[Any]:
        asked.append(endpoint.address)
        with tools.connect(endpoint) as connection:
            yield connection

    assert measure_instances(tools=replace(tools, connect=connect)) == 1
    assert stored(running)["load_cpu"] == 25.0
    assert asked.count("tcp://127.0.0.1:2") <= 16, "each thread once at most"


def test_who_had_no_turn_is_the_first_next_time(
    running: Instance, ulrich: Any, node: ComputeNode, tools: Tools, engine: FakeEngine
) -> None:
    second = instance_of(ulrich, node, name="second", gpu_memory_gb=1)
    run(second, tools)
    now = timezone.now()
    Instance.objects.filter(pk=running.pk).update(load_at=now)
    Instance.objects.filter(pk=second.pk).update(load_at=now - timedelta(minutes=5))
    order: list[str] = []
    allow = engine.containers.allow

    def noting(operation: str) -> None:
        order.append(operation)
        allow(operation)

    engine.containers.allow = noting  # type: ignore[method-assign]
    moments = iter([0.0, 0.0, *[WITHIN + 1] * 5])  # the round begins, one has its turn, time is up
    assert measure_instances(tools=replace(tools, monotonic=lambda: next(moments))) == 1
    assert order.count("stats") == 1


def test_the_trouble_of_one_is_not_the_others(
    running: Instance, ulrich: Any, node: ComputeNode, tools: Tools, engine: FakeEngine
) -> None:
    run(instance_of(ulrich, node, name="second", gpu_memory_gb=1), tools)
    engine.containers.refuse("stats", EngineRejected(500, "no"))
    assert measure_instances(tools=tools) == 1
