"""What a worker does with an instance, against the fake engine: whatever happens, rows and engine agree in the end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.utils import timezone, translation

from core.jobs import JobState
from instances.accelerators.nvidia_hami import LOOK_INSIDE
from instances.accelerators.nvidia_hami.cards import LIBRARY
from instances.models import Instance, Observed, Operation
from instances.snapshot import snapshot, status_text, with_operations
from instances.spec import LABEL, Options, volume_name
from instances.sweep import sweep_instances
from nodes.engine import EngineError, EngineRejected
from nodes.paths import USUAL_LIBRARY_DIRECTORY
from pulls.models import PullJob
from pulls.tools import Tools
from pulls.work import run_pull
from tests.support.fake_pulls import Refuse
from tests.support.one_instance import (
    ALL_OF_IT,
    AWAY,
    NO_TOOLKIT,
    NOTHING,
    UNKNOWN_DEVICE,
    WHOLE_CARD,
    holds,
    instance_of,
    is_clean,
    made,
    newest,
    only,
    prepare,
    run,
    run_only,
)
from tests.support.one_pull import IMAGE, REFERENCE

pytestmark = pytest.mark.django_db(transaction=True)


def seen(instance: Instance) -> Instance:
    """As those see it who look at it."""
    return with_operations(Instance.objects.all()).get(pk=instance.pk)


# --- creation ---------------------------------------------------------------------------------------------------------


def test_with_the_image_there_it_runs_at_once(instance, engine, tools) -> None:
    operation = run(instance, tools)
    container = only(engine)
    assert (operation.state, operation.attempt) == (JobState.SUCCEEDED, 1)
    assert (instance.observed, instance.container_id) == (Observed.RUNNING, container.info.id)
    assert (instance.digest, instance.problem_code) == (IMAGE.digest, "")
    assert container.info.labels[LABEL] == str(instance.uid)
    [volume] = container.spec.volumes
    assert engine.containers.volumes == {volume.name: {LABEL: str(instance.uid)}}
    assert (volume.name, volume.target) == (volume_name(str(instance.uid)), "/data")
    assert (container.spec.cpu_cores, container.spec.memory_bytes) == (2, 4 * 1024**3)
    assert holds(instance) == ALL_OF_IT and not engine.pulls


def test_what_the_row_says_went_to_the_engine_went_there(instance, engine, tools) -> None:
    run(instance, tools)
    spec, plan = only(engine).spec, instance.plan
    assert plan["environment"] == dict(spec.environment)
    assert plan["mounts"] == [{"source": m.source, "target": m.target, "read_only": True} for m in spec.mounts]
    assert [one["device_ids"] for one in plan["device_requests"]] == [list(r.device_ids) for r in spec.device_requests]


def test_without_the_image_it_waits_for_a_pull_and_goes_on(ulrich, node, engine, tools) -> None:
    prepare(engine, image=False)
    instance = instance_of(ulrich, node)
    operation = run(instance, tools)
    [pull] = PullJob.objects.all()
    assert (operation.state, operation.pull, operation.attempt) == (JobState.QUEUED, pull, 0)
    assert (instance.observed, pull.reference) == (Observed.PULLING, REFERENCE)
    PullJob.objects.update(progress={"percent": 43.7})
    shown = snapshot(seen(instance), now=timezone.now())["operation"]["pull"]
    assert shown == {"id": pull.pk, "percent": 43.7}
    assert status_text(seen(instance)) == "pulling 43%"
    assert run(instance, tools, times=20).state == JobState.QUEUED, "waiting costs no attempts"
    assert PullJob.objects.count() == 1 and not made(engine)
    run_pull(pull.pk, tools=tools)
    assert run(instance, tools).state == JobState.SUCCEEDED
    assert (instance.observed, len(made(engine))) == (Observed.RUNNING, 1)


def test_a_pull_that_failed_says_why(ulrich, node, engine, tools) -> None:
    prepare(engine, image=False)
    engine.script(REFERENCE, Refuse(404, f"manifest for {REFERENCE} not found: manifest unknown: manifest unknown"))
    instance = instance_of(ulrich, node)
    run(instance, tools)
    run_pull(PullJob.objects.get().pk, tools=tools)
    operation = run(instance, tools)
    assert (operation.state, operation.error_code) == (JobState.FAILED, "pull_failed")
    assert (instance.observed, instance.problem_code) == (Observed.FAILED, "pull_failed")
    assert instance.problem["params"]["cause"]
    with translation.override("en"):
        assert status_text(seen(instance)).startswith("failed: The image could not be pulled: ")
    assert holds(instance) == NOTHING and is_clean(engine)


def test_an_image_that_vanishes_after_its_pull_ends_the_creation(ulrich, node, engine, tools) -> None:
    prepare(engine, image=False)
    instance = instance_of(ulrich, node)
    run(instance, tools)
    run_pull(PullJob.objects.get().pk, tools=tools)
    engine.remove(REFERENCE)
    run(instance, tools, times=3)
    assert (instance.problem_code, PullJob.objects.count()) == ("image_gone", 1)
    assert holds(instance) == NOTHING


NO_DIRECTORY = 'invalid mount config for type "bind": bind source path does not exist: /root/HAMi-core/build'
PORT = "driver failed programming external connectivity on endpoint i: Bind for 0.0.0.0:49153 failed"
NAME = 'Conflict. The container name "/i" is already in use by container "77". You have to remove it.'
REFUSALS = [
    ("start", 500, NO_TOOLKIT, "no_device_support"),  # P16
    ("start", 500, UNKNOWN_DEVICE, "unknown_device"),
    ("create", 400, NO_DIRECTORY, "library_directory_missing"),  # P17
    ("start", 500, f"{PORT}: port is already allocated", "port_taken"),
    ("create", 409, NAME, "container_name_taken"),
    ("create", 404, "No such image: a:1", "image_gone"),
    ("create", 500, "mkdir /var/lib/docker/overlay2/a: no space left on device", "node_disk_full"),
    ("volume", 500, "create volume: mkdir /var/lib/docker/volumes: no space left on device", "node_disk_full"),
    ("start", 400, 'exec: "train": executable file not found in $PATH: unknown', "command_not_found"),
    ("inspect", 500, "something new", "engine_refused"),
]


@pytest.mark.parametrize("spec", [{}, WHOLE_CARD], ids=["slice", "whole"])
@pytest.mark.parametrize(("call", "status", "text", "code"), REFUSALS)
def test_a_refusal_leaves_nothing_behind(ulrich, node, engine, tools, spec, call, status, text, code) -> None:
    prepare(engine)
    instance = instance_of(ulrich, node, **spec)
    engine.containers.refuse(call, EngineRejected(status, text))
    operation = run(instance, tools)
    if holds(instance) != NOTHING:  # refused where the work did not expect it: the next sweep sees to it
        sweep_instances(tools=tools)
        instance.refresh_from_db()
    assert (operation.state, operation.error_code, operation.attempt) == (JobState.FAILED, code, 1)
    assert (instance.observed, instance.problem_code) == (Observed.FAILED, code)
    assert text in instance.problem["params"]["evidence"]
    assert is_clean(engine) and holds(instance) == NOTHING
    assert instance.container_id == "", "there is nothing to start"


NO_QUOTAS = "--storage-opt is supported only for overlay over xfs with 'pquota' mount option"


def test_the_system_disk_is_limited_where_the_engine_can(ulrich, node, engine, tools) -> None:
    prepare(engine)
    node.limits_system_disk = True
    node.save()
    instance = instance_of(ulrich, node, system_disk_gb=20)
    assert instance.notes == ["data_disk_not_limited"]
    run(instance, tools)
    assert only(engine).spec.system_disk_bytes == instance.plan["limits"]["system_disk_bytes"] == 20 * 1024**3


def test_an_engine_that_cannot_limit_the_system_disk_gets_no_limit_and_the_row_says_so(
    ulrich, node, engine, tools
) -> None:
    prepare(engine)
    instance = instance_of(ulrich, node, system_disk_gb=20)
    assert instance.notes == ["system_disk_not_limited", "data_disk_not_limited"]
    assert run(instance, tools).state == JobState.SUCCEEDED
    assert only(engine).spec.system_disk_bytes == instance.plan["limits"]["system_disk_bytes"] == 0


def test_a_file_system_without_quotas_is_found_out_at_creation(ulrich, node, engine, tools) -> None:
    """The engine's information does not tell; the container comes without the limit, and that is not kept quiet."""
    prepare(engine)
    node.limits_system_disk = True
    node.save()
    whole = {"gpu_memory_gb": 24, "supports_memory_split": False}  # no look at the slicing library before
    instance = instance_of(ulrich, node, system_disk_gb=20, **whole)
    engine.containers.refuse("create", EngineRejected(500, NO_QUOTAS))
    assert run(instance, tools).state == JobState.SUCCEEDED
    assert instance.notes == ["data_disk_not_limited", "system_disk_not_limited"]
    assert only(engine).spec.system_disk_bytes == instance.plan["limits"]["system_disk_bytes"] == 0


