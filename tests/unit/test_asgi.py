"""The server's entry point: alive although busy, and not kept busy by those who send slowly."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from a2wsgi import WSGIMiddleware
from django.http import QueryDict

from imagelib import asgi
from imagelib.bodies import SenderGone, WholeBodies, whole_body, with_whole_bodies

WORKERS = 16


class Request:
    """One request as a server hands it over. A body of None never comes."""

    def __init__(self, path: str, *body: bytes | None, method: str = "GET", host: str = "localhost", **headers: str):
        self.messages = [
            {"type": "http.request", "body": part, "more_body": number < len(body) - 1} if part is not None else None
            for number, part in enumerate(body or (b"",))
        ]
        self.sent: list[Any] = []
        named = {"host": host, **{name.replace("_", "-"): value for name, value in headers.items()}}
        self.scope = {
            "type": "http", "http_version": "1.1", "method": method, "scheme": "http", "path": path,
            "raw_path": path.encode(), "query_string": b"", "root_path": "", "server": ("127.0.0.1", 80),
            "client": ("127.0.0.1", 5), "headers": [(k.encode(), v.encode()) for k, v in named.items()],
        }  # fmt: skip

    async def receive(self) -> Any:
        message = self.messages.pop(0) if self.messages else None
        if message is None:
            await asyncio.Event().wait()
        return message

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    async def run(self) -> Request:
        await asgi.application(self.scope, self.receive, self.send)
        return self

    @property
    def status(self) -> int | None:
        return self.sent[0]["status"] if self.sent else None

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent[1:])


@pytest.fixture
def busy_threads() -> Iterator[None]:
    """Every thread is at work for the length of a test."""
    done = threading.Event()
    for _ in range(WORKERS):
        asgi._threads.executor.submit(done.wait, 180)
    yield
    done.set()


@pytest.mark.usefixtures("busy_threads")
def test_a_process_whose_threads_are_all_busy_is_alive() -> None:
    request = asyncio.run(asyncio.wait_for(Request("/healthz", host="10.1.2.3:8000").run(), 60))
    assert (request.status, json.loads(request.body)) == (200, {"status": "ok"})


def test_slow_senders_keep_nobody_waiting() -> None:
    async def scenario() -> Request:
        slow = [Request("/api/token/", b"{", None, method="POST", content_length="50") for _ in range(WORKERS + 4)]
        tasks = [asyncio.create_task(request.run()) for request in slow]
        await asyncio.sleep(0.3)
        quick = await asyncio.wait_for(Request("/api/nothing").run(), 60)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert not any(request.sent for request in slow)
        return quick

    assert asyncio.run(scenario()).status == 404


def test_a_body_in_pieces_arrives_whole() -> None:
    request = Request(
        "/api/token/", b'{"user', b'name": "u"', b"}",
        method="POST", content_type="application/json", content_length="17", accept_language="en",
    )  # fmt: skip
    asyncio.run(asyncio.wait_for(request.run(), 60))
    assert request.status == 400
    assert [error["field"] for error in json.loads(request.body)["errors"]] == ["password"]


def test_a_sender_who_is_too_slow_is_told_so() -> None:
    asked: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        asked.append(await receive())

    async def scenario() -> Request:
        request = Request("/api/token/", b"{", None, method="POST", content_length="50")
        await WholeBodies(app, seconds=0.2, limit=100)(request.scope, request.receive, request.send)
        return request

    request = asyncio.run(asyncio.wait_for(scenario(), 60))
    assert request.status == 408 and not asked
    assert (b"connection", b"close") in request.sent[0]["headers"]


def test_half_a_body_is_not_taken_for_the_whole() -> None:
    request = Request("/api/token/", b"{", None, method="POST", content_length="50")
    request.messages[1] = {"type": "http.disconnect"}
    asyncio.run(asyncio.wait_for(request.run(), 60))
    assert request.sent == []
    with pytest.raises(SenderGone):
        asyncio.run(whole_body(_from([{"type": "http.disconnect"}]), seconds=60, limit=10))


def test_only_the_beginning_of_a_huge_body_is_awaited() -> None:
    parts = [{"type": "http.request", "body": b"12345", "more_body": True} for _ in range(10)]

    async def scenario() -> list[Any]:
        body, receive = await whole_body(_from(parts), seconds=60, limit=12)
        return [body, await receive(), await receive()]

    body, first, second = asyncio.run(scenario())
    assert body is None
    assert first == {"type": "http.request", "body": b"12345" * 3, "more_body": True}
    assert second["body"] == b"12345" and len(parts) == 6


@pytest.mark.parametrize("limit", [100, 3])
def test_a_body_that_is_there_is_read_without_the_event_loop(limit: int) -> None:
    asked: list[Any] = []

    def wsgi(environ: Any, start_response: Any) -> list[bytes]:
        asked.append(isinstance(environ["wsgi.input"], BytesIO))
        start_response("200 OK", [])
        return [environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))]

    threads = WSGIMiddleware(with_whole_bodies(wsgi), workers=1)
    request = Request("/", b"12", b"34", b"5", method="POST", content_length="5")
    app = WholeBodies(threads, seconds=60, limit=limit)

    async def scenario() -> None:
        await app(request.scope, request.receive, request.send)

    asyncio.run(asyncio.wait_for(scenario(), 60))
    threads.executor.shutdown()
    assert request.body == b"12345" and asked == [limit == 100]


def _from(messages: list[Any]) -> Any:
    async def receive() -> Any:
        return messages.pop(0)

    return receive


@pytest.mark.parametrize(
    ("path", "query", "stream"),
    [
        ("/api/pulls/events/", "", True),
        ("/api/pulls/7/events/", "id=1", True),
        ("/api/pulls/7/", "", False),
        ("/api/instances/7/logs/", "follow=1", True),
        ("/api/instances/7/logs/", "tail=5&follow=%31", True),
        ("/api/instances/7/logs/", "follow=0&follow=1", True),
        ("/api/instances/7/logs/", "follow=1&follow=0", False),
        ("/api/instances/7/logs/", "tail=5", False),
        ("/api/instances/7/logs/", "\xff=%ff", False),
        ("/api/instances/7/stats/", "follow=1", False),
    ],
)
def test_what_stays_open_goes_to_the_asynchronous_side(path: str, query: str, stream: bool) -> None:
    """Exactly what the views stream: on the other side an endless answer would hold a thread for ever."""
    scope = {"path": path, "query_string": query.encode("latin-1")}
    assert asgi._is_stream(scope) is stream
    if "logs" in path:
        assert (QueryDict(scope["query_string"]).get("follow") == "1") is stream


@pytest.mark.parametrize("path", ["/", "/api/pulls/1/events/", "/api/instances/x/terminal/", "/instance/terminal/"])
def test_sockets_that_lead_nowhere_are_refused(path: str) -> None:
    request = Request(path)
    request.scope["type"] = "websocket"
    request.messages = [{"type": "websocket.connect"}]
    asyncio.run(asyncio.wait_for(request.run(), 5))
    assert request.sent == [{"type": "websocket.close"}]
