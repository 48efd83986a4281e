"""Pulls that go wrong: each cause by its name, retried when that helps, with what the engine or the registry said."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from tests.integration.pull_bed import PullBed, Snapshot, settle
from tests.services.engine import RealEngine
from tests.services.fault_proxy import FaultProxy
from tests.services.fault_rules import MANIFESTS
from tests.services.images import ImageSpec
from tests.services.ports import free_port
from tests.services.process import wait_until
from tests.services.registries import Registries
from tests.services.registry import Registry

pytestmark = pytest.mark.real
PRODUCT_ENV = {"IMAGELIB_STALL_AFTER": "3", "IMAGELIB_PULL_MAX_ATTEMPTS": "3", "IMAGELIB_ENGINE_TIMEOUT": "3"}

Proxies = Callable[..., FaultProxy]
Engines = Callable[..., RealEngine]


def assert_failed(done: Snapshot, code: str, *, attempt: int = 1) -> None:
    """Failed for that reason, said in words, with advice."""
    assert done["state"] == "failed", done
    error = done["error"]
    assert (error["code"], done["attempt"]) == (code, attempt), error
    assert error["title"] and error["cause"] and error["advice"], error
    assert "%(" not in error["cause"] + error["advice"], error
    assert done["finished_at"] and done["percent"] < 100


# --- who may -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "login", "code"),
    [
        ("basic", None, "registry_credentials_missing"),
        ("basic", ("puller", "wr0ng-canary"), "registry_unauthorized"),
        ("token", None, "registry_credentials_missing"),
        ("token", ("puller", "wr0ng-canary"), "registry_unauthorized"),
        ("token", ("denied", "denied-s3cret"), "registry_denied"),
    ],
)
def test_credentials(
    embedded: PullBed,
    engine: RealEngine,
    registries: Registries,
    fault_proxy: Proxies,
    kind: str,
    login: tuple[str, str] | None,
    code: str,
) -> None:
    registry: Registry = getattr(registries, kind)
    proxy = fault_proxy(registry)  # a host of its own, so that its credentials are this test's
    if login:
        embedded.registry(proxy.address, username=login[0], password=login[1])
    done = embedded.run(proxy.reference("team/tiny:1"), embedded.node(engine.unix_url))
    assert_failed(done, code)
    assert "wr0ng-canary" not in str(done)
    assert "wr0ng-canary" not in embedded.product.log()


def test_the_right_credentials_are_those_of_the_longest_prefix(
    embedded: PullBed, engine: RealEngine, registries: Registries, fault_proxy: Proxies
) -> None:
    engine.wipe()
    proxy = fault_proxy(registries.basic)
    embedded.registry(proxy.address, username="puller", password="wr0ng-canary")
    embedded.registry(f"{proxy.address}/team", username="puller", password=registries.basic.users["puller"])
    node = embedded.node(engine.unix_url)
    assert embedded.run(proxy.reference("team/tiny:1"), node)["state"] == "succeeded"
    assert_failed(embedded.run(proxy.reference("library/tiny:1"), node), "registry_unauthorized")


# --- the image ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reference", "codes"),
    [
        ("team/tiny:nosuchtag", {"image_not_found"}),
        ("nosuch/repository:1", {"image_not_found", "repository_not_found"}),
        ("team/tiny@sha256:" + "0" * 64, {"digest_not_found", "image_not_found"}),
    ],
)
def test_what_is_not_there(
    embedded: PullBed, engine: RealEngine, registries: Registries, reference: str, codes: set[str]
) -> None:
    done = embedded.run(f"{registries.open.address}/{reference}", embedded.node(engine.unix_url))
    assert_failed(done, done["error"]["code"])
    assert done["error"]["code"] in codes


def test_a_layer_that_the_registry_lost(embedded: PullBed, engine: RealEngine, registries: Registries) -> None:
    engine.wipe()
    done = embedded.run(registries.open.reference("team/broken:1"), embedded.node(engine.unix_url))
    assert_failed(done, "layer_missing")
    assert done["error"]["evidence"]
    assert engine.references() == []


def test_a_layer_with_wrong_content(embedded: PullBed, engine: RealEngine, registries: Registries) -> None:
    """Tried once more, because it may have been damaged on the way; then it is the registry's."""
    engine.wipe()
    done = embedded.run(registries.open.reference("team/corrupt:1"), embedded.node(engine.unix_url))
    assert_failed(done, "layer_corrupt", attempt=2)
    assert embedded.history(done["id"]).count("retry") == 1
    assert engine.references() == []


