"""The sweep: rows follow the engines, whoever changed what there."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from core.jobs import JobState
from instances.examining import LIFE, probe_labels
from instances.models import ImageReport, Instance, LibraryReport, Observed, Operation
from instances.observing import observe
from instances.services import operate
from instances.spec import LABEL, Options
from instances.sweep import sweep_instances
from nodes.engine import ContainerSpec, EngineEndpoint, EngineError, EngineRejected
from nodes.models import ComputeNode, NodeStatus
from pulls.tools import Tools
from tests.support.fake_engine import FakeFleet
from tests.support.one_instance import (
    ALL_OF_IT,
    AWAY,
    GLIBC_FILES,
    gpu_node,
    holds,
    instance_of,
    newest,
    only,
    prepare,
    run,
)
from tests.support.one_pull import IMAGE, REFERENCE, REPOSITORY, in_background, wait_for

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def running(instance: Instance, tools: Tools) -> Instance:
    run(instance, tools)
    assert instance.observed == Observed.RUNNING
    return instance


def swept(instance: Instance, tools: Tools) -> Instance:
    assert sweep_instances(tools=tools) == 1
    instance.refresh_from_db()
    return instance


def test_an_end_shows_with_its_exit_code(running, engine, tools) -> None:
    engine.containers.end(only(engine), 3)
    seen = swept(running, tools)
    assert (seen.observed, seen.exit_code, seen.oom_killed) == (Observed.EXITED, 3, False)
    engine.containers.start(only(engine))
    seen = swept(running, tools)
    assert (seen.observed, seen.exit_code) == (Observed.RUNNING, None)


def test_an_end_for_want_of_memory_shows(running, engine, tools) -> None:
    engine.containers.end(only(engine), 137, oom_killed=True)
    seen = swept(running, tools)
    assert (seen.observed, seen.exit_code, seen.oom_killed) == (Observed.EXITED, 137, True)


@pytest.mark.parametrize("state", ["paused", "restarting", "dead"])
def test_other_states_show(running, engine, tools, state: str) -> None:
    engine.containers.change(only(engine), state=state)
    assert swept(running, tools).observed == state


def test_a_state_that_nobody_knows_counts_as_dead(running, engine, tools) -> None:
    engine.containers.change(only(engine), state="stopping")
    assert swept(running, tools).observed == Observed.DEAD


def test_restarts_by_the_engine_are_counted_while_it_runs(ulrich, node, engine, tools) -> None:
    prepare(engine)
    instance = instance_of(ulrich, node, options=Options(restart_policy="always"))
    run(instance, tools)
    engine.containers.change(only(engine), restart_count=4)
    seen = swept(instance, tools)
    assert (seen.observed, seen.restarts) == (Observed.RUNNING, 4)


def test_what_was_removed_behind_our_back_is_gone_and_keeps_its_place(running, engine, tools) -> None:
    engine.containers.remove(only(engine))
    seen = swept(running, tools)
    assert (seen.observed, seen.problem_code, holds(seen)) == (Observed.GONE, "container_gone", ALL_OF_IT)
    operate(user=running.user, instance=running.pk, kind="remove")
    assert run(running, tools).state == JobState.SUCCEEDED
    assert not Instance.objects.exists() and not engine.containers.volumes


def test_a_container_that_is_there_after_all_is_not_gone(running, engine, tools) -> None:
    there = dict(engine.containers.all)
    engine.containers.all.clear()
    assert swept(running, tools).problem_code == "container_gone"
    engine.containers.all.update(there)
    seen = swept(running, tools)
    assert (seen.observed, seen.problem_code, seen.problem) == (Observed.RUNNING, "", {})


def test_a_node_that_answers_again_is_not_lost(running, engine, tools) -> None:
    operate(user=running.user, instance=running.pk, kind="stop")
    engine.failure = AWAY
    assert run(running, tools, times=5).state == JobState.FAILED and running.problem_code == "node_lost"
    engine.failure = None
    seen = swept(running, tools)
    assert (seen.observed, seen.problem_code, seen.problem) == (Observed.RUNNING, "", {})


def test_other_problems_outlast_a_look(running, tools) -> None:
    Instance.objects.update(problem_code="slice_not_effective", problem={"params": {"seen": 24576, "planned": 8192}})
    assert swept(running, tools).problem_code == "slice_not_effective"


@pytest.mark.parametrize("kind", ["start", "stop", "restart"])
def test_an_operation_that_lost_all_its_workers_is_told(running, engine, tools, kind: str) -> None:
    operate(user=running.user, instance=running.pk, kind=kind)
    operation = newest(running)
    for _ in range(operation.max_attempts):
        assert Operation.claim(operation.pk, now=tools.now()).give_up_worker(now=tools.now())
    for _ in range(2):
        seen = swept(running, tools)
        assert (seen.observed, seen.problem_code) == (Observed.RUNNING, "operation_lost")
    operate(user=running.user, instance=running.pk, kind="restart")
    run(running, tools)
    assert swept(running, tools).problem_code == ""


def test_what_an_operation_works_on_is_left_alone(running, engine, tools) -> None:
    operate(user=running.user, instance=running.pk, kind="remove")
    engine.containers.remove(only(engine))
    assert swept(running, tools).observed == Observed.REMOVING
    assert newest(running).state == JobState.QUEUED


def test_a_row_that_is_newer_than_what_was_seen_stays(running, tools) -> None:
    observe(running, None, now=timezone.now() - timedelta(minutes=1))
    running.refresh_from_db()
    assert running.observed == Observed.RUNNING


def test_an_operation_that_began_meanwhile_has_the_last_word(running, tools) -> None:
    operate(user=running.user, instance=running.pk, kind="stop")
    observe(running, None, now=timezone.now())
    running.refresh_from_db()
    assert running.observed == Observed.RUNNING


def test_a_removal_by_somebody_else_is_not_taken_for_ours(running, engine, tools) -> None:
    """While an engine removes a container it says "removing": the row is nobody's to delete."""
    engine.containers.change(only(engine), state="removing")
    for _ in range(2):
        assert swept(running, tools).observed == Observed.REMOVING
    engine.containers.remove(only(engine))
    assert swept(running, tools).observed == Observed.GONE


