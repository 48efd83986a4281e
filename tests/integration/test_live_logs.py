"""Logs as they are written, through the whole product: both streams apart, until the end, for who may see them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from http.client import HTTPConnection, HTTPException
from socket import SHUT_RDWR
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.integration.instance_bed import PLAIN, InstanceBed
from tests.integration.pull_bed import PullBed
from tests.integration.terminal_client import native
from tests.services.engine import RealEngine
from tests.services.process import wait_until
from tests.services.product import ADMIN, Product
from tests.services.registries import Registries

pytestmark = pytest.mark.real
PRODUCT_ENV = {"IMAGELIB_LOGS_PER_USER": "2"}
PASSWORD = "user-s3cret-of-the-tests"
# Speaks, waits for a file, speaks again and ends.
TALK = "echo one; echo zwei-ü >&2; echo 三; while [ ! -e /go ]; do sleep 0.1; done; echo 'last 🙂' >&2; exit 3"


class LiveLog:
    """One open stream, read by a thread."""

    def __init__(self, product: Product, instance: int, *, query: str = "tail=100", user: str = ADMIN) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.ended = threading.Event()
        address = urlsplit(product.url)
        self._connection = HTTPConnection(address.hostname or "", address.port, timeout=60)
        headers = {"Authorization": f"Bearer {product.token(user)}", "Accept": "text/event-stream"}
        path = f"/api/instances/{instance}/logs/?follow=1&{query}"
        self._connection.request("GET", path, headers={**headers, "Accept-Language": "en"})
        self._socket = self._connection.sock
        self._answer = self._connection.getresponse()
        assert (self._answer.status, self._answer.headers["Content-Type"]) == (200, "text/event-stream")
        threading.Thread(target=self._read, daemon=True).start()

    def said(self, stream: str) -> str:
        return "".join(
            data["text"] for name, data in list(self.events) if name == "output" and data["stream"] == stream
        )

    def until_end(self) -> dict[str, Any]:
        """What the last event says."""
        wait_until("the end of the log", self.ended.is_set, step=0.05)
        name, data = self.events[-1]
        assert name == "end", self.events
        return data

    def close(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(SHUT_RDWR)  # under the reader
        self.ended.wait(60)
        self._connection.close()

    def _read(self) -> None:
        name = ""
        with suppress(OSError, HTTPException, ValueError):  # closed
            for line in self._answer:
                if line.startswith(b"event: "):
                    name = line[7:].decode().strip()
                elif line.startswith(b"data: "):
                    self.events.append((name, json.loads(line[6:])))
        self.ended.set()


@pytest.fixture(scope="module")
def beds(embedded: PullBed) -> InstanceBed:
    return InstanceBed(embedded)


@pytest.fixture(scope="module")
def node(beds: InstanceBed, engine: RealEngine, registries: Registries) -> int:
    engine.wipe()
    engine.pull(registries.open.reference("library/tiny:1"))
    return beds.node(engine)


@pytest.fixture
def run(beds: InstanceBed, node: int, registries: Registries) -> Callable[[str], dict[str, Any]]:
    """`run(script)`: an instance that does it, running."""
    reference = registries.open.reference("library/tiny:1")
    return lambda script: beds.run(reference, node, PLAIN, command=["sh", "-c", script])


@pytest.fixture
def follow(beds: InstanceBed) -> Iterator[Callable[..., LiveLog]]:
    with ExitStack() as stack:
        yield lambda instance, **options: stack.enter_context(closing(LiveLog(beds.product, instance, **options)))


def go(engine: RealEngine, instance: dict[str, Any]) -> None:
    from nodes.engine import EngineEndpoint, connect

    with connect(EngineEndpoint(engine.unix_url)) as connection:
        connection.exec_run(instance["container_id"], ("sh", "-c", ": > /go"), within=10)


def test_a_log_is_followed_to_its_end(
    beds: InstanceBed, engine: RealEngine, run: Any, follow: Callable[..., LiveLog]
) -> None:
    instance = run(TALK)
    log = follow(instance["id"])
    wait_until("the beginning", lambda: log.said("stdout") == "one\n三\n" and log.said("stderr") == "zwei-ü\n")
    assert log.events[0] == ("begin", {})
    go(engine, instance)
    assert log.until_end()["code"] == "ended"
    assert log.said("stderr") == "zwei-ü\nlast 🙂\n" and log.said("stdout") == "one\n三\n"
    late = follow(instance["id"], query="tail=1")
    late.until_end()
    assert (late.said("stdout"), late.said("stderr")) == ("", "last 🙂\n")
    assert beds.get(f"/api/instances/{instance['id']}/logs/?tail=1")["log"] == "last 🙂\n"


def test_much_output_arrives_whole(engine: RealEngine, run: Any, follow: Callable[..., LiveLog]) -> None:
    instance = run("busybox yes 'ü中文🙂' | busybox head -n 50000; while [ ! -e /go ]; do sleep 0.1; done")
    log = follow(instance["id"], query="tail=10000")
    go(engine, instance)
    log.until_end()
    lines = log.said("stdout").splitlines()
    assert len(lines) >= 10_000 and set(lines) == {"ü中文🙂"}


def test_logs_are_for_their_owner(beds: InstanceBed, run: Any) -> None:
    instance = run(TALK)
    beds.product.create_user("ulrich", PASSWORD)
    at = f"/api/instances/{instance['id']}/logs/?follow=1"
    assert beds.product.api("GET", at, user=None).status_code == 401
    assert beds.product.api("GET", at, user="ulrich").status_code == 404
    for query in ("follow=2", "follow=yes", "follow=1&tail=x"):
        answer = beds.product.api("GET", f"/api/instances/{instance['id']}/logs/?{query}")
        assert answer.status_code == 400 and answer.headers["Content-Type"] == "application/problem+json"


def test_the_number_of_open_logs_is_limited(beds: InstanceBed, run: Any, follow: Callable[..., LiveLog]) -> None:
    """Who leaves makes room."""
    instance = run(TALK)
    first, _second = (follow(instance["id"]) for _ in range(2))
    wait_until("both", lambda: first.said("stdout") and _second.said("stdout"))
    third = follow(instance["id"])
    assert third.until_end() == {
        "code": "too_many", "message": "You follow 2 logs, which is the limit. Close one of them."
    }  # fmt: skip
    first.close()

    def has_room() -> bool:
        with closing(LiveLog(beds.product, instance["id"])) as another:
            wait_until("an answer", lambda: len(another.events) >= 1)
            return another.events[0][0] == "begin"

    wait_until("room", has_room)


def test_a_lost_login_ends_an_open_log(
    beds: InstanceBed, node: int, registries: Registries, follow: Callable[..., LiveLog]
) -> None:
    product = beds.product
    product.create_user("oskar", PASSWORD)
    reference = registries.open.reference("library/tiny:1")
    asked = {**beds.asked(reference, node, PLAIN), "command": ["sh", "-c", TALK]}
    pk = product.api("POST", "/api/instances/", json=asked, user="oskar").json()["id"]
    beds.wait(pk, "running")
    log = follow(pk, user="oskar")
    wait_until("the beginning", lambda: log.said("stdout"))
    with beds.bed.database() as cursor:
        cursor.execute("UPDATE auth_user SET is_active = false WHERE username = 'oskar'")
    assert log.until_end()["code"] == "not_allowed"


def test_what_cannot_be_followed_says_why(
    beds: InstanceBed, engine: RealEngine, node: int, registries: Registries, run: Any, follow: Callable[..., LiveLog]
) -> None:
    instance = run(TALK)
    assert engine.request("DELETE", f"/containers/{instance['container_id']}?force=1")[0] == 204
    assert follow(instance["id"]).until_end()["code"] == "container_gone"
    never = beds.create(registries.open.reference("library/nosuch:1"), node, PLAIN)
    beds.wait(never, "failed")
    assert follow(never).until_end() == {"code": "no_container", "message": "There is no container yet."}


def test_what_is_open_ends_with_the_server(
    own_embedded: Callable[..., PullBed], engine: RealEngine, registries: Registries
) -> None:
    """Nobody has to kill it, and no shell is left behind."""
    bed = InstanceBed(own_embedded())
    reference = registries.open.reference("library/tiny:1")
    instance = bed.run(reference, bed.node(engine), PLAIN, command=["sh", "-c", TALK])
    log, terminal = LiveLog(bed.product, instance["id"]), native(bed.product, instance["id"])
    wait_until("the beginning", lambda: log.said("stdout"))
    terminal.until("# ")
    terminal.type("sleep 4321\r")
    terminal.until("4321")
    process = bed.product.process
    assert process is not None
    process.terminate()
    assert process.wait(60) == 0
    assert log.ended.wait(60)
    assert terminal.end()[0] == 1012
    programs = engine.get(f"/containers/{instance['container_id']}/top")["Processes"]
    assert not [row for row in programs if "sleep 4321" in row[-1]]
    assert bed.bed.rows('SELECT "end" FROM instances_terminalsession') == [("server",)]