def test_an_engine_that_repeats_a_value_is_not_repeated(ulrich, node, engine, tools) -> None:
    """Values that users set may be secrets; what an engine says is for operators too."""
    prepare(engine)
    options = Options(environment={"TOKEN": "canary-77d2", "LONGER": "canary-77d2-and-more", "N": "3"})
    instance = instance_of(ulrich, node, options=options)
    words = "3 times invalid: TOKEN=canary-77d2 LONGER=canary-77d2-and-more"
    engine.containers.refuse("create", EngineRejected(400, words))
    operation = run(instance, tools)
    told = "3 times invalid: TOKEN=****** LONGER=******"
    assert (operation.error["evidence"], instance.problem["params"]["evidence"]) == (told, told)


def test_an_engine_without_gpus_refuses_and_a_missing_library_too(instance, engine, tools, ulrich, node) -> None:
    """As above, but by the engine's own judgement."""
    engine.containers.device_drivers.clear()
    run(instance, tools)
    assert instance.problem_code == "no_device_support" and is_clean(engine)
    engine.containers.host_files.clear()
    other = instance_of(ulrich, node, name="other")
    run(other, tools)
    assert other.problem_code == "library_directory_missing" and is_clean(engine)
    with translation.override("en"):
        told = snapshot(other, now=timezone.now())["problem"]["text"]
    assert told.startswith(
        f"The directory of the slicing library does not exist on {node.name}: {USUAL_LIBRARY_DIRECTORY}."
    )