def test_foreign_containers_are_never_touched(running, engine, tools) -> None:
    with engine.connect() as connection:
        ids = [
            connection.create_container(ContainerSpec("theirs", REFERENCE)),
            connection.create_container(ContainerSpec("another", REFERENCE, labels={LABEL: "of another installation"})),
        ]
        for container in ids:
            connection.start_container(container)
    Instance.objects.update(observed=Observed.FAILED)
    swept(running, tools)
    assert set(engine.containers.all) == set(ids), "ours went, theirs run"
    assert all(container.running for container in engine.containers.all.values())


def test_the_trouble_of_one_is_not_the_others(running, engine, tools, ulrich, node) -> None:
    other = instance_of(ulrich, node, name="other")
    run(other, tools)
    for container in list(engine.containers.all.values()):
        engine.containers.end(container, 5)
    engine.containers.refuse("inspect", EngineRejected(500, "container is dead to us"))
    sweep_instances(tools=tools)
    states = sorted(Instance.objects.values_list("observed", flat=True))
    assert states == [Observed.EXITED, Observed.RUNNING]
    sweep_instances(tools=tools)
    assert set(Instance.objects.values_list("observed", flat=True)) == {Observed.EXITED}


def test_what_the_database_refuses_of_one_is_not_the_others(running, engine, tools, ulrich, node) -> None:
    other = instance_of(ulrich, node, name="other")
    run(other, tools)
    other.refresh_from_db()
    Instance.objects.filter(pk=other.pk).update(container_id="")
    Instance.objects.filter(pk=running.pk).update(container_id=other.container_id)  # two cannot have the same
    for container in list(engine.containers.all.values()):
        engine.containers.end(container, 5)
    assert sweep_instances(tools=tools) == 1
    assert Instance.objects.filter(observed=Observed.EXITED).count() == 1
    assert sweep_instances(tools=tools) == 1
    assert set(Instance.objects.values_list("observed", flat=True)) == {Observed.EXITED}


