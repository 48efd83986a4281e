"""What the fake engine can do beyond the contract that it shares with real ones: scripts, faults, counts."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from nodes.engine import EngineEndpoint, EngineError, EngineRejected, PullStream
from tests.support.fake_connection import FakeConnection
from tests.support.fake_engine import FakeEngine, FakeFleet
from tests.support.fake_pulls import Arrive, Break, Fail, Hold, Refuse, Say, Wait
from tests.support.fake_registry import FakeImage, FakeRegistry

IMAGE = FakeImage.sized("r.test/team/mid", "1", [5000, 100])


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine(FakeRegistry([IMAGE]))


@pytest.fixture
def connection(engine: FakeEngine) -> Iterator[FakeConnection]:
    with engine.connect() as connection:
        yield connection


def start(connection: FakeConnection) -> PullStream:
    return connection.pull(IMAGE.repository, tag_or_digest=IMAGE.tag, auth=None)


def test_scripts_are_used_up_one_pull_each(engine: FakeEngine, connection: FakeConnection) -> None:
    for step in (Break(), Fail("no space left on device"), Refuse(500, "toomanyrequests: slow down")):
        engine.script(IMAGE.reference, step)
    with pytest.raises(EngineError, match="engine_gone"):
        list(start(connection))
    with pytest.raises(EngineRejected, match="no space left"):
        list(start(connection))
    with pytest.raises(EngineRejected, match="toomanyrequests") as refusal:
        list(start(connection))
    assert refusal.value.status == 500
    list(start(connection))
    assert [pull.completed for pull in engine.pulls] == [False, False, False, True]


def test_a_script_of_ones_own(engine: FakeEngine, connection: FakeConnection) -> None:
    ending = Say(status=f"Digest: {IMAGE.digest}"), Say(status="Status: Downloaded newer image for x")
    engine.script(IMAGE.reference, Wait(0.01), Arrive(IMAGE), *ending)
    stream = start(connection)
    assert [event.status for event in stream if event] == [step.message["status"] for step in ending]
    assert stream.digest == IMAGE.digest
    assert connection.inspect_image(IMAGE.reference) is not None


def test_held_pulls_can_be_counted_released_and_closed(engine: FakeEngine, connection: FakeConnection) -> None:
    release = threading.Event()
    for _ in range(2):
        engine.script(IMAGE.reference, Say(status="Pulling from team/mid"), Hold(release), Say(status="Status: done"))
    first, second = start(connection), start(connection)
    for stream in (first, second):
        assert next(event for event in stream if event).status == "Pulling from team/mid"
    assert next(first) is None
    assert (engine.running_pulls, engine.most_running_pulls) == (2, 2)
    second.close()
    assert engine.pulls[1].stopped.is_set()
    release.set()
    assert "Status: done" in [event.status for event in first if event]
    assert not engine.pulls[1].completed


def test_an_unreachable_engine(engine: FakeEngine, connection: FakeConnection) -> None:
    engine.failure = EngineError("engine_timeout", "timed out")
    with pytest.raises(EngineError, match="engine_timeout"), engine.connect():
        pass
    for call in (connection.ping, connection.info, connection.list_images, connection.disk_free):
        with pytest.raises(EngineError, match="engine_timeout"):
            call()
    with pytest.raises(EngineError, match="engine_timeout"):
        list(start(connection))


def test_a_fleet_knows_its_engines_by_address(engine: FakeEngine) -> None:
    fleet = FakeFleet({"tcp://a:1": engine})
    with pytest.raises(EngineError, match="engine_refused"), fleet.connect(EngineEndpoint("tcp://b:1")):
        pass
    with fleet.connect(EngineEndpoint("tcp://a:1"), timeout=3) as connection:
        assert fleet.open_connections == 1
        assert connection.info().name == "fake"
    assert fleet.open_connections == 0
    assert [endpoint.address for endpoint in fleet.endpoints] == ["tcp://a:1"]


def test_a_platform_that_is_not_ours_is_pulled_without_complaint(engine: FakeEngine) -> None:
    arm = FakeImage("r.test/team/arm", "1", IMAGE.layers, platform="linux/arm64")
    engine.registry.add(arm)
    with engine.connect() as connection:
        list(connection.pull(arm.repository, tag_or_digest="1", auth=None))
        image = connection.inspect_image(arm.reference)
    assert image is not None and image.architecture == "arm64"