def test_a_tag_that_moves_while_it_is_pulled(
    embedded: PullBed, engine: RealEngine, registries: Registries, fault_proxy: Proxies
) -> None:
    """The server has looked, the engine has not yet: the node gets the new image, and the row says so."""
    engine.wipe()
    spec = ImageSpec.sized("team/moving", "1", [300_000], busybox=False)
    old = registries.open.push_image(spec)
    proxy = fault_proxy(registries.open)
    engine_node = embedded.node(engine.unix_url)
    # The look-up ends with the image's configuration: hold the engine's first request until the tag has moved.
    proxy.delay(2.0, match=f"^GET .*/blobs/{old.config.digest}", times=1)
    pk = embedded.pull(proxy.reference("team/moving:1"), engine_node)
    wait_until("the look-up", lambda: proxy.count(old.config.digest), timeout=20)
    new = registries.open.push_image(ImageSpec.sized("team/moving", "1", [310_000], busybox=False))
    assert new.digest != old.digest
    done = embedded.wait(pk)
    assert done["state"] == "succeeded", done
    assert done["digest"] == new.digest
    assert "tag_moved" in embedded.history(pk)


# --- the registry in trouble ---------------------------------------------------------------------------------------


def test_rate_limited_waits_as_long_as_it_was_told(
    embedded: PullBed, engine: RealEngine, registries: Registries, fault_proxy: Proxies
) -> None:
    engine.wipe()
    proxy = fault_proxy(registries.open)
    proxy.answer(429, match=MANIFESTS, times=1, retry_after=20, message="slow down")
    began = time.monotonic()
    pk = embedded.pull(proxy.reference("team/tiny:1"), embedded.node(engine.unix_url))
    waiting = embedded.wait(pk, "queued")
    wait_until("the first attempt to end", lambda: proxy.count(MANIFESTS) == 1, timeout=20)
    waiting = next(filter(lambda item: item["error"], iter(lambda: embedded.snapshot(pk), None)))
    assert waiting["state"] == "queued"
    assert (waiting["error"]["code"], waiting["error"]["transient"]) == ("registry_rate_limited", True)
    assert waiting["next_attempt_at"]
    waits = (_time(waiting["next_attempt_at"]) - _time(waiting["started_at"])).total_seconds()
    assert waits > 19, "five seconds would be usual"
    wait_until("the second look", lambda: proxy.count(MANIFESTS) > 1, timeout=90, step=0.05)
    assert time.monotonic() - began > 19
    done = embedded.wait(pk)
    assert (done["state"], done["attempt"], done["error"]) == ("succeeded", 2, None)


def test_a_registry_that_recovers(
    embedded: PullBed, engine: RealEngine, registries: Registries, fault_proxy: Proxies
) -> None:
    engine.wipe()
    proxy = fault_proxy(registries.open)
    proxy.answer(503, match=MANIFESTS, times=1)
    done = embedded.run(proxy.reference("team/tiny:1"), embedded.node(engine.unix_url))
    assert (done["state"], done["attempt"], done["error"]) == ("succeeded", 2, None)
    assert embedded.history(done["id"])[:4] == ["requested", "claimed", "retry", "claimed"]


def test_a_registry_that_does_not_recover(
    embedded: PullBed, engine: RealEngine, registries: Registries, fault_proxy: Proxies
) -> None:
    """A 401 for a while is not retried, a 500 is, as often as the setting says and not more."""
    proxy = fault_proxy(registries.open)
    proxy.answer(500)
    started = time.monotonic()
    done = embedded.run(proxy.reference("team/tiny:1"), embedded.node(engine.unix_url), timeout=90)
    assert_failed(done, "registry_server_error", attempt=3)
    assert time.monotonic() - started > 15  # 5 s and 10 s at least between the attempts
    assert embedded.history(done["id"]).count("retry") == 2