def test_a_creation_that_cannot_be_undone_keeps_its_place_until_it_is(ulrich, node, engine, tools) -> None:
    prepare(engine)
    instance = instance_of(ulrich, node, **WHOLE_CARD)
    engine.containers.refuse("start", EngineRejected(500, NO_TOOLKIT))
    engine.containers.refuse("remove", AWAY)
    run(instance, tools)
    assert (instance.observed, instance.problem_code) == (Observed.FAILED, "no_device_support")
    assert only(engine) and holds(instance) == ALL_OF_IT
    sweep_instances(tools=tools)
    instance.refresh_from_db()
    assert is_clean(engine) and holds(instance) == NOTHING
    assert instance.problem_code == "no_device_support"


def test_a_bug_gives_nothing_free_that_may_still_be_held(instance, engine, tools) -> None:
    def broken() -> Any:
        raise RuntimeError("a bug")

    operation = newest(instance)
    engine.containers.exec_programs[LOOK_INSIDE] = lambda _spec: broken()
    run(instance, tools)
    operation.refresh_from_db()
    assert (operation.state, instance.problem_code) == (JobState.FAILED, "internal_error")
    assert only(engine).running and holds(instance) == ALL_OF_IT
    sweep_instances(tools=tools)
    instance.refresh_from_db()
    assert is_clean(engine) and holds(instance) == NOTHING


# --- nodes that go away, workers that die -----------------------------------------------------------------------------


def test_a_node_that_comes_back_gets_its_container(instance, engine, tools) -> None:
    engine.failure = AWAY
    operation = run(instance, tools)
    assert (operation.state, operation.error_code, operation.attempt) == (JobState.QUEUED, "node_lost", 1)
    assert operation.due_at > timezone.now() and instance.observed == Observed.CREATING
    engine.failure = None
    assert run(instance, tools).state == JobState.SUCCEEDED
    assert only(engine).running


@pytest.mark.parametrize("call", ["volume", "create", "start", "inspect", "list"])
def test_a_connection_that_breaks_within_leaves_one_container_in_the_end(instance, engine, tools, call) -> None:
    engine.containers.refuse(call, AWAY)
    assert run(instance, tools).state == JobState.QUEUED
    assert run(instance, tools).state == JobState.SUCCEEDED
    assert only(engine).running and len(made(engine)) == 1


def test_a_creation_that_meets_its_own_name_waits_for_the_container(ulrich, node, engine, tools) -> None:
    """Engines take the name at once and list the container when it is complete, which may be after our patience."""
    prepare(engine)
    instance = instance_of(ulrich, node, **WHOLE_CARD)
    engine.containers.refuse("create", EngineError("engine_timeout", "no complete answer"))
    for _ in range(2):
        engine.containers.refuse("create", EngineRejected(409, NAME))
    for code in ("node_lost", "container_name_taken", "container_name_taken"):
        operation = run(instance, tools)
        assert (operation.state, operation.error_code, instance.problem_code) == (JobState.QUEUED, code, "")
    assert run(instance, tools).state == JobState.SUCCEEDED
    assert only(engine).running and instance.observed == Observed.RUNNING


