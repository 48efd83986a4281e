"""Rows follow the events of their engines: what is seen, what is left alone, who listens and to whom."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from django.utils import timezone

from core.jobs import JobState
from instances import node_stream
from instances.models import Instance, Observed
from instances.node_stream import NodeStream
from instances.services import operate
from instances.spec import LABEL, Options
from instances.watching import Watch
from nodes.engine import ContainerSpec
from nodes.models import ComputeNode, NodeStatus
from pulls.tools import Tools
from tests.support.fake_engine import FakeEngine
from tests.support.one_instance import AWAY, gpu_node, instance_of, only, prepare, run
from tests.support.one_pull import REFERENCE, in_background, wait_for

pytestmark = pytest.mark.django_db(transaction=True)
OURS = ("events-", "engine-stream")  # names of threads


@pytest.fixture
def running(instance: Instance, tools: Tools) -> Instance:
    run(instance, tools)
    assert instance.observed == Observed.RUNNING
    return instance


@pytest.fixture
def looks() -> list[str]:
    """One entry for each connection that was opened."""
    return []


@pytest.fixture
def moments() -> list[Any]:
    """One entry for each look at rows."""
    return []


@pytest.fixture
def quick(tools: Tools, looks: list[str], moments: list[Any]) -> Tools:
    """With a clock that runs a hundred times as fast."""

    @contextmanager
    def connect(endpoint: Any) -> Iterator[Any]:
        looks.append(endpoint.address)
        with tools.connect(endpoint) as engine:
            yield engine

    def now() -> Any:
        moments.append(timezone.now())
        return moments[-1]

    return replace(tools, now=now, connect=connect, monotonic=lambda: time.monotonic() * 100)


@pytest.fixture
def listening(running: Instance, quick: Tools, engine: FakeEngine) -> Iterator[NodeStream]:
    """The stream of the node is open, and what was to be caught up with has been."""
    asked = listed(engine)
    stream = NodeStream(running.node, quick)
    try:
        wait_for(lambda: len(asked) >= 2)  # the look at the beginning, and the second one
        yield stream
    finally:
        stream.end()
        stream.join(60)
        assert not stream.alive


def listed(engine: FakeEngine) -> list[str]:
    """Grows with each list of containers that the engine gives."""
    asked: list[str] = []
    allow = engine.containers.allow

    def noting(operation: str) -> None:
        if operation == "list":
            asked.append(operation)
        allow(operation)

    engine.containers.allow = noting  # type: ignore[method-assign]
    return asked


def becomes(instance: Instance, **columns: Any) -> None:
    wait_for(lambda: Instance.objects.filter(pk=instance.pk, **columns).exists())


def test_an_end_and_a_start(running: Instance, listening: NodeStream, engine: FakeEngine) -> None:
    engine.containers.end(only(engine), 3)
    becomes(running, observed=Observed.EXITED, exit_code=3, oom_killed=False)
    engine.containers.start(only(engine))
    engine.containers.tell(only(engine), "start")
    becomes(running, observed=Observed.RUNNING, exit_code=None)


def test_an_end_for_want_of_memory(running: Instance, listening: NodeStream, engine: FakeEngine) -> None:
    engine.containers.end(only(engine), 137, oom_killed=True)
    becomes(running, observed=Observed.EXITED, exit_code=137, oom_killed=True)


def test_a_program_that_was_ended_while_the_container_runs_on(
    running: Instance, listening: NodeStream, engine: FakeEngine
) -> None:
    engine.containers.change(only(engine), oom_killed=True)
    engine.containers.tell(only(engine), "oom")
    becomes(running, observed=Observed.RUNNING, oom_killed=True)


def test_a_removal_behind_our_back(running: Instance, listening: NodeStream, engine: FakeEngine) -> None:
    engine.containers.remove(only(engine))
    becomes(running, observed=Observed.GONE, problem_code="container_gone")


def test_restarts_are_counted(ulrich: Any, node: ComputeNode, engine: FakeEngine, tools: Tools, quick: Tools) -> None:
    prepare(engine)
    instance = instance_of(ulrich, node, options=Options(restart_policy="always"))
    run(instance, tools)
    asked = listed(engine)
    stream = NodeStream(node, quick)
    try:
        wait_for(lambda: len(asked) >= 2)
        engine.containers.change(only(engine), restart_count=2)
        engine.containers.tell(only(engine), "start")
        becomes(instance, observed=Observed.RUNNING, restarts=2)
    finally:
        stream.end()
        stream.join(60)


def test_what_an_operation_works_on_is_seen_when_it_has_ended(
    running: Instance, listening: NodeStream, engine: FakeEngine, moments: list[Any]
) -> None:
    """Its end came while the operation was at work, which saw it running: nothing else will tell."""
    asked, before = listed(engine), len(moments)
    operate(user=running.user, instance=running.pk, kind="restart")
    running.operations.filter(state=JobState.QUEUED).update(state=JobState.RUNNING)
    engine.containers.end(only(engine), 5)
    wait_for(lambda: len(moments) >= before + 2)
    running.refresh_from_db()
    assert running.observed == Observed.RUNNING and not asked, "an operation has the last word"
    running.operations.update(state=JobState.SUCCEEDED)
    becomes(running, observed=Observed.EXITED, exit_code=5)


def only_of(engine: FakeEngine, instance: Instance) -> Any:
    [found] = engine.containers.labelled({LABEL: str(instance.uid)})
    return found


def test_labels_that_are_not_ours_change_nothing(running: Instance, listening: NodeStream, engine: FakeEngine) -> None:
    for label in ("", "not one of ours", "'; --", "x" * 5000):
        with engine.connect() as connection:
            container = connection.create_container(ContainerSpec(f"c{len(label)}", REFERENCE, labels={LABEL: label}))
            connection.start_container(container)
        engine.containers.end(engine.containers.get(container), 1)
    engine.containers.end(only_of(engine, running), 3)
    becomes(running, observed=Observed.EXITED, exit_code=3)


def test_a_stream_that_breaks_is_opened_again_and_what_was_missed_is_caught_up_with(
    running: Instance, listening: NodeStream, engine: FakeEngine, looks: list[str]
) -> None:
    engine.failure = AWAY
    before = len(looks)
    engine.containers.cut_events()
    wait_for(lambda: len(looks) >= before + 2)
    engine.containers.end(only(engine), 9)  # nobody listens
    engine.failure = None
    becomes(running, observed=Observed.EXITED, exit_code=9)
    engine.containers.start(only(engine))
    engine.containers.tell(only(engine), "start")
    becomes(running, observed=Observed.RUNNING)


def test_what_happens_between_the_first_look_and_the_engines_listening_is_seen(
    running: Instance, quick: Tools, engine: FakeEngine
) -> None:
    asked = listed(engine)
    stream = NodeStream(running.node, quick)
    try:
        wait_for(lambda: len(asked) == 1)
        engine.containers.change(only(engine), state="exited", exit_code=4)  # without any word
        becomes(running, observed=Observed.EXITED, exit_code=4)
    finally:
        stream.end()
        stream.join(60)


def test_pauses_between_attempts_grow_and_an_end_interrupts_them(running: Instance, quick: Tools) -> None:
    assert node_stream.FIRST_PAUSE * 2**6 > node_stream.LONGEST_PAUSE
    engine_away = replace(quick, jitter=lambda: 1000.0, connect=refuse)
    stream = NodeStream(running.node, engine_away)
    stream.end()
    stream.join(60)
    assert not stream.alive


@contextmanager
def refuse(endpoint: Any) -> Iterator[Any]:
    raise AWAY
    yield


# --- who listens ------------------------------------------------------------------------------------------------------


@pytest.fixture
def watch(quick: Tools) -> Iterator[Callable[..., Watch]]:
    """`watch()` begins one, as a worker process does; `one.stop()` ends it."""
    begun: list[tuple[threading.Event, threading.Thread]] = []

    def begin(**options: float) -> Watch:
        over = threading.Event()
        made = Watch(quick, stopping=over, **{"every": 0.05, "lease": 60.0, **options})
        thread = in_background(made.run)
        begun.append((over, thread))

        def stop() -> None:
            over.set()
            thread.join(60)

        made.stop = stop  # type: ignore[attr-defined]
        return made

    yield begin
    for over, thread in begun:
        over.set()
        thread.join(60)
        assert not thread.is_alive()
    wait_for(lambda: not [one.name for one in threading.enumerate() if one.name.startswith(OURS)])


def test_one_of_two_listens_and_the_other_takes_over(
    running: Instance, engine: FakeEngine, watch: Callable[..., Any], looks: list[str]
) -> None:
    first = watch()
    wait_for(lambda: first.following == {running.node_id})
    second = watch()
    becomes(running, version__gt=running.version)
    assert not second.following and len(looks) == 1
    first.stop()
    assert not first.following
    engine.containers.change(only(engine), state="exited", exit_code=6)  # while nobody listened
    wait_for(lambda: second.following == {running.node_id})
    becomes(running, observed=Observed.EXITED, exit_code=6)


def test_nodes_that_come_go_and_change(
    running: Instance, ulrich: Any, watch: Callable[..., Any], looks: list[str]
) -> None:
    node, empty = running.node, gpu_node(docker_address="tcp://127.0.0.1:2", name="empty")
    one = watch()
    wait_for(lambda: one.following == {node.pk})
    ComputeNode.objects.filter(pk=node.pk).update(is_listed=False, status=NodeStatus.FAILED)
    made = instance_of(ulrich, empty, name="another")
    wait_for(lambda: one.following == {node.pk, empty.pk})
    wait_for(lambda: "tcp://127.0.0.1:2" in looks)
    made.operations.all().delete()
    made.allocations.all().delete()
    made.delete()
    wait_for(lambda: one.following == {node.pk})
    ComputeNode.objects.filter(pk=node.pk).update(docker_address="tcp://127.0.0.1:3", connection_version=2)
    wait_for(lambda: "tcp://127.0.0.1:3" in looks)
    wait_for(lambda: one.following == {node.pk})