def test_a_container_that_was_renamed_may_have_a_long_name(running, engine, tools) -> None:
    engine.containers.change(only(engine), name="n" * 200)
    assert swept(running, tools).container_name == "n" * 80


def test_a_digest_may_be_of_the_longer_kind(ulrich, node, engine, tools) -> None:
    prepare(engine, image=False)
    longer, image = f"sha512:{'5' * 128}", replace(IMAGE, files=GLIBC_FILES)
    for name in (REFERENCE, f"{REPOSITORY}@{longer}"):
        engine.name_image(name, image)
    run(instance := instance_of(ulrich, node), tools)
    assert instance.digest == ImageReport.objects.get().digest == longer
    for model in (Instance, ImageReport):
        model._meta.get_field("digest").run_validators(longer)  # not every database says so itself


def test_a_node_that_does_not_answer_changes_nothing(running, engine, tools) -> None:
    engine.failure = AWAY
    assert sweep_instances(tools=tools) == 0
    running.refresh_from_db()
    assert running.observed == Observed.RUNNING


def test_nodes_that_are_not_connected_are_not_asked(running, engine, tools) -> None:
    ComputeNode.objects.update(status=NodeStatus.FAILED)
    engine.containers.end(only(engine), 3)
    assert sweep_instances(tools=tools) == 0
    running.refresh_from_db()
    assert running.observed == Observed.RUNNING


def test_a_slow_node_and_a_dead_one_delay_nobody(running, engine, tools, ulrich) -> None:
    """`n1` answers while one node hangs and another refuses."""
    answer = threading.Event()
    dead, slow = gpu_node(docker_address="tcp://127.0.0.1:2"), gpu_node(docker_address="tcp://127.0.0.1:3")
    fleet = FakeFleet({running.node.docker_address: engine})

    @contextmanager
    def connect(endpoint: EngineEndpoint) -> Iterator[Any]:
        if endpoint.address == slow.docker_address:
            answer.wait(30)
            raise EngineError("engine_timeout", "no answer")
        with fleet.connect(endpoint) as connection:
            yield connection

    for number, node in enumerate((dead, slow)):
        moved = instance_of(ulrich, node, name=f"away{number}")
        moved.operations.all().update(state=JobState.SUCCEEDED)
        Instance.objects.filter(pk=moved.pk).update(observed=Observed.RUNNING)
    engine.containers.end(only(engine), 3)
    counts: list[int] = []
    thread = in_background(lambda: counts.append(sweep_instances(tools=replace(tools, connect=connect))))
    try:
        wait_for(lambda: Instance.objects.get(pk=running.pk).observed == Observed.EXITED)
        assert thread.is_alive(), "the slow node is still being waited for"
    finally:
        answer.set()
        thread.join()
    assert counts == [1]
    assert Instance.objects.filter(observed=Observed.RUNNING).count() == 2


def test_what_was_left_of_a_look_goes_though_nobody_knows_of_the_look(running, engine, tools) -> None:
    LibraryReport.objects.all().delete()
    with engine.connect() as connection:
        spec = replace(only(engine).spec, name="", labels=probe_labels("gpus", now=timezone.now() - 2 * LIFE))
        connection.create_container(spec)
    assert len(engine.containers.all) == 2
    sweep_instances(tools=tools)
    assert only(engine).info.id == running.container_id


def test_what_a_node_holds_is_asked_for_at_once(running, engine, tools, ulrich, node) -> None:
    """One list for all of a node's running containers, however many they are."""
    for number in range(3):
        run(instance_of(ulrich, node, name=f"more{number}", gpu_memory_gb=1), tools)
    asked: list[str] = []
    allow = engine.containers.allow
    engine.containers.allow = lambda operation: (asked.append(operation), allow(operation))  # type: ignore[method-assign]
    sweep_instances(tools=tools)
    assert asked == ["list", "list"], "the second one is for what dead workers left"
