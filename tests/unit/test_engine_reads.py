"""Requests that wait for engines: one look for all who ask at once, and never all threads of a process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection

from core.errors import Conflict
from core.shared_calls import SharedCalls
from core.slots import Busy, Slots
from instances.doctor import examine_node
from instances.engine_slots import examinations, reads
from instances.inventory import discover_gpus
from instances.models import Instance
from instances.reading import NodeAway, read_load, read_log
from nodes.models import ComputeNode
from tests.api import make
from tests.support.tiny_engine import VERSION, TinyEngine, tiny_engine

MOST, MOST_EACH, EXAMINATIONS = 8, 4, 3
PATIENCE = 60


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class TestSharedCalls:
    def test_all_who_ask_while_somebody_is_asking_get_his_answer(self) -> None:
        calls: SharedCalls[int] = SharedCalls(fresh_for=1000)  # also who is late
        begun, answer, asked = threading.Event(), threading.Event(), []

        def slow() -> int:
            asked.append(1)
            begun.set()
            assert answer.wait(PATIENCE)
            return len(asked)

        with ThreadPoolExecutor(5) as threads:
            results = [threads.submit(calls.get, "a", slow) for _ in range(5)]
            assert begun.wait(PATIENCE)
            assert calls.get("b", lambda: 77) == 77  # another question does not wait
            answer.set()
            assert {result.result(PATIENCE) for result in results} == {1}
        assert len(asked) == 1

    def test_who_waits_gets_the_failure_too(self) -> None:
        calls: SharedCalls[int] = SharedCalls(fresh_for=1000)
        begun, answer = threading.Event(), threading.Event()

        def fail() -> int:
            begun.set()
            assert answer.wait(PATIENCE)
            return 1 // 0

        with ThreadPoolExecutor(1) as threads:
            first = threads.submit(calls.get, "a", fail)
            assert begun.wait(PATIENCE)
            threading.Timer(0, answer.set).start()
            with pytest.raises(ZeroDivisionError):  # by itself, if the first was quicker
                calls.get("a", fail)
            assert isinstance(first.exception(PATIENCE), ZeroDivisionError)
        assert calls.get("a", lambda: 5) == 5

    def test_an_answer_is_good_for_a_moment_also_none(self) -> None:
        clock = Clock()
        calls: SharedCalls[int | None] = SharedCalls(fresh_for=2, clock=clock)
        answers = iter([None, 1])
        assert calls.known("a") is None
        assert calls.get("a", lambda: next(answers)) is None
        clock.now = 1.9
        assert calls.get("a", lambda: next(answers)) is None
        known = calls.known("a")
        assert known is not None and known.result() is None
        assert calls.known("b") is None
        clock.now = 2.0
        assert calls.known("a") is None
        assert calls.get("a", lambda: next(answers)) == 1

    def test_a_failure_is_not_kept(self) -> None:
        calls: SharedCalls[int] = SharedCalls(fresh_for=1000)
        with pytest.raises(ZeroDivisionError):
            calls.get("a", lambda: 1 // 0)
        assert calls.known("a") is None
        assert calls.get("a", lambda: 5) == 5


class TestSlots:
    def slots(self) -> Slots:
        return Slots(most=3, most_each=2, full="full", full_each="full for it", retry_after=7)

    def test_so_many_together_and_so_many_of_each(self) -> None:
        slots = self.slots()
        with slots.held("a"), slots.held("a"):
            with pytest.raises(Busy, match="full for it") as told, slots.held("a"):
                pass
            assert told.value.headers == {"Retry-After": "7"}
            with slots.held("b"), pytest.raises(Busy, match=r"^full$"), slots.held("c"):
                pass
            with slots.held("c"):
                pass
        with slots.held("a"), slots.held("a"), slots.held("b"):
            pass

    def test_who_fails_gives_it_back(self) -> None:
        slots = self.slots()
        for _ in range(5):
            with pytest.raises(ZeroDivisionError), slots.held("a"):
                1 // 0  # noqa: B018
        assert not slots._held  # and nothing grows


class SlowEngine:
    """An engine that lets everybody wait for its first answer."""

    def __init__(self, engine: TinyEngine) -> None:
        self.address = engine.address
        self.engine, self.waiting, self.go_on = engine, threading.Semaphore(0), threading.Event()
        engine.answers["GET /version"] = self._version

    def _version(self) -> tuple[int, Any]:
        self.waiting.release()
        assert self.go_on.wait(PATIENCE)
        return 200, VERSION

    def wait_for(self, count: int) -> None:
        for _ in range(count):
            assert self.waiting.acquire(timeout=PATIENCE)


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[SlowEngine]:
    with tiny_engine(tmp_path, unix=False) as engine:
        found = SlowEngine(engine)
        yield found
        found.go_on.set()


@pytest.fixture
def on(django_user_model: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[ComputeNode], Instance]:
    """`on(node)`: an instance there. Reading it may take as long as the test, which is not about time."""
    monkeypatch.setattr("instances.reading.WITHIN", PATIENCE)
    monkeypatch.setattr("instances.reading._loads", SharedCalls(fresh_for=10 * PATIENCE))
    user = django_user_model.objects.create_user("ulrich")
    return lambda node: make.instance(by=user, node=node)


@pytest.mark.django_db
class TestReads:
    def test_many_who_watch_one_container_ask_its_engine_once(self, slow: SlowEngine, on: Any) -> None:
        row = on(make.node(docker_address=slow.address))
        with ThreadPoolExecutor(MOST_EACH) as threads:
            results = [threads.submit(read_load, row) for _ in range(MOST_EACH)]
            slow.wait_for(1)
            slow.go_on.set()
            assert [result.result(PATIENCE) for result in results] == [None] * MOST_EACH  # it does not run
        assert len([line for line in slow.engine.asked if row.container_id in line]) == 1
        assert not reads._held  # everything was given back

    def test_a_node_that_hangs_keeps_some_threads_and_no_more(self, slow: SlowEngine, on: Any) -> None:
        node, other = make.node(docker_address=slow.address), make.node()
        rows = [on(node) for _ in range(MOST_EACH + 1)]
        with ThreadPoolExecutor(MOST_EACH) as threads:
            results = [threads.submit(read_log, row, lines=5) for row in rows[:-1]]
            slow.wait_for(MOST_EACH)
            for read in (read_load, lambda row: read_log(row, lines=5)):
                with pytest.raises(Busy) as told:
                    read(rows[-1])
                assert told.value.retry_after > 0
            with pytest.raises(NodeAway):  # another node is asked all the same
                read_log(on(other), lines=5)
            slow.go_on.set()
            assert {type(result.exception(PATIENCE)) for result in results} == {Conflict}  # no such container
        with pytest.raises(Conflict):
            read_log(rows[-1], lines=5)

    def test_never_more_than_half_of_the_threads_wait(self, on: Any) -> None:
        row = on(make.node())
        with ExitStack() as stack:
            for number in range(MOST):
                stack.enter_context(reads.held(f"node {number}"))
            with pytest.raises(Busy):
                read_load(row)
        with pytest.raises(NodeAway):
            read_load(row)


@pytest.mark.django_db(transaction=True)
class TestExaminations:
    def test_a_node_is_examined_by_one_at_a_time(self, slow: SlowEngine) -> None:
        operator = User.objects.create_user("olga", is_staff=True)
        node = make.node(docker_address=slow.address)

        def discover() -> None:
            try:
                discover_gpus(user=operator, node=node.pk)
            finally:
                connection.close()

        with ThreadPoolExecutor(1) as threads:
            first = threads.submit(discover)
            slow.wait_for(1)
            for examine in (discover_gpus, examine_node):
                with pytest.raises(Busy):
                    examine(user=operator, node=node.pk)
            slow.go_on.set()
            first.exception(PATIENCE)
        with examinations.held(node.pk):
            pass

    def test_few_nodes_at_a_time(self) -> None:
        operator = User.objects.create_user("olga", is_staff=True)
        node = make.node()
        with ExitStack() as stack:
            for number in range(EXAMINATIONS):
                stack.enter_context(examinations.held(f"node {number}"))
            with pytest.raises(Busy):
                examine_node(user=operator, node=node.pk)
        assert examine_node(user=operator, node=node.pk)[0].code == "engine_away"
