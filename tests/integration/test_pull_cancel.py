"""Cancelling: the engine stops downloading, the row says so, and nobody else's wish is lost."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.integration.pull_bed import PullBed, settle
from tests.services.engine import RealEngine
from tests.services.fault_proxy import FaultProxy
from tests.services.fault_rules import BLOBS, MANIFESTS
from tests.services.process import comes_to_rest
from tests.services.registries import Registries

pytestmark = pytest.mark.real
PRODUCT_ENV = {"IMAGELIB_PULLS_PER_NODE": "1"}

Proxies = Callable[..., FaultProxy]


@pytest.fixture(autouse=True)
def _clean_engine(engine: RealEngine) -> None:
    engine.wipe()


@pytest.fixture
def slow(fault_proxy: Proxies, registries: Registries) -> FaultProxy:
    """A registry from which the 21 MB image takes about 40 s."""
    proxy = fault_proxy(registries.open)
    proxy.limit(500_000)
    return proxy


def test_cancelling_a_running_pull_stops_the_engine(bed: PullBed, engine: RealEngine, slow: FaultProxy) -> None:
    pk = bed.pull(slow.reference("team/mid:1"), bed.node(engine.unix_url))
    watch = bed.watch(pk)
    bed.wait_for_bytes(pk, 1_000_000)
    answer = bed.cancel(pk)
    assert answer.status_code == 200
    assert answer.json()["state"] in ("cancelling", "cancelled")
    done = watch.until()
    assert done["state"] == "cancelled"
    assert done["error"] is None and done["percent"] < 100
    slow.limit(None)  # whoever still wanted bytes would get them all at once
    assert comes_to_rest("the engine", lambda: slow.sent(BLOBS)) < 15_000_000
    assert engine.references() == []
    assert bed.history(pk)[-2:] == ["cancel_requested", "cancelled"]


def test_cancelling_a_waiting_pull(embedded: PullBed, engine: RealEngine, slow: FaultProxy) -> None:
    node = embedded.node(engine.unix_url)
    running = embedded.pull(slow.reference("team/mid:1"), node)
    embedded.wait_for_bytes(running, 1)
    waiting = embedded.pull(slow.reference("team/tiny:1"), node)
    time.sleep(0.5)
    assert embedded.snapshot(waiting)["state"] == "queued", "one at a time on a node"
    assert embedded.cancel(waiting).json()["state"] == "cancelled"
    embedded.cancel(running)
    settle(embedded)
    assert embedded.history(waiting) == ["requested", "cancel_requested", "cancelled_waiting"]
    assert slow.count("team/tiny") == 0
    assert embedded.snapshot(waiting)["attempt"] == 0


def test_a_shared_pull_ends_when_nobody_wants_it_any_more(
    embedded: PullBed, engine: RealEngine, slow: FaultProxy
) -> None:
    product, node = embedded.product, embedded.node(engine.unix_url)
    for name in ("ann", "bob"):
        product.create_user(name)
    image = product.api("POST", "/api/images/", json={"name": "mid", "address": slow.reference("team/mid:1")})
    assert image.status_code == 201, image.text
    asked = {"image": image.json()["id"], "nodes": [node]}
    ids = set()
    for name in ("ann", "bob"):
        answer = product.api("POST", "/api/pulls/", json=asked, user=name)
        assert answer.status_code == 202, answer.text
        ids.add(answer.json()["results"][0]["pull"]["id"])
    [pk] = ids
    embedded.wait_for_bytes(pk, 1)
    assert embedded.cancel(pk, user="ann").status_code == 200
    time.sleep(1.5)
    assert embedded.snapshot(pk)["state"] == "running", "bob still wants it"
    assert embedded.cancel(pk, user="bob").status_code == 200
    assert embedded.wait(pk)["state"] == "cancelled"
    history = embedded.history(pk)
    assert history.count("joined") == history.count("withdrawn") == 1


def test_somebody_elses_pull_is_not_there(embedded: PullBed, engine: RealEngine, slow: FaultProxy) -> None:
    embedded.product.create_user("eve")
    pk = embedded.pull(slow.reference("team/mid:1"), embedded.node(engine.unix_url))
    assert embedded.cancel(pk, user="eve").status_code == 404
    assert embedded.snapshot(pk)["state"] in ("queued", "running")
    embedded.cancel(pk)
    settle(embedded)


def test_double_clicks(bed: PullBed, engine: RealEngine, slow: FaultProxy) -> None:
    """Two clicks on "pull" are one pull; two clicks on "cancel" are one cancellation."""
    node, reference = bed.node(engine.unix_url), slow.reference("team/mid:1")
    with ThreadPoolExecutor(2) as people:
        [first, second] = people.map(lambda _click: bed.pull(reference, node), range(2))
        assert first == second
        bed.wait_for_bytes(first, 1)
        answers = list(people.map(lambda _click: bed.cancel(first).status_code, range(2)))
    assert 200 in answers and set(answers) <= {200, 409}
    assert bed.wait(first)["state"] == "cancelled"
    assert bed.history(first).count("cancelled") == 1
    assert bed.cancel(first).status_code in (200, 409)
    assert bed.snapshot(first)["state"] == "cancelled"


def test_asking_again_while_it_is_being_cancelled(embedded: PullBed, engine: RealEngine, slow: FaultProxy) -> None:
    node, reference = embedded.node(engine.unix_url), slow.reference("team/mid:1")
    first = embedded.pull(reference, node)
    embedded.wait_for_bytes(first, 1)
    embedded.cancel(first)
    second = embedded.pull(reference, node)
    assert second != first
    slow.limit(None)
    assert embedded.wait(second)["state"] == "succeeded"
    assert embedded.snapshot(first)["state"] == "cancelled"


def test_cancelling_between_two_attempts(embedded: PullBed, engine: RealEngine, slow: FaultProxy) -> None:
    slow.answer(503, match=MANIFESTS)
    pk = embedded.pull(slow.reference("team/tiny:1"), embedded.node(engine.unix_url))
    while not embedded.snapshot(pk)["error"]:
        time.sleep(0.1)
    assert embedded.cancel(pk).json()["state"] == "cancelled"
    asked = slow.count(MANIFESTS)
    time.sleep(8)  # the next attempt would have been due
    assert slow.count(MANIFESTS) == asked
    assert embedded.snapshot(pk)["state"] == "cancelled"
