"""The one who asks the probes, and nodes that do not answer, hang or move."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from instances.models import DeployedContainer
from nodes.engine import EngineError
from nodes.models import ComputeNode
from tests.support.fake_engine import FakeFleet
from tests.support.fake_programs import Program
from tests.support.probing import probed, probing, until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def row(people, ulrich, node, engine, tools) -> Callable[[], DeployedContainer]:
    return probed(people, ulrich, engine, tools)


def test_an_engine_that_does_not_answer_is_no_sign_of_life(row, engine, tools) -> None:
    engine.containers.exec_programs[("ready",)] = lambda _spec: (_ for _ in ()).throw(EngineError("engine_gone", "x"))
    with probing(tools):
        found = until(lambda: row() if "readiness" in row().probe_results else None)
    assert found.probe_results["readiness"]["params"]["cause"]["code"] == "engine_gone" and found.is_ready is False


def test_an_engine_that_does_not_answer_is_no_reason_to_restart(row, engine, tools) -> None:
    asked = []

    def lost(_spec: Any) -> Program:
        asked.append(None)
        raise EngineError("engine_unreachable", "no route")

    quick = {kind: {**probe, "period": 0} for kind, probe in row().template["probes"].items()}
    DeployedContainer.objects.update(template={"probes": quick})
    with probing(tools):
        until(lambda: row().is_ready)
        engine.containers.exec_programs |= {("alive",): lost, ("ready",): lost}
        until(lambda: len(asked) > 20)
        found = row()
    assert (found.is_alive, found.is_ready, found.probe_restarts) == (True, True, 0), "it runs as it did"
    assert found.probe_results["liveness"]["ok"] is None


class Gate:
    """Engines that are connected to as ever, or, once shut, when it opens."""

    def __init__(self, tools) -> None:
        self._connect, self._opened, self.lost = tools.connect, threading.Event(), False
        self.waits, self.patience = list[float](), set[float]()
        self._opened.set()

    @contextmanager
    def connect(self, endpoint: Any, *, timeout: float) -> Iterator[Any]:
        self.patience.add(timeout)
        if self.lost:
            raise EngineError("engine_unreachable", "no route")
        self.waits.append(timeout)
        self._opened.wait(60)
        self.waits.pop()
        with self._connect(endpoint) as connected:
            yield connected

    @contextmanager
    def shut(self) -> Iterator[None]:
        self._opened.clear()
        try:
            yield
        finally:
            self._opened.set()


@pytest.mark.parametrize(("per_node", "was_lost", "most"), [(4, False, 2), (1, False, 1), (4, True, 1)])
def test_a_node_that_hangs_holds_few_threads(row, tools, per_node: int, was_lost: bool, most: int) -> None:
    rounds, gate = [], Gate(tools)

    def monotonic() -> float:
        rounds.append(None)
        return time.monotonic()

    quick = {kind: {**probe, "period": 0, "timeout": 60} for kind, probe in row().template["probes"].items()}
    DeployedContainer.objects.update(template={"probes": quick})
    gate.lost = was_lost
    with probing(replace(tools, connect=gate.connect, monotonic=monotonic), per_node=per_node), gate.shut():
        until(lambda: not was_lost or "liveness" in row().probe_results)
        gate.lost = False
        until(lambda: len(gate.waits) == most)
        before = len(rounds)
        until(lambda: len(rounds) > before + 100)
        assert len(gate.waits) == most
    assert gate.patience == {10.0}, "no longer than for any engine"


def test_connecting_takes_no_longer_than_the_probe(row, tools) -> None:
    gate = Gate(tools)
    with probing(replace(tools, connect=gate.connect)):
        until(lambda: row().is_ready)
    assert gate.patience == {3.0}


def test_a_node_that_moved_is_asked_at_its_new_address(row, node, engine, tools) -> None:
    moved = "tcp://127.0.0.1:4"
    fleet = FakeFleet({node.docker_address: engine})
    with probing(replace(tools, connect=fleet.connect)):
        until(lambda: row().is_ready)
        fleet.engines[moved] = fleet.engines.pop(node.docker_address)
        until(lambda: row().probe_results["readiness"]["ok"] is None)
        ComputeNode.objects.update(docker_address=moved)
        until(lambda: row().probe_results["readiness"]["ok"])
        assert row().is_ready and row().probe_restarts == 0
