"""Web, workers, Redis and PostgreSQL as processes of their own, each of which ends at a bad moment."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from tests.integration.pull_bed import PullBed, settle
from tests.services.engine import RealEngine
from tests.services.fault_proxy import FaultProxy
from tests.services.fault_rules import MANIFESTS
from tests.services.postgres import PostgresServer
from tests.services.process import wait_until
from tests.services.product import Worker
from tests.services.redis import RedisServer
from tests.services.registries import Registries
from tests.support.limits import at_most

pytestmark = pytest.mark.real
PRODUCT_ENV = {"IMAGELIB_JOB_STALE_AFTER": "15"}

Proxies = Callable[..., FaultProxy]


@pytest.fixture
def slow(fault_proxy: Proxies, registries: Registries) -> FaultProxy:
    """A registry from which the 21 MB image takes 70 s: longer than it takes until a silent worker is given up."""
    proxy = fault_proxy(registries.open)
    proxy.limit(300_000)
    return proxy


@pytest.fixture(autouse=True)
def _fresh(
    separate: PullBed, engine: RealEngine, postgres: PostgresServer, redis_server: RedisServer
) -> Iterator[None]:
    engine.wipe()
    yield
    postgres.start()
    redis_server.start()
    for (pk,) in separate.rows("SELECT id FROM pulls_pulljob WHERE finished_at IS NULL"):
        separate.cancel(pk)
    settle(separate)


def transfers(bed: PullBed) -> list[Worker]:
    return [worker for worker in bed.product.workers if "transfers" in worker.name and worker.running]


def only_one_worker(bed: PullBed) -> Worker:
    """Exactly one process takes pulls afterwards."""
    workers = transfers(bed)
    if not workers:
        return bed.product.start_worker("transfers")
    for worker in workers[1:]:
        worker.stop()
    return workers[0]


def engine_pulls(proxy: FaultProxy) -> int:
    """How often an engine began to pull: every pull asks for the tag once, by HEAD."""
    return sum(
        request.matches(r"^HEAD .*/manifests/1$") and request.headers.get("user-agent", "").startswith("docker/")
        for request in proxy.requests
    )


def test_kill_9_of_a_worker(separate: PullBed, engine: RealEngine, registries: Registries, slow: FaultProxy) -> None:
    """The row tells the truth within a minute, another worker goes on, and nothing runs twice at once."""
    victim = only_one_worker(separate)
    pk = separate.pull(slow.reference("team/mid:1"), separate.node(engine.unix_url))
    watch = separate.watch(pk)
    separate.wait_for_bytes(pk, 500_000)
    heir = separate.product.start_worker("transfers")
    victim.kill9()
    wait_until("the second attempt", lambda: watch.last["attempt"] == 2, timeout=120)
    slow.limit(None)
    done = watch.until(timeout=60)
    assert (done["state"], done["attempt"]) == ("succeeded", 2)
    assert done["digest"] == registries.open.image("team/mid:1").digest
    assert separate.history(pk).count("claimed") == 2
    assert "worker_lost" in separate.history(pk)
    assert engine_pulls(slow) == 2
    assert heir.running


def test_a_worker_that_was_only_frozen_is_fenced(separate: PullBed, engine: RealEngine, slow: FaultProxy) -> None:
    """It wakes up after its job was given to another one: it stops, and changes nothing."""
    victim = only_one_worker(separate)
    pk = separate.pull(slow.reference("team/mid:1"), separate.node(engine.unix_url))
    watch = separate.watch(pk)
    separate.wait_for_bytes(pk, 500_000)
    heir = separate.product.start_worker("transfers")
    victim.pause()
    wait_until("the second attempt", lambda: watch.last["attempt"] == 2, timeout=120)
    separate.wait_for_bytes(pk, 200_000)
    row = f"SELECT run_token, state, attempt FROM pulls_pulljob WHERE id = {pk}"
    before = separate.rows(row)
    victim.resume()
    time.sleep(2)
    assert separate.rows(row) == before
    assert before[0][1:] == ("running", 2)
    heir.pause()  # now nobody may write but the one who woke up
    version = f"SELECT version FROM pulls_pulljob WHERE id = {pk}"
    last = separate.rows(version)
    time.sleep(3)
    assert separate.rows(version) == last, "the worker that was given up still writes"
    heir.resume()
    slow.limit(None)
    assert watch.until(timeout=60)["state"] == "succeeded"
    versions = [item["version"] for item in watch.snapshots]
    assert versions == sorted(set(versions))
    assert separate.history(pk).count("succeeded") == 1


def test_a_worker_that_shuts_down_hands_its_pull_on(separate: PullBed, engine: RealEngine, slow: FaultProxy) -> None:
    """SIGTERM, as at every deployment: within seconds another worker has the pull, and no attempt was lost."""
    leaving = only_one_worker(separate)
    pk = separate.pull(slow.reference("team/mid:1"), separate.node(engine.unix_url))
    watch = separate.watch(pk)
    separate.wait_for_bytes(pk, 500_000)
    separate.product.start_worker("transfers")
    assert leaving.process is not None
    [beat] = [worker for worker in separate.product.workers if worker.name == "beat"]
    beat.pause()  # the doorbell is heard, not the reaper
    try:
        leaving.process.terminate()
        leaving.process.wait(25)
        wait_until("the other worker", lambda: separate.history(pk).count("claimed") == 2, timeout=60, step=0.1)
    finally:
        beat.resume()
    slow.limit(None)
    done = watch.until(timeout=60)
    assert (done["state"], done["attempt"]) == ("succeeded", 1)
    assert "interrupted" in separate.history(pk)


def test_kill_9_of_the_web_server(separate: PullBed, engine: RealEngine, slow: FaultProxy) -> None:
    """The worker does not care, and who looks again sees the present state at once."""
    only_one_worker(separate)
    pk = separate.pull(slow.reference("team/mid:1"), separate.node(engine.unix_url))
    before = separate.wait_for_bytes(pk, 500_000)
    separate.product.kill9()
    separate.product.start()
    watch = separate.watch(pk)
    wait_until("the first picture", lambda: watch.snapshots)
    assert (watch.last["state"], watch.last["attempt"]) == ("running", 1)
    assert watch.last["bytes_downloaded"] > before["bytes_downloaded"]
    assert watch.last["bytes_total_exact"]
    slow.limit(None)
    assert watch.until(timeout=60)["state"] == "succeeded"


def test_redis_restarts_and_loses_every_message(
    separate: PullBed, engine: RealEngine, redis_server: RedisServer, slow: FaultProxy
) -> None:
    """What runs goes on; what waits is rung for again."""
    worker = only_one_worker(separate)
    node = separate.node(engine.unix_url)
    running = separate.pull(slow.reference("team/mid:1"), node)
    separate.wait_for_bytes(running, 500_000)
    worker.pause()  # so that the next messages stay in Redis until it loses them
    waiting = [separate.pull(slow.reference(name), node) for name in ("team/tiny:1", "team/oci:1")]
    redis_server.kill9()
    worker.resume()
    redis_server.start()
    for pk in waiting:
        assert separate.wait(pk, timeout=60)["state"] == "succeeded"
    slow.limit(None)
    done = separate.wait(running, timeout=60)
    assert (done["state"], done["attempt"]) == ("succeeded", 1)


def test_a_pull_asked_for_while_redis_is_away(
    separate: PullBed, engine: RealEngine, redis_server: RedisServer, registries: Registries
) -> None:
    """The row is the job: the request is accepted within seconds, and run when the broker is back."""
    only_one_worker(separate)
    node = separate.node(engine.unix_url)
    redis_server.stop()
    with at_most(30):
        pk = separate.pull(registries.open.reference("team/tiny:1"), node)
    assert separate.snapshot(pk)["state"] == "queued"
    redis_server.start()
    assert separate.wait(pk, timeout=60)["state"] == "succeeded"


def test_postgresql_is_away_for_a_while(
    separate: PullBed, engine: RealEngine, postgres: PostgresServer, registries: Registries, slow: FaultProxy
) -> None:
    """The engine goes on pulling; the row catches up."""
    only_one_worker(separate)
    pk = separate.pull(slow.reference("team/mid:1"), separate.node(engine.unix_url))
    before = separate.wait_for_bytes(pk, 500_000)
    postgres.kill9()
    time.sleep(10)
    assert separate.product.api("GET", "/healthz", user=None).status_code == 200
    assert separate.product.api("GET", "/readyz", user=None).status_code == 503
    postgres.start()
    separate.wait_for_bytes(pk, before["bytes_downloaded"] + 3_000_000)
    slow.limit(None)
    done = separate.wait(pk, timeout=60)
    assert (done["state"], done["attempt"]) == ("succeeded", 1), separate.history(pk)
    assert engine_pulls(slow) == 1


def test_postgresql_is_away_when_the_pull_ends(
    separate: PullBed, engine: RealEngine, postgres: PostgresServer, slow: FaultProxy
) -> None:
    """The worker waits with the good news until somebody can write it down."""
    only_one_worker(separate)
    pk = separate.pull(slow.reference("team/mid:1"), separate.node(engine.unix_url))
    separate.wait_for_bytes(pk, 500_000)
    postgres.kill9()
    slow.limit(None)
    wait_until("the image", lambda: engine.inspect(slow.reference("team/mid:1")), timeout=30, step=0.2)
    time.sleep(3)
    postgres.start()
    done = separate.wait(pk, timeout=30)
    assert (done["state"], done["attempt"]) == ("succeeded", 1), separate.history(pk)
    assert engine_pulls(slow) == 1


def test_one_message_delivered_to_many_workers(separate: PullBed, engine: RealEngine, slow: FaultProxy) -> None:
    only_one_worker(separate)
    separate.product.start_worker("transfers")
    pk = separate.pull(slow.reference("team/mid:1"), separate.node(engine.unix_url))
    ring = f"from core.doorbell import ring; from pulls.models import PullJob\nfor _ in range(40): ring(PullJob, {pk})"
    done = separate.product.manage("shell", "--no-imports", "-c", ring)
    assert done.returncode == 0, done.stderr
    separate.wait_for_bytes(pk, 500_000)
    slow.limit(None)
    finished = separate.wait(pk)
    assert (finished["state"], finished["attempt"]) == ("succeeded", 1)
    assert separate.history(pk).count("claimed") == 1
    assert engine_pulls(slow) == 1
    assert slow.count(MANIFESTS) > 1
