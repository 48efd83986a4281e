"""What the fake's containers can do beyond the contract that they share with real ones."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nodes.engine import ContainerSpec, DeviceRequest, EngineError, EngineRejected
from tests.support.fake_connection import FakeConnection
from tests.support.fake_engine import FakeEngine
from tests.support.fake_programs import ERR, OUT, Program
from tests.support.fake_registry import FakeImage

IMAGE = FakeImage.sized("r.test/team/mid", "1", [100])
SPEC = ContainerSpec("web", IMAGE.reference, ("serve",))


@pytest.fixture
def engine() -> FakeEngine:
    engine = FakeEngine()
    engine.add_image(IMAGE)
    return engine


@pytest.fixture
def connection(engine: FakeEngine) -> Iterator[FakeConnection]:
    with engine.connect() as connection:
        yield connection


def test_refusals_are_used_up(engine: FakeEngine, connection: FakeConnection) -> None:
    engine.containers.refuse("create", EngineRejected(500, "no space left on device"))
    with pytest.raises(EngineRejected, match="no space"):
        connection.create_container(SPEC)
    container = connection.create_container(SPEC)
    engine.containers.refuse("start", EngineError("engine_timeout"))
    with pytest.raises(EngineError, match="engine_timeout"):
        connection.start_container(container)
    connection.start_container(container)
    assert [spec.name for spec in engine.containers.created] == ["web"]


def test_an_unreachable_engine_does_nothing(engine: FakeEngine, connection: FakeConnection) -> None:
    container = connection.create_container(SPEC)
    engine.failure = EngineError("engine_timeout")
    for call in (connection.inspect_container, connection.start_container, connection.remove_container):
        with pytest.raises(EngineError, match="engine_timeout"):
            call(container)
    assert container in engine.containers.all


def test_drivers_and_programs_of_ones_own(engine: FakeEngine, connection: FakeConnection) -> None:
    engine.containers.device_drivers.add("nvidia")
    devices = DeviceRequest("nvidia", count=-1, capabilities=(("gpu",),))
    engine.containers.programs["nvidia-smi",] = lambda spec: Program.saying(f"{len(spec.device_requests)} GPU\n")
    spec = ContainerSpec("", IMAGE.reference, ("nvidia-smi",), device_requests=(devices,))
    assert connection.run_once(spec, within=60).stdout == "1 GPU\n"
    assert engine.containers.all == {}


def test_what_says_nothing_is_run_twice(engine: FakeEngine, connection: FakeConnection) -> None:
    answers = iter([Program(), Program.saying("0, GPU-1\n")])
    engine.containers.programs["ask",] = lambda _spec: next(answers)
    assert connection.run_once(ContainerSpec("", IMAGE.reference, ("ask",)), within=60).stdout == "0, GPU-1\n"
    assert len(engine.containers.created) == 2


def test_what_happens_to_a_running_container(engine: FakeEngine, connection: FakeConnection) -> None:
    container = connection.create_container(SPEC)
    connection.start_container(container)
    found = engine.containers.get("web")
    with connection.follow_logs(container, tail=5) as log, connection.events(labels={}) as events:
        engine.containers.say(found, OUT, b"hello ")
        engine.containers.say(found, ERR, b"world\n")
        engine.containers.end(found, 137, oom_killed=True)
        assert "".join(piece.text for piece in log if piece) == "hello world\n"
        assert [next(event for event in events if event).action for _ in range(2)] == ["oom", "die"]
    info = connection.inspect_container(container)
    assert info is not None and info.oom_killed and info.exit_code == 137
