"""What happens to containers behind our back, told by the engines' events alone: the sweep comes once in an hour."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from nodes.engine import EngineEndpoint, connect
from tests.integration.instance_bed import PLAIN, POLITE, InstanceBed, Snapshot, container_of
from tests.integration.pull_bed import PullBed
from tests.services.engine import RealEngine
from tests.services.process import wait_until
from tests.services.product import Product
from tests.services.registries import Registries

pytestmark = pytest.mark.real
PRODUCT_ENV = {"IMAGELIB_SWEEP_INSTANCES_EVERY": "3600"}
GREEDY = "exec busybox dd if=/dev/zero of=/dev/null bs=200M count=1"
HUNGRY = ["sh", "-c", f"while [ ! -e /go ]; do sleep 0.1; done; {GREEDY}"]
WITHIN = 120.0  # seconds, on a machine that does much else; without events it would be an hour


@pytest.fixture(scope="module")
def beds(embedded: PullBed) -> InstanceBed:
    return InstanceBed(embedded)


@pytest.fixture(scope="module")
def engine(module_engine: RealEngine) -> RealEngine:
    """One of its own: it is restarted."""
    return module_engine


@pytest.fixture(scope="module")
def image(engine: RealEngine, registries: Registries) -> str:
    reference = registries.open.reference("team/tiny:1")
    engine.pull(reference)
    return reference


@pytest.fixture(scope="module")
def node(beds: InstanceBed, engine: RealEngine) -> int:
    return beds.node(engine)


@pytest.fixture
def made(beds: InstanceBed, node: int, image: str) -> Iterator[Callable[..., Snapshot]]:
    """`made(command=…)`: a running instance; removed afterwards."""
    ids: list[int] = []

    def make(**more: Any) -> Snapshot:
        shown = beds.run(image, node, PLAIN, **more)
        ids.append(shown["id"])
        return shown

    yield make
    beds.remove(*(pk for pk in ids if beds.exists(pk)))


def behind(engine: RealEngine, shown: Snapshot, method: str, what: str) -> None:
    status, body = engine.request(method, f"/containers/{shown['container_id']}{what}")
    assert status in (200, 204), body


def test_killed_stopped_started_and_removed(
    beds: InstanceBed, engine: RealEngine, made: Callable[..., Snapshot]
) -> None:
    killed, stopped, removed = made(), made(), made()
    behind(engine, killed, "POST", "/kill")
    assert beds.wait(killed["id"], "exited", timeout=WITHIN)["exit_code"] == 137
    behind(engine, stopped, "POST", "/stop?t=10")
    assert beds.wait(stopped["id"], "exited", timeout=WITHIN)["exit_code"] == 7
    behind(engine, stopped, "POST", "/start")
    assert beds.wait(stopped["id"], "running", timeout=WITHIN)["exit_code"] is None
    behind(engine, stopped, "POST", "/pause")
    beds.wait(stopped["id"], "paused", timeout=WITHIN)
    behind(engine, stopped, "POST", "/unpause")
    beds.wait(stopped["id"], "running", timeout=WITHIN)
    behind(engine, removed, "DELETE", "?force=1")
    assert beds.wait(removed["id"], "gone", timeout=WITHIN)["problem"]["code"] == "container_gone"


def test_the_end_for_want_of_memory(beds: InstanceBed, engine: RealEngine, made: Callable[..., Snapshot]) -> None:
    shown = made(command=HUNGRY)
    limits = json.dumps({"Memory": 16 << 20, "MemorySwap": 16 << 20}).encode()
    path, headers = f"/containers/{shown['container_id']}/update", {"Content-Type": "application/json"}
    assert engine.request("POST", path, limits, headers)[0] == 200
    with connect(EngineEndpoint(engine.unix_url)) as connection:
        connection.exec_run(shown["container_id"], ("busybox", "touch", "/go"), within=20)
    seen = beds.wait(shown["id"], "exited", timeout=WITHIN)
    engine_says = container_of(engine, shown)["State"]["OOMKilled"]  # now and then engines miss it
    assert (seen["exit_code"], seen["oom_killed"]) == (137, engine_says)


def test_restarts_by_the_engine(beds: InstanceBed, made: Callable[..., Snapshot]) -> None:
    ends_twice = "[ -e /twice ] && exec sleep 600; [ -e /once ] && busybox touch /twice; busybox touch /once"
    shown = made(command=["sh", "-c", f"{ends_twice}; sleep 3; exit 9"], restart_policy="on-failure")
    wait_until("two restarts", lambda: beds.show(shown["id"])["restarts"] == 2, timeout=WITHIN, step=0.1)
    beds.wait(shown["id"], "running", timeout=WITHIN)


def test_an_engine_that_was_away_is_caught_up_with_and_listened_to_again(
    beds: InstanceBed, engine: RealEngine, made: Callable[..., Snapshot]
) -> None:
    """The containers end with their engine; that end was told to nobody. A new stream looks twice by itself: what
    comes after two changes, an event has told."""
    shown = made()
    engine.restart()
    beds.wait(shown["id"], "exited", timeout=WITHIN)
    start_and_kill(beds, engine, shown)
    start_and_kill(beds, engine, shown)


def start_and_kill(beds: InstanceBed, engine: RealEngine, shown: Snapshot) -> None:
    behind(engine, shown, "POST", "/start")
    beds.wait(shown["id"], "running", timeout=WITHIN)
    behind(engine, shown, "POST", "/kill")
    beds.wait(shown["id"], "exited", timeout=WITHIN)


# --- with workers of their own ----------------------------------------------------------------------------------------


def listeners(engine: RealEngine) -> int:
    """How many streams of events the engine serves: it counts them itself."""
    return int(engine.get("/info")["NEventsListener"])


def until_listeners(engine: RealEngine, count: int) -> None:
    """The engine may need a moment to notice that one has ended."""
    wait_until(f"{count} listeners", lambda: listeners(engine) == count, timeout=WITHIN, step=0.1)


def connected(product: Product, node: int) -> list[str]:
    """The worker processes that have said that they listen to the node, newest last."""
    found: list[tuple[str, str]] = []
    for worker in product.workers:
        for line in worker.log_file.text().splitlines():
            if "events of a node" in line and re.search(rf"\bnode={node}\b", re.sub(r"\x1b\[[0-9;]*m", "", line)):
                found.append((line.split()[0], worker.name))
    return [name for _at, name in sorted(found)]


def test_one_of_two_workers_listens_and_after_kill_9_the_other(
    own_separate: Callable[..., PullBed], engine: RealEngine, image: str
) -> None:
    bed = own_separate()
    beds = InstanceBed(bed)
    node = beds.node(engine)
    until_listeners(engine, 0)  # that of the tests before ends with their instances
    first, second = (beds.run(image, node, PLAIN, command=POLITE) for _ in range(2))
    wait_until("somebody to listen", lambda: connected(bed.product, node), timeout=WITHIN, step=0.1)
    behind(engine, first, "POST", "/kill")
    assert beds.wait(first["id"], "exited", timeout=WITHIN)["exit_code"] == 137
    start_and_kill(beds, engine, first)
    until_listeners(engine, 1)
    [name] = set(connected(bed.product, node))
    next(worker for worker in bed.product.workers if worker.name == name).kill9()
    behind(engine, second, "POST", "/kill")
    if "control" in name:
        bed.product.start_worker("control", concurrency=4)
    assert beds.wait(second["id"], "exited", timeout=WITHIN)["exit_code"] == 137
    start_and_kill(beds, engine, second)
    assert len(set(connected(bed.product, node))) == 2
    until_listeners(engine, 1)
    beds.remove(first["id"], second["id"])
