"""The whole product in one process, and engines, that end at a bad moment."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from tests.integration.pull_bed import PullBed, settle
from tests.services.engine import RealEngine
from tests.services.fault_proxy import FaultProxy
from tests.services.process import wait_until
from tests.services.registries import Registries

pytestmark = pytest.mark.real
PRODUCT_ENV = {"IMAGELIB_JOB_STALE_AFTER": "600"}  # nobody is given up for his silence here

Proxies = Callable[..., FaultProxy]


@pytest.fixture
def slow(fault_proxy: Proxies, registries: Registries) -> FaultProxy:
    """A registry from which the 21 MB image takes about 40 s."""
    proxy = fault_proxy(registries.open)
    proxy.limit(500_000)
    return proxy


@pytest.fixture(autouse=True)
def _fresh(embedded: PullBed, module_engine: RealEngine) -> Iterator[None]:
    embedded.product.start()
    module_engine.start()
    module_engine.wipe()
    yield
    embedded.product.start()
    for (pk,) in embedded.rows("SELECT id FROM pulls_pulljob WHERE finished_at IS NULL"):
        embedded.cancel(pk)  # of a test that failed; the others must not suffer for it
    settle(embedded)


@pytest.mark.parametrize("accident", ["stop", "restart", "kill9"])
def test_the_engine_ends_in_the_middle(
    embedded: PullBed, module_engine: RealEngine, registries: Registries, slow: FaultProxy, accident: str
) -> None:
    pk = embedded.pull(slow.reference("team/mid:1"), embedded.node(module_engine.unix_url))
    watch = embedded.watch(pk)
    embedded.wait_for_bytes(pk, 1_000_000)
    getattr(module_engine, accident)()
    wait_until("the end of the attempt", lambda: any(item["error"] for item in watch.snapshots), timeout=60)
    broken = next(item for item in watch.snapshots if item["error"])
    assert broken["error"]["code"] in ("engine_gone", "engine_restarted", "engine_refused", "engine_socket_missing")
    assert (broken["state"], broken["error"]["transient"]) == ("queued", True), broken
    module_engine.start()
    slow.limit(None)
    done = watch.until(timeout=60)
    assert (done["state"], done["error"]) == ("succeeded", None)
    assert done["digest"] == registries.open.image("team/mid:1").digest
    assert module_engine.inspect(slow.reference("team/mid:1"))


def test_kill_9_of_the_server(embedded: PullBed, module_engine: RealEngine, slow: FaultProxy) -> None:
    """At boot the reaper knows that nobody else can hold a job: what ran and what waited goes on in seconds."""
    node = embedded.node(module_engine.unix_url)
    running = embedded.pull(slow.reference("team/mid:1"), node)
    embedded.wait_for_bytes(running, 1_000_000)
    more = [embedded.pull(slow.reference(name), node) for name in ("team/mid:2", "team/tiny:1", "team/oci:1")]
    embedded.product.kill9()
    slow.limit(None)
    embedded.product.start()
    for pk in (running, *more):
        assert embedded.wait(pk, timeout=90)["state"] == "succeeded"
    assert embedded.snapshot(running)["attempt"] == 2
    assert "worker_lost" in embedded.history(running)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_polite_end(embedded: PullBed, module_engine: RealEngine, slow: FaultProxy, number: signal.Signals) -> None:
    """Ends soon although pulls run and browsers watch; afterwards they go on, and no attempt was lost."""
    node = embedded.node(module_engine.unix_url)
    ids = [embedded.pull(slow.reference(name), node) for name in ("team/mid:1", "team/mid:2", "team/many:1")]
    watches = [embedded.watch(pk) for pk in ids for _browser in range(5)]
    embedded.wait_for_bytes(ids[0], 500_000)
    process = embedded.product.process
    assert process is not None
    process.send_signal(number)
    wait_until("the streams to end", lambda: all(watch.ended.is_set() for watch in watches), timeout=30)
    assert process.wait(30) == 0
    assert {state for (state,) in embedded.rows("SELECT state FROM pulls_pulljob WHERE finished_at IS NULL")} == {
        "queued"
    }
    slow.limit(None)  # whoever still wants bytes gets them now
    time.sleep(2)
    assert module_engine.references() == [], "the engine went on without us"
    assert slow.sent() < 15_000_000
    embedded.product.start()
    for pk in ids:
        done = embedded.wait(pk)
        assert (done["state"], done["attempt"]) == ("succeeded", 1)
    assert "interrupted" in embedded.history(ids[0])


def test_a_second_server_is_refused(embedded: PullBed) -> None:
    done = embedded.product.manage("serve", "--port", "0", timeout=30)
    assert done.returncode == 2
    assert "already runs on" in done.stderr


def test_a_command_beside_the_server(embedded: PullBed, module_engine: RealEngine, registries: Registries) -> None:
    """`manage.py pull` in another process: the server's workers hear of it without a broker."""
    embedded.node(module_engine.unix_url)
    [(name,)] = embedded.rows(f"SELECT name FROM nodes_computenode WHERE docker_address = '{module_engine.unix_url}'")
    reference = registries.open.reference("team/tiny:1")
    done = embedded.product.manage("pull", reference, "--node", name, "--wait", timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert module_engine.inspect(reference)
    missing = embedded.product.manage(
        "pull", registries.open.reference("team/tiny:nosuch"), "--node", name, "--wait", timeout=60
    )
    assert missing.returncode == 1, missing.stdout + missing.stderr


def test_interrupting_a_waiting_command(embedded: PullBed, module_engine: RealEngine, slow: FaultProxy) -> None:
    """Ctrl-C of the command that waits ends the command, not the pull."""
    embedded.node(module_engine.unix_url)
    [(name,)] = embedded.rows(f"SELECT name FROM nodes_computenode WHERE docker_address = '{module_engine.unix_url}'")
    command = embedded.product.popen(
        "pull", slow.reference("team/mid:1"), "--node", name, "--wait", stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    find = "SELECT id FROM pulls_pulljob WHERE state = 'running'"
    wait_until("the pull to run", lambda: embedded.rows(find), timeout=30, step=0.2)
    [(pk,)] = embedded.rows(find)
    command.send_signal(signal.SIGINT)
    output = command.communicate(timeout=60)[0].decode()
    assert command.returncode == 130
    assert "Traceback" not in output, output
    assert "pulls go on" in output
    slow.limit(None)
    assert embedded.wait(pk)["state"] == "succeeded"
