"""A terminal's connection, before an engine that does with it what it likes."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from nodes.engine import EngineEndpoint, EngineError, EngineRejected, Terminal, connect
from tests.support.http_engines import QuietHandler, http_engines

UPGRADED = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
Conversation = Callable[[socket.socket], None]


@pytest.fixture
def engine_with() -> Iterator[Callable[[Conversation], EngineEndpoint]]:
    """`engine_with(conversation)`: an engine whose terminals go like that."""

    def start(conversation: Conversation) -> EngineEndpoint:
        class Handler(QuietHandler):
            def do_GET(self) -> None:
                self._answer({"ApiVersion": "1.41"})

            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or "{}")
                if not self.path.endswith("/start"):
                    self._answer({"Id": "run1"})
                    return
                assert asked == {"Detach": False, "Tty": True} and self.headers["Upgrade"] == "tcp"
                self.close_connection = True
                with suppress(OSError):
                    conversation(self.connection)

            def _answer(self, body: Any) -> None:
                data = json.dumps(body).encode()
                self.send_response(201)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        return serve(Handler)

    with http_engines() as serve:
        yield start


def open_at(endpoint: EngineEndpoint, use: Callable[[Terminal], None], *, timeout: float = 60) -> None:
    with (
        connect(endpoint, timeout=timeout) as engine,
        engine.open_terminal("some-container", shell=("sh",), columns=80, rows=24) as terminal,
    ):
        use(terminal)


def test_what_comes_with_the_answer_is_not_lost(engine_with: Callable[[Conversation], EngineEndpoint]) -> None:
    def talk(client: socket.socket) -> None:
        for byte in UPGRADED + b"prompt# ":
            client.sendall(bytes([byte]))
        client.sendall(client.recv(100).upper())
        client.shutdown(socket.SHUT_RDWR)

    def use(terminal: Terminal) -> None:
        terminal.write(b"hello")
        assert b"".join(chunk for chunk in terminal if chunk) == b"prompt# HELLO"

    open_at(engine_with(talk), use)
    open_at(engine_with(lambda client: (client.sendall(UPGRADED + b"early"), client.close())[1]), lambda terminal: None)


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        (
            b'HTTP/1.1 409 Conflict\r\nContent-Length: 30\r\n\r\n{"message":"it is not running"}',
            "engine_rejected",
            "not",
        ),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "engine_not_docker", "another language"),
        (b"HTTP/1.1 abc\r\n\r\n", "engine_not_docker", "another language"),
        (b"HTTP/1.1 101 UPGRADED\r\n", "engine_gone", "hung up"),
        (b"x" * 100_000, "engine_gone", "hung up"),
        (b"", "engine_gone", "hung up"),
    ],
)
def test_answers_that_are_no_terminal(
    engine_with: Callable[[Conversation], EngineEndpoint], answer: bytes, code: str, words: str
) -> None:
    def talk(client: socket.socket) -> None:
        client.sendall(answer)
        client.shutdown(socket.SHUT_WR)
        client.recv(1)

    with pytest.raises(EngineError) as refused:
        open_at(engine_with(talk), lambda terminal: None)
    assert refused.value.code == code and words in refused.value.evidence
    assert not isinstance(refused.value, EngineRejected) or refused.value.status == 409


def test_an_engine_that_does_not_answer(engine_with: Callable[[Conversation], EngineEndpoint]) -> None:
    with pytest.raises(EngineError) as late:
        open_at(engine_with(lambda client: client.recv(10) and None), lambda terminal: None, timeout=0.3)
    assert late.value.code == "engine_timeout"


def test_a_program_that_takes_no_input(engine_with: Callable[[Conversation], EngineEndpoint]) -> None:
    """As much as fits into the buffers on the way is taken; then the writer learns it, and is not held for ever."""

    def talk(client: socket.socket) -> None:
        client.sendall(UPGRADED)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stop.recv(1)

    stop, go = socket.socketpair()

    def use(terminal: Terminal) -> None:
        with pytest.raises(EngineError) as late:
            for _ in range(200):
                terminal.write(b"x" * 1_000_000)
        assert late.value.code == "engine_timeout"
        terminal.close()
        assert list(terminal) == []

    with stop, go:
        open_at(engine_with(talk), use, timeout=3)