def test_a_node_that_stays_away_fails_it_and_the_sweep_cleans_up(instance, engine, tools) -> None:
    engine.containers.refuse("start", AWAY)
    run(instance, tools)
    engine.failure = AWAY
    operation = run(instance, tools, times=10)
    assert (operation.state, operation.attempt) == (JobState.FAILED, operation.max_attempts)
    assert (instance.observed, instance.problem_code) == (Observed.FAILED, "node_lost")
    assert holds(instance) == ALL_OF_IT, "the container may be there"
    sweep_instances(tools=tools)
    engine.failure = None
    assert only(engine)
    sweep_instances(tools=tools)
    instance.refresh_from_db()
    assert is_clean(engine) and holds(instance) == NOTHING


def test_a_failed_one_that_holds_nothing_is_cleaned_up_too(ulrich, node, engine, tools) -> None:
    """Without cards, sizes or volumes there is still a container."""
    prepare(engine)
    nothing = {"gpu_count": 0, "gpu_model": "", "gpu_memory_gb": 0, "supports_memory_split": False}
    instance = instance_of(ulrich, node, cpu_cores=0, memory_gb=0, data_disk_gb=0, **nothing)
    engine.containers.refuse("start", AWAY)
    run(instance, tools)
    engine.failure = AWAY
    run(instance, tools, times=10)
    engine.failure = None
    assert only(engine) and holds(instance) == NOTHING
    sweep_instances(tools=tools)
    assert is_clean(engine)


def left_by_a_dead_worker(operation: Operation, tools: Tools, *, times: int = 1) -> None:
    """What the reaper does with an operation whose worker fell silent."""
    for _ in range(times):
        assert Operation.claim(operation.pk, now=tools.now()).give_up_worker(now=tools.now())


@pytest.mark.parametrize("started", [False, True])
def test_a_container_that_a_dead_worker_made_is_adopted(instance, engine, tools, started: bool) -> None:
    engine.containers.refuse("start", AWAY)
    run(instance, tools)  # made, not started
    if started:
        engine.containers.start(only(engine))
    Instance.objects.update(container_id="")  # nor written down
    left_by_a_dead_worker(newest(instance), tools)
    operation = run(instance, tools)
    assert (operation.state, instance.observed) == (JobState.SUCCEEDED, Observed.RUNNING)
    assert only(engine).info.id == instance.container_id and len(made(engine)) == 1


def test_when_every_worker_dies_the_creation_is_undone(instance, engine, tools) -> None:
    engine.containers.refuse("start", AWAY)
    run(instance, tools)
    left_by_a_dead_worker(newest(instance), tools, times=4)
    assert newest(instance).state == JobState.FAILED
    sweep_instances(tools=tools)
    instance.refresh_from_db()
    assert (instance.observed, instance.problem_code) == (Observed.FAILED, "worker_lost")
    with translation.override("en"):
        assert snapshot(seen(instance), now=tools.now())["problem"]["text"].startswith("The server was stopped")
    assert is_clean(engine) and holds(instance) == NOTHING


def test_a_message_delivered_twice_runs_once(instance, engine, tools) -> None:
    operation = run(instance, tools, times=3)
    assert (operation.attempt, len(made(engine))) == (1, 1)


def test_a_worker_that_is_leaving_takes_nothing(instance, engine, tools) -> None:
    operation = run(instance, replace(tools, interrupted=lambda: True))
    assert (operation.state, operation.attempt) == (JobState.QUEUED, 0)
    assert is_clean(engine)


def test_an_operation_whose_instance_went_away_ends(instance, tools) -> None:
    operation = newest(instance)
    Instance.objects.all().delete()
    run_twice = [run_only(operation, tools) for _ in range(2)]
    assert run_twice == [JobState.FAILED, JobState.FAILED]
    assert operation.error_code == "instance_gone"


def test_the_images_own_preload_comes_after_ours(ulrich, node, engine, tools) -> None:
    prepare(engine, image=False)
    engine.add_image(replace(IMAGE, environment={"LD_PRELOAD": "/usr/lib/libjemalloc.so.2"}))
    run(instance := instance_of(ulrich, node), tools)
    preload = f"{LIBRARY}:/usr/lib/libjemalloc.so.2"
    assert only(engine).spec.environment["LD_PRELOAD"] == instance.plan["environment"]["LD_PRELOAD"] == preload
