"""Engines that trickle, and what all answers together may take."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

import pytest

from nodes.engine import ContainerSpec, Engine, EngineEndpoint, EngineError, connect
from tests.support.tiny_engine import tiny_engine

BODY = b'{"ApiVersion":"1.41","Version":"20.10.24"}'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
ANSWER = HEAD % len(BODY) + BODY
Reply = Callable[[socket.socket], None]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., EngineEndpoint]]:
    """`serve(reply, unix=False)`: calls `reply(client)` for every request of every client."""
    servers: list[socket.socket] = []

    def start(reply: Reply, *, unix: bool = False) -> EngineEndpoint:
        path = tmp_path / "engine.sock"
        server = socket.socket(socket.AF_UNIX if unix else socket.AF_INET)
        server.bind(str(path) if unix else ("127.0.0.1", 0))
        server.listen()
        servers.append(server)
        threading.Thread(target=accept, args=(server, reply), daemon=True).start()
        return EngineEndpoint(f"unix://{path}" if unix else f"tcp://127.0.0.1:{server.getsockname()[1]}")

    def accept(server: socket.socket, reply: Reply) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=talk, args=(server.accept()[0], reply), daemon=True).start()

    def talk(client: socket.socket, reply: Reply) -> None:
        with closing(client), suppress(OSError):
            while client.recv(65536):
                reply(client)

    yield start
    for server in servers:
        server.close()


def trickle(client: socket.socket, data: bytes, *, times: int = 1000) -> None:
    for _ in range(times):
        client.sendall(data)
        time.sleep(0.1)


def trickling_header(client: socket.socket) -> None:
    client.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    trickle(client, b"x")


def trickling_body(client: socket.socket) -> None:
    client.sendall(HEAD % 1000)
    trickle(client, b" ")


def trickling_body_of_unknown_length(client: socket.socket) -> None:
    """Looks complete when the connection is cut."""
    client.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + BODY)
    trickle(client, b" ")


@pytest.mark.parametrize("unix", [False, True])
@pytest.mark.parametrize("reply", [trickling_header, trickling_body, trickling_body_of_unknown_length])
def test_a_trickle_ends_with_the_timeout(serve: Callable[..., EngineEndpoint], reply: Reply, unix: bool) -> None:
    endpoint = serve(reply, unix=unix)
    started = time.monotonic()
    with pytest.raises(EngineError) as error, connect(endpoint, timeout=0.5):
        pass
    assert (error.value.code, error.value.transient) == ("engine_timeout", True)
    assert 0.4 < time.monotonic() - started < 30, "the trickle goes on for 100 seconds"


def test_all_answers_together(serve: Callable[..., EngineEndpoint]) -> None:
    asked: list[int] = []

    def once(client: socket.socket) -> None:
        asked.append(1)
        if len(asked) == 1:
            client.sendall(ANSWER)

    started = time.monotonic()
    with connect(serve(once), timeout=120, within=3) as engine:
        for _attempt in range(2):
            with pytest.raises(EngineError) as error:
                engine.info()
            assert error.value.code == "engine_timeout"
    assert len(asked) == 2, "the second attempt had no time left at all"
    assert time.monotonic() - started < 60


def test_a_connection_that_broke_at_the_deadline_is_not_used_again(serve: Callable[..., EngineEndpoint]) -> None:
    slow = iter([False, True, False])

    def sometimes(client: socket.socket) -> None:
        if next(slow):
            trickling_body(client)
        client.sendall(ANSWER)

    with connect(serve(sometimes), timeout=3) as engine:
        with pytest.raises(EngineError):
            engine.info()
        assert engine.info().engine_version == "20.10.24"


def test_a_disk_that_nobody_tells_in_time_is_unknown(serve: Callable[..., EngineEndpoint]) -> None:
    requests = iter(range(10))

    def ever_slower(client: socket.socket) -> None:
        if next(requests) < 2:
            client.sendall(ANSWER)

    with connect(serve(ever_slower), timeout=120, within=3) as engine:
        assert engine.disk_free() is None


SLOW: list[Callable[[Engine], object]] = [
    lambda engine: engine.create_container(ContainerSpec("i1", "a:1")),
    lambda engine: engine.start_container("i1"),
    lambda engine: engine.restart_container("i1", grace=0),
    lambda engine: engine.remove_container("i1"),
]


def test_what_moves_files_may_take_longer_than_other_answers(tmp_path: Path) -> None:
    """An engine takes a name at once, and lists the container only when it is made: begun again, it meets itself."""
    with tiny_engine(tmp_path) as tiny:

        def after_a_while() -> tuple[int, object]:
            time.sleep(3.5)
            return 201, {"Id": "77"}

        tiny.answers |= {"POST /containers/": after_a_while, "DELETE /containers/": after_a_while}
        tiny.answers["GET /images/json"] = after_a_while

        def ask(call: Callable[[Engine], object]) -> str:
            with connect(EngineEndpoint(tiny.address), timeout=3) as engine:
                try:
                    call(engine)
                except EngineError as error:
                    return error.code
                return ""

        with ThreadPoolExecutor(5) as threads:
            assert list(threads.map(ask, [*SLOW, lambda engine: engine.list_images()])) == [""] * 4 + ["engine_timeout"]
