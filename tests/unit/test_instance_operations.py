"""Starting, stopping, restarting and removing, against the fake engine."""

from __future__ import annotations

import pytest
from django.db import transaction
from django.utils import translation

from core.errors import NotFound
from core.jobs import JobState
from instances.models import Instance, Observed, Operation
from instances.services import delete_instances, operate
from instances.services.reserving import queue
from instances.snapshot import problem_of
from instances.spec import Options
from instances.sweep import sweep_instances
from nodes.engine import EngineError, EngineRejected
from pulls.tools import Tools
from tests.support.fake_programs import Program
from tests.support.one_instance import (
    ALL_OF_IT,
    AWAY,
    UNKNOWN_DEVICE,
    holds,
    instance_of,
    is_clean,
    newest,
    only,
    prepare,
    run,
    run_only,
)

pytestmark = pytest.mark.django_db(transaction=True)


def do(kind: str, instance: Instance, tools: Tools) -> Operation:
    operate(user=instance.user, instance=instance.pk, kind=kind)
    return run(instance, tools)


def test_stop_start_restart(ulrich, node, engine, tools) -> None:
    prepare(engine)
    instance = instance_of(ulrich, node, options=Options(ports=(8888,)))
    run(instance, tools)
    container = only(engine)
    first = instance.ports[0]["host_port"]
    assert do("stop", instance, tools).state == JobState.SUCCEEDED
    assert (instance.observed, instance.exit_code, instance.ports) == (Observed.EXITED, 137, [])
    assert holds(instance) == ALL_OF_IT, "stopping gives nothing free"  # P15
    assert do("start", instance, tools).state == JobState.SUCCEEDED
    assert (instance.observed, instance.exit_code) == (Observed.RUNNING, None)
    assert instance.ports[0]["host_port"] != first, "the engine chooses anew"
    before = container.info.started_at
    assert do("restart", instance, tools).state == JobState.SUCCEEDED
    assert container.info.started_at > before and instance.observed == Observed.RUNNING
    assert only(engine) is container


@pytest.mark.parametrize(("code", "problem"), [(3, "ended_at_once"), (0, "")])
def test_a_program_that_fails_at_once_is_told(ulrich, node, engine, tools, code: int, problem: str) -> None:
    prepare(engine)
    engine.containers.programs["train",] = Program(exit_code=code)
    instance = instance_of(ulrich, node, options=Options(command=("train",)))
    assert run(instance, tools).state == JobState.SUCCEEDED
    assert (instance.observed, instance.exit_code, instance.problem_code) == (Observed.EXITED, code, problem)
    for kind in ("start", "restart"):
        Instance.objects.update(problem_code="")
        assert do(kind, instance, tools).state == JobState.SUCCEEDED
        assert (instance.observed, instance.problem_code) == (Observed.EXITED, problem)
    with translation.override("en"):
        told = (problem_of(instance) or {"text": ""})["text"]
    assert ("with exit code 3. See its log." in told) is bool(problem)
    assert do("stop", instance, tools).state == JobState.SUCCEEDED
    assert instance.problem_code == "", "who stops it knows why it does not run"


@pytest.mark.parametrize("kind", ["start", "stop", "restart"])
def test_a_container_that_vanished_is_gone(instance, engine, tools, kind: str) -> None:
    run(instance, tools)
    engine.containers.remove(only(engine))
    operation = do(kind, instance, tools)
    assert (operation.state, operation.error_code) == (JobState.FAILED, "container_gone")
    assert (instance.observed, instance.problem_code) == (Observed.GONE, "container_gone")
    assert holds(instance) == ALL_OF_IT, "until it is removed"


def test_a_start_that_is_refused_says_why(instance, engine, tools) -> None:
    run(instance, tools)
    do("stop", instance, tools)
    for text, code in ((UNKNOWN_DEVICE, "unknown_device"), ("no words", "engine_refused")):
        engine.containers.refuse("start", EngineRejected(500, text))
        operation = do("start", instance, tools)
        assert (operation.state, instance.problem_code) == (JobState.FAILED, code)
        assert instance.observed == Observed.EXITED and only(engine)
    do("start", instance, tools)
    assert (instance.observed, instance.problem_code) == (Observed.RUNNING, "")


def test_removal_takes_everything_away(instance, engine, tools) -> None:  # P15
    run(instance, tools)
    operation = do("remove", instance, tools)
    assert operation.state == JobState.SUCCEEDED and is_clean(engine)
    assert not Instance.objects.exists()
    assert (operation.instance, operation.instance_name) == (None, "train")


def test_removal_of_what_is_not_there_is_done(instance, engine, tools) -> None:
    run(instance, tools)
    engine.containers.remove(only(engine))
    engine.containers.volumes.clear()
    assert do("remove", instance, tools).state == JobState.SUCCEEDED
    assert not Instance.objects.exists()


@pytest.mark.parametrize("kind", ["start", "remove"])
def test_what_went_in_this_moment_is_not_found(instance, kind: str) -> None:
    Instance.objects.get().delete()
    with pytest.raises(NotFound), transaction.atomic():  # as when several are deleted
        queue(instance, kind, instance.user)
    assert not Operation.objects.filter(kind=kind).exists()


def test_removal_while_the_image_is_on_its_way(ulrich, node, engine, tools) -> None:
    prepare(engine, image=False)
    instance = instance_of(ulrich, node)
    run(instance, tools)
    creation = newest(instance)
    delete_instances(user=ulrich, ids=[instance.pk])
    assert run(instance, tools).state == JobState.SUCCEEDED
    assert run_only(creation, tools) == JobState.CANCELLED
    assert not Instance.objects.exists() and is_clean(engine)


def test_a_removal_that_the_engine_has_not_ended_yet_is_looked_at_again(instance, engine, tools) -> None:
    """One that takes the engine longer than its answer may take is in its own way at the next attempt."""
    run(instance, tools)
    operate(user=instance.user, instance=instance.pk, kind="remove")
    engine.containers.refuse("remove", EngineError("engine_timeout", "no complete answer"))
    for _ in range(2):
        engine.containers.refuse("remove", EngineRejected(409, "removal of container 77 is already in progress"))
    for code in ("node_lost", "removal_in_progress", "removal_in_progress"):
        operation = run(instance, tools)
        assert (operation.state, operation.error_code, instance.problem_code) == (JobState.QUEUED, code, "")
    assert run(instance, tools).state == JobState.SUCCEEDED
    assert not Instance.objects.exists() and is_clean(engine)


@pytest.mark.parametrize("trouble", [AWAY, EngineRejected(500, "device or resource busy")])
def test_a_removal_that_fails_is_finished_by_the_sweep(instance, engine, tools, trouble: EngineError) -> None:
    run(instance, tools)
    operate(user=instance.user, instance=instance.pk, kind="remove")
    for _ in range(5):
        engine.containers.refuse("remove", trouble)
    operation = run(instance, tools, times=5)
    assert operation.state == JobState.FAILED and instance.observed == Observed.REMOVING
    assert holds(instance) == ALL_OF_IT and only(engine).running
    engine.containers.relent()
    sweep_instances(tools=tools)
    assert not Instance.objects.exists() and is_clean(engine)
