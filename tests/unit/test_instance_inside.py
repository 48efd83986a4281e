"""What a look into a slice tells about its limits, and what becomes of it in the rows."""

from __future__ import annotations

import pytest
from django.utils import timezone

from core.jobs import JobState
from instances.accelerators.nvidia_hami import LOOK_INSIDE
from instances.models import Observed
from instances.services import operate
from instances.sweep import settle
from nodes.engine import EngineRejected
from tests.support.fake_programs import Program
from tests.support.one_instance import WHOLE_CARD, instance_of, prepare, run

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_slice_that_is_not_effective_is_told_also_after_a_restart(instance, engine, tools, ulrich) -> None:
    engine.containers.exec_programs[LOOK_INSIDE] = Program.saying("24576\n")
    assert run(instance, tools).state == JobState.SUCCEEDED
    assert (instance.observed, instance.problem_code) == (Observed.RUNNING, "slice_not_effective")
    assert instance.problem["params"] == {"seen": 24576, "planned": 8192}
    operate(user=ulrich, instance=instance.pk, kind="restart")
    run(instance, tools)
    assert instance.problem_code == "slice_not_effective"
    engine.containers.exec_programs[LOOK_INSIDE] = Program.saying("8192\n")
    operate(user=ulrich, instance=instance.pk, kind="restart")
    run(instance, tools)
    assert instance.problem_code == ""


@pytest.mark.parametrize("answer", [Program(exists=False, exit_code=127), Program.saying("[N/A]\n"), Program()])
def test_what_cannot_be_seen_inside_is_no_problem_and_told(instance, engine, tools, ulrich, answer: Program) -> None:
    engine.containers.exec_programs[LOOK_INSIDE] = answer
    assert run(instance, tools).state == JobState.SUCCEEDED
    assert instance.problem_code == "" and "slice_not_verified" in instance.notes
    engine.containers.exec_programs[LOOK_INSIDE] = Program.saying("8192\n")
    operate(user=ulrich, instance=instance.pk, kind="restart")
    run(instance, tools)
    assert instance.problem_code == "" and instance.notes == ["data_disk_not_limited"], "now it is known"


def test_an_engine_that_refuses_to_look_inside_is_told(instance, engine, tools) -> None:
    engine.containers.refuse("exec", EngineRejected(403, "exec is disabled"))
    assert run(instance, tools).state == JobState.SUCCEEDED
    assert (instance.observed, "slice_not_verified" in instance.notes) == (Observed.RUNNING, True)


@pytest.mark.parametrize(
    ("shown", "problem", "noted"),
    [
        ("8192\n8192\n", "", False),
        ("8192\n", "", True),
        ("8192\n8192\n8192\n", "", True),
        ("8192\n24576\n", "slice_not_effective", False),
    ],
)
def test_every_card_is_looked_for_inside(ulrich, node, engine, tools, shown: str, problem: str, noted: bool) -> None:
    prepare(engine)
    engine.containers.exec_programs[LOOK_INSIDE] = Program.saying(shown)
    run(instance := instance_of(ulrich, node, gpu_count=2), tools)
    assert (instance.problem_code, "slice_not_verified" in instance.notes) == (problem, noted)


@pytest.fixture
def again(instance, engine, tools):
    """The engine starts its container again, by itself or for somebody else, and an event tells of it."""
    run(instance, tools)

    def again(*, event: bool = True) -> None:
        with engine.connect() as connection:
            connection.restart_container(instance.container_id, grace=0)
            for _twice in range(2):  # events come as they please
                settle(instance.node, connection, now=timezone.now(), uids={str(instance.uid)} if event else None)
        instance.refresh_from_db()

    return again


def test_a_slice_is_looked_into_when_its_engine_starts_it_again(instance, engine, again) -> None:
    looks = [0]

    def shown(_spec: object) -> Program:
        looks[0] += 1
        return Program.saying("24576\n")

    engine.containers.exec_programs[LOOK_INSIDE] = shown
    again()
    assert (instance.observed, instance.problem_code) == (Observed.RUNNING, "slice_not_effective")
    assert looks == [1], "once for each start"
    engine.containers.exec_programs[LOOK_INSIDE] = Program.saying("8192\n")
    again()
    assert instance.problem_code == ""


def test_what_the_restart_policy_starts_again_is_found_by_the_sweep_too(instance, engine, again) -> None:
    type(instance).objects.update(options={**instance.options, "restart_policy": "always"})
    engine.containers.exec_programs[LOOK_INSIDE] = Program.saying("24576\n")
    again(event=False)
    assert instance.problem_code == "slice_not_effective"


def test_a_slice_that_lost_its_limits_is_stopped_where_that_is_wanted(instance, engine, again, settings) -> None:
    settings.STOP_INEFFECTIVE_SLICES = True
    engine.containers.exec_programs[LOOK_INSIDE] = Program.saying("24576\n")
    again()
    assert (instance.observed, instance.problem_code) == (Observed.EXITED, "slice_stopped")


def test_who_has_a_whole_card_is_left_alone(ulrich, node, engine, tools) -> None:
    prepare(engine)
    run(instance := instance_of(ulrich, node, **WHOLE_CARD), tools)
    engine.containers.exec_programs[LOOK_INSIDE] = Program.saying("7\n")
    with engine.connect() as connection:
        connection.restart_container(instance.container_id, grace=0)
        settle(instance.node, connection, now=timezone.now(), uids={str(instance.uid)})
    instance.refresh_from_db()
    assert (instance.problem_code, instance.looked_into) == ("", "")