def test_a_connection_cut_in_a_layer(
    embedded: PullBed, engine: RealEngine, registries: Registries, fault_proxy: Proxies
) -> None:
    """The engine resumes by itself, or we try again; never a step back for the viewer, and the image arrives."""
    engine.wipe()
    proxy = fault_proxy(registries.open)
    image = registries.open.image("team/mid:1")
    biggest = max(image.layers, key=lambda layer: layer.size)
    proxy.cut(after=biggest.size // 2, match=f"^GET .*/blobs/{biggest.digest}")
    pk = embedded.pull(proxy.reference("team/mid:1"), embedded.node(engine.unix_url))
    watch = embedded.watch(pk)
    done = watch.until()
    assert (done["state"], done["digest"]) == ("succeeded", image.digest)
    assert proxy.count(f"^GET .*/blobs/{biggest.digest}") == 2
    history = embedded.history(pk)
    assert "engine_retries" in history or "retry" in history
    first = [item["percent"] for item in watch.snapshots if item["attempt"] == 1 and item["state"] == "running"]
    assert first == sorted(first)


def test_a_stall_ends_the_attempt_and_the_next_one_succeeds(
    embedded: PullBed, engine: RealEngine, registries: Registries, fault_proxy: Proxies
) -> None:
    engine.wipe()
    proxy = fault_proxy(registries.open)
    image = registries.open.image("team/mid:1")
    biggest = max(image.layers, key=lambda layer: layer.size)
    proxy.stall(after=biggest.size // 2, match=f"^GET .*/blobs/{biggest.digest}", times=1)
    pk = embedded.pull(proxy.reference("team/mid:1"), embedded.node(engine.unix_url))
    watch = embedded.watch(pk)
    wait_until("the stall", lambda: any(item["error"] for item in watch.snapshots), timeout=30)
    stalled = next(item for item in watch.snapshots if item["error"])
    assert (stalled["error"]["code"], stalled["state"]) == ("stalled", "queued")
    ages = [item["last_byte_age_seconds"] for item in watch.snapshots if item["state"] == "running"]
    assert max(age for age in ages if age is not None) > 1, "the viewer saw that nothing moved"
    done = watch.until(timeout=60)
    assert (done["state"], done["attempt"]) == ("succeeded", 2)


def test_a_slow_trickle_is_not_a_stall(
    embedded: PullBed, engine: RealEngine, registries: Registries, fault_proxy: Proxies
) -> None:
    """Longer than the stall limit all together, but never silent for so long."""
    engine.wipe()
    proxy = fault_proxy(registries.open)
    registries.open.push_image(ImageSpec.sized("team/trickle", "1", [900_000], busybox=False))
    proxy.limit(100_000)
    done = embedded.run(proxy.reference("team/trickle:1"), embedded.node(engine.unix_url))
    assert (done["state"], done["attempt"]) == ("succeeded", 1)
    assert (_time(done["finished_at"]) - _time(done["started_at"])).total_seconds() > 6


def test_a_registry_that_is_gone(embedded: PullBed, engine: RealEngine) -> None:
    """Neither the server nor the node reaches it: the engine's word decides, and it is tried again."""
    pk = embedded.pull(f"127.0.0.1:{free_port()}/team/tiny:1", embedded.node(engine.unix_url))
    waiting = _first_error(embedded, pk)
    assert (waiting["error"]["code"], waiting["error"]["transient"]) == ("registry_refused", True)
    assert "refused" in waiting["error"]["evidence"]
    assert embedded.cancel(pk).json()["state"] == "cancelled"
    assert "total_unknown" in embedded.history(pk)


# --- the node's own view of the registry -----------------------------------------------------------------------------


def test_only_the_node_reaches_the_registry(
    embedded: PullBed, own_engine: Engines, registries: Registries, fault_proxy: Proxies
) -> None:
    """The name means nothing to this server: totals are "at least" until the engine knows, then it succeeds."""
    node_engine = own_engine(hosts={"registry.test": "::1"})
    proxy = fault_proxy(registries.tls, host="::1", http=False)
    address = f"registry.test:{proxy.port}"
    node, reference = embedded.node(node_engine.unix_url), f"{address}/team/mid:1"

    # the engine does not trust the authority yet
    refused = embedded.run(reference, node)
    assert_failed(refused, "registry_tls_unknown_ca")
    assert "x509" in refused["error"]["evidence"]

    node_engine.trust_registry(address, registries.tls.ca_pem)
    image = registries.tls.image("team/mid:1")
    proxy.limit(8_000_000)
    pk = embedded.pull(reference, node)
    watch = embedded.watch(pk)
    done = watch.until()
    assert done["state"] == "succeeded", done
    assert done["digest"] == image.digest
    assert "total_unknown" in embedded.history(pk)
    running = [item for item in watch.snapshots if item["state"] == "running" and item["bytes_total"]]
    assert running and not running[0]["bytes_total_exact"]
    assert all(item["percent"] < 100 for item in running)
    assert done["bytes_downloaded"] == image.compressed_size


def test_an_authority_that_only_this_server_does_not_know(
    embedded: PullBed, engine: RealEngine, registries: Registries, fault_proxy: Proxies
) -> None:
    """Engines take 127.0.0.0/8 without a certificate. The pull goes on without exact totals and says why."""
    engine.wipe()
    proxy = fault_proxy(registries.tls, http=False)
    proxy.limit(8_000_000)
    pk = embedded.pull(f"{proxy.address}/team/mid:1", embedded.node(engine.unix_url))
    watch = embedded.watch(pk)
    done = watch.until()
    assert (done["state"], done["digest"]) == ("succeeded", registries.tls.image("team/mid:1").digest)
    running = [item for item in watch.snapshots if item["state"] == "running" and item["bytes_total"]]
    assert running and not running[0]["bytes_total_exact"]
    [reason] = [event for event in embedded.events(pk) if event["code"] == "total_unknown"]
    assert "registry_tls_unknown_ca" in reason["text"] or "certificate" in reason["text"], reason


def test_plain_http_that_the_engine_does_not_allow(
    embedded: PullBed, own_engine: Engines, registries: Registries, fault_proxy: Proxies
) -> None:
    node_engine = own_engine(hosts={"registry.test": "::1"})
    proxy = fault_proxy(registries.open, host="::1")
    done = embedded.run(f"registry.test:{proxy.port}/team/tiny:1", embedded.node(node_engine.unix_url))
    assert_failed(done, "registry_plain_http")
    assert "insecure-registries" in done["error"]["advice"]


def test_a_name_that_does_not_resolve(embedded: PullBed, engine: RealEngine) -> None:
    done = embedded.run("registry.nosuch.test/team/tiny:1", embedded.node(engine.unix_url))
    assert_failed(done, "registry_dns", attempt=2)


# --- the node ----------------------------------------------------------------------------------------------------


def test_a_full_disk(embedded: PullBed, own_engine: Engines, registries: Registries) -> None:
    node_engine = own_engine(disk_mb=60)
    node_engine.fill_disk(leave_mb=10)
    node = embedded.node(node_engine.unix_url)
    done = embedded.run(registries.open.reference("team/mid:1"), node)
    assert_failed(done, "no_space_left")
    node_engine.free_disk()
    again = embedded.product.api("POST", f"/api/pulls/{done['id']}/retry/")
    assert again.status_code == 202
    assert again.json()["id"] != done["id"]
    assert embedded.wait(again.json()["id"])["state"] == "succeeded"
    assert embedded.snapshot(done["id"])["state"] == "failed", "final states never move"


def test_a_node_that_refuses_connections(embedded: PullBed, registries: Registries) -> None:
    pk = embedded.pull(registries.open.reference("team/tiny:1"), embedded.node(f"tcp://127.0.0.1:{free_port()}"))
    waiting = _first_error(embedded, pk)
    assert (waiting["error"]["code"], waiting["error"]["transient"]) == ("engine_refused", True)
    assert embedded.cancel(pk).json()["state"] == "cancelled"


def test_a_node_that_hangs(embedded: PullBed, own_engine: Engines, engine: RealEngine, registries: Registries) -> None:
    """It fails after the engine's time limit; pulls of other nodes do not wait for it."""
    hung = own_engine()
    node = embedded.node(hung.unix_url)
    engine.wipe()
    hung.pause()
    pk = embedded.pull(registries.open.reference("team/tiny:1"), node)
    other = embedded.run(registries.open.reference("team/tiny:1"), embedded.node(engine.unix_url))
    assert other["state"] == "succeeded"
    waiting = _first_error(embedded, pk)
    assert (waiting["error"]["code"], waiting["error"]["transient"]) == ("engine_timeout", True)
    hung.resume()
    assert embedded.wait(pk)["state"] == "succeeded"


# --- helpers -----------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _nothing_left(request: pytest.FixtureRequest) -> Any:
    yield
    settle(request.getfixturevalue("embedded"))


def _first_error(bed: PullBed, pk: int, timeout: float = 120.0) -> Snapshot:
    """The snapshot of a pull that waits for its next attempt, with the reason of the last one."""
    seen: Snapshot = {}

    def waits() -> bool:
        seen.update(bed.snapshot(pk))
        return seen["state"] == "queued" and seen["error"] is not None

    wait_until(f"an error of pull {pk}", waits, timeout=timeout, step=0.1)
    return seen


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
