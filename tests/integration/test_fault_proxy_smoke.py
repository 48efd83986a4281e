"""The fault proxy of the tests does to real pulls what it is told."""

from __future__ import annotations

import http.client
import json
import threading
import time

import pytest

from tests.services.fault_rules import BLOBS, MANIFESTS
from tests.services.ports import accepts
from tests.services.process import comes_to_rest, wait_until
from tests.support.limits import at_most

pytestmark = pytest.mark.real


@pytest.fixture
def proxy(registries, fault_proxy, engine):
    """In front of the open registry; the engine has no images."""
    engine.wipe()
    return fault_proxy(registries.open)


def get(proxy, path):
    """Status, headers and body, straight from the proxy."""
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=20)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def blob_path(registries, name):
    return f"/v2/{name.partition(':')[0]}/blobs/{registries.open.image(name).layers[-1].digest}"


def test_passes_everything_and_keeps_count(proxy, registries, engine):
    image = registries.open.image("team/mid:1")
    events = engine.pull(proxy.reference("team/mid:1"))
    assert "Downloaded newer image" in events[-1]["status"]
    assert proxy.count(BLOBS) == len(image.layers) + 1
    assert proxy.count(MANIFESTS) >= 1
    assert image.compressed_size < proxy.sent(BLOBS) < image.compressed_size * 1.01
    assert {request.status for request in proxy.requests} == {200}
    assert "docker/" in proxy.requests[0].headers["user-agent"]


def test_limits_speed_and_lets_go(proxy, registries):
    path = blob_path(registries, "team/mid:1")  # 5 MB
    proxy.limit(2_500_000)
    began = time.monotonic()
    assert get(proxy, path)[0] == 200
    assert time.monotonic() - began > 1.7
    proxy.limit(10_000)
    threading.Timer(0.5, proxy.limit, [None]).start()
    with at_most(120):  # it would take 500 s
        assert get(proxy, path)[0] == 200


def test_cut_in_a_blob_makes_the_engine_retry(proxy, engine):
    proxy.cut(after=1_000_000, times=1)
    events = engine.pull(proxy.reference("team/mid:1"))
    assert any(event["status"].startswith("Retrying in") for event in events)
    assert "Downloaded newer image" in events[-1]["status"]
    [cut] = [request for request in proxy.requests if request.fault == "cut"]
    assert cut.sent == 1_000_000
    assert any("range" in request.headers for request in proxy.requests)


def test_cut_is_a_reset(proxy, registries):
    proxy.cut(after=1000)
    with pytest.raises((ConnectionResetError, http.client.IncompleteRead)):
        get(proxy, blob_path(registries, "team/mid:1"))
    assert get(proxy, blob_path(registries, "team/mid:1"))[0] == 200


def test_stalls_until_cleared(proxy, engine):
    proxy.stall(after=500_000)
    events: list[list[dict]] = []
    pull = threading.Thread(target=lambda: events.append(engine.pull(proxy.reference("team/mid:1"))))
    pull.start()
    wait_until("a stall", lambda: any(request.fault == "stall" for request in proxy.requests))
    comes_to_rest("the proxy", lambda: proxy.sent(BLOBS))
    assert pull.is_alive()
    proxy.clear()
    pull.join(60)
    assert "Downloaded newer image" in events[0][-1]["status"]


def test_stall_with_a_length_goes_on_by_itself(proxy, registries):
    proxy.stall(after=0, times=1, seconds=0.7)
    began = time.monotonic()
    assert get(proxy, blob_path(registries, "team/oci:1"))[0] == 200
    assert time.monotonic() - began > 0.6


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (429, "toomanyrequests"),
        (403, "denied"),
        (401, "unauthorized: authentication required"),
        (500, "500 Internal Server Error"),
        (503, "503 Service Unavailable"),
    ],
)
def test_answers_a_status_to_the_engine(proxy, engine, status, text):
    proxy.answer(status, MANIFESTS)
    events = engine.pull(proxy.reference("team/tiny:1"))
    assert text in events[-1]["error"]
    proxy.clear()
    assert "Status:" in engine.pull(proxy.reference("team/tiny:1"))[-1]["status"]


def test_answers_so_many_times_with_retry_after(proxy):
    proxy.answer(429, MANIFESTS, times=2, retry_after=7, message="slow down")
    for _ in range(2):
        status, headers, body = get(proxy, "/v2/team/tiny/manifests/1")
        assert (status, headers["Retry-After"]) == (429, "7")
        assert json.loads(body)["errors"][0] == {"code": "TOOMANYREQUESTS", "message": "slow down", "detail": None}
    assert get(proxy, "/v2/team/tiny/manifests/1")[0] in (200, 404)
    assert [request.status for request in proxy.requests[:2]] == [429, 429]


def test_delays(proxy):
    proxy.delay(0.5, times=1)
    began = time.monotonic()
    assert get(proxy, "/v2/")[0] == 200
    assert time.monotonic() - began > 0.4


def test_stops_and_starts_on_the_same_port(proxy):
    port = proxy.port
    proxy.stop()
    assert not accepts(port)
    proxy.start()
    assert get(proxy, "/v2/")[0] == 200


def test_drops_what_is_open(proxy, registries):
    proxy.limit(10_000)
    threading.Timer(0.5, proxy.drop).start()
    with pytest.raises((ConnectionResetError, http.client.IncompleteRead)):
        get(proxy, blob_path(registries, "team/mid:1"))


def test_link_to_an_engine_has_faults_too(own_engine):
    engine = own_engine()

    def answers():
        return get(engine.link, "/_ping")[0] == 200

    assert answers()
    engine.link.cut(after=10)
    with pytest.raises((ConnectionResetError, http.client.HTTPException)):
        answers()
    engine.link.stall(after=0, times=1, seconds=0.5)
    began = time.monotonic()
    assert answers()
    assert time.monotonic() - began > 0.4
