"""Workers that die at every single step (as by `kill -9`), and nodes with things on them that are not ours."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from core.jobs import JobState
from instances.models import GpuAllocation, Instance, Observed, Operation
from instances.services import operate
from instances.spec import LABEL, container_name, volume_name
from instances.sweep import sweep_instances
from instances.work import run_operation
from nodes.engine import ContainerSpec, EngineRejected
from nodes.models import ComputeNode
from pulls.models import PullJob
from pulls.tools import Tools
from pulls.work import run_pull
from tests.support.fake_containers import FakeContainer
from tests.support.fake_engine import FakeEngine
from tests.support.one_instance import (
    ALL_OF_IT,
    NOTHING,
    WHOLE_CARD,
    holds,
    instance_of,
    is_clean,
    newest,
    only,
    prepare,
    run,
)
from tests.support.one_pull import REFERENCE

pytestmark = pytest.mark.django_db(transaction=True)


class Killed(BaseException):
    """Nothing that a worker's code could handle: it is simply gone."""


def die_at(engine: FakeEngine, step: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Before the engine's call number `step` the worker dies. Gives the calls as they come."""
    calls: list[str] = []
    allow = engine.containers.allow

    def watched(operation: str) -> None:
        if len(calls) == step:
            raise Killed(operation)
        calls.append(operation)
        allow(operation)

    monkeypatch.setattr(engine.containers, "allow", watched)
    return calls


def ours(engine: FakeEngine) -> list[FakeContainer]:
    """Containers of instances. A look at the slicing library that was cut short leaves one that goes when it is old."""
    return [container for container in engine.containers.all.values() if LABEL in container.info.labels]


def taken_over(operation: Operation, tools: Tools) -> None:
    """The reaper gives a silent worker up, and another one takes the operation."""
    operation.refresh_from_db()
    assert operation.state == JobState.RUNNING and operation.give_up_worker(now=tools.now())
    run_operation(operation.pk, tools=tools)
    operation.refresh_from_db()


def deaths(engine: FakeEngine, tools: Tools, begin: Callable[[], Instance]) -> Any:
    """For each step: `begin` anew, die there, be taken over. Yields the instance and what the dead one had called."""
    for step in count():
        instance = begin()
        operation = newest(instance)
        with pytest.MonkeyPatch.context() as monkeypatch:
            calls = die_at(engine, step, monkeypatch)
            try:
                run_operation(operation.pk, tools=tools)
            except Killed:
                pass
            else:
                return
        taken_over(operation, tools)
        yield instance, operation, calls


def test_a_creation_whose_worker_dies_at_any_step_is_finished_by_the_next(
    ulrich: Any, node: ComputeNode, engine: FakeEngine, tools: Tools
) -> None:
    prepare(engine)
    numbers = count()
    steps = []
    for instance, operation, calls in deaths(
        engine, tools, lambda: instance_of(ulrich, node, name=f"t{next(numbers)}")
    ):
        instance.refresh_from_db()
        assert (operation.state, instance.observed, instance.problem_code) == ("succeeded", "running", ""), calls
        assert [one.info.id for one in ours(engine)] == [instance.container_id] and holds(instance) == ALL_OF_IT
        assert list(engine.containers.volumes) == [volume_name(str(instance.uid))]
        _remove(instance, tools)
        assert not ours(engine) and not engine.containers.volumes and not GpuAllocation.objects.exists()
        steps.append(calls[-1:])
    done = {step for [step] in steps[1:]}
    assert {"volume", "create", "start", "inspect"} <= done, "it died after each of these"


def test_a_removal_whose_worker_dies_at_any_step_is_finished_by_the_next(
    ulrich: Any, node: ComputeNode, engine: FakeEngine, tools: Tools
) -> None:
    prepare(engine)
    numbers = count()

    def begin() -> Instance:
        for earlier in Instance.objects.all():  # the last one, which nobody killed
            _remove(earlier, tools)
        instance = instance_of(ulrich, node, name=f"t{next(numbers)}")
        run(instance, tools)
        operate(user=ulrich, instance=instance.pk, kind="remove")
        return instance

    steps = 0
    for _instance, operation, calls in deaths(engine, tools, begin):
        assert operation.state == JobState.SUCCEEDED, calls
        assert is_clean(engine) and not Instance.objects.exists() and not GpuAllocation.objects.exists()
        steps += 1
    assert steps >= 3, "before and after the container went, and the volume"


def test_a_worker_that_dies_while_the_image_is_on_its_way(
    ulrich: Any, node: ComputeNode, engine: FakeEngine, tools: Tools
) -> None:
    """Between two looks nobody holds the operation; within a look the next worker joins the same pull."""
    prepare(engine, image=False)
    instance = instance_of(ulrich, node)
    operation = newest(instance)
    run(instance, tools)
    Operation.claim(operation.pk, now=tools.now())  # and dies
    taken_over(operation, tools)
    [pull] = PullJob.objects.all()
    assert (operation.state, operation.pull_id) == (JobState.QUEUED, pull.pk)
    run_pull(pull.pk, tools=tools)
    assert run(instance, tools).state == JobState.SUCCEEDED and only(engine).running


@pytest.mark.parametrize("call", ["volume", "create"])
def test_a_worker_that_was_given_up_too_early_leaves_his_successors_container_alone(
    ulrich: Any, node: ComputeNode, engine: FakeEngine, tools: Tools, call: str
) -> None:
    """He was only slow: his container's name is taken when he comes to make it."""
    prepare(engine)
    instance = instance_of(ulrich, node, **WHOLE_CARD)
    operation = newest(instance)
    engine.containers.meanwhile(call, lambda: taken_over(operation, tools))
    run_operation(operation.pk, tools=tools)
    operation.refresh_from_db()
    instance.refresh_from_db()
    assert (operation.state, operation.attempt) == (JobState.SUCCEEDED, 2)
    assert (instance.observed, instance.problem_code) == (Observed.RUNNING, "")
    assert only(engine).running and list(engine.containers.volumes) == [volume_name(str(instance.uid))]
    assert holds(instance) == ALL_OF_IT


@pytest.mark.parametrize(("call", "trouble"), [("inspect", ""), ("create", "--storage-opt is supported only for …")])
def test_a_worker_that_was_given_up_writes_nothing_into_the_row(
    ulrich: Any, node: ComputeNode, engine: FakeEngine, tools: Tools, call: str, trouble: str
) -> None:
    prepare(engine)
    node.limits_system_disk = True
    node.save()
    instance = instance_of(ulrich, node, system_disk_gb=20, **WHOLE_CARD)
    operation = newest(instance)

    def successor() -> None:
        taken_over(operation, tools)
        Instance.objects.update(plan={"of": "the successor"}, notes=["his"])
        if trouble:
            engine.containers.refuse(call, EngineRejected(500, trouble))

    engine.containers.meanwhile(call, successor)
    run_operation(operation.pk, tools=tools)
    instance.refresh_from_db()
    assert (instance.plan, instance.notes, instance.observed) == ({"of": "the successor"}, ["his"], Observed.RUNNING)
    assert only(engine).running


def test_a_reservation_whose_message_was_lost_is_worked_on_when_it_is_rung_for_again(
    instance: Instance, engine: FakeEngine, tools: Tools
) -> None:
    """The web process died after the commit and before the bell: the reaper rings, see tests of it."""
    Operation.objects.update(rung_at=None)
    assert Operation.unheard(now=tools.now(), limit=5) == [newest(instance).pk]
    assert run(instance, tools).state == JobState.SUCCEEDED and holds(instance) == ALL_OF_IT


def test_a_foreign_container_of_the_same_name_stays(instance: Instance, engine: FakeEngine, tools: Tools) -> None:
    name = container_name(str(instance.uid), instance.name)
    with engine.connect() as connection:
        foreign = connection.create_container(ContainerSpec(name, REFERENCE))
        connection.start_container(foreign)
    operation = run(instance, tools)
    assert (operation.state, instance.problem_code) == (JobState.FAILED, "container_name_taken")
    assert (instance.observed, instance.container_id, holds(instance)) == (Observed.FAILED, "", NOTHING)
    sweep_instances(tools=tools)
    assert only(engine).info.id == foreign and only(engine).running
    assert not engine.containers.volumes


def _remove(instance: Instance, tools: Tools) -> None:
    operate(user=instance.user, instance=instance.pk, kind="remove")
    assert run(instance, tools).state == JobState.SUCCEEDED
