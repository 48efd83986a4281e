"""A connection that stops being HTTP: after the engine's answer it carries other bytes, both ways."""

from __future__ import annotations

import json
import re
import select
import ssl
import threading
from collections.abc import Iterable, Iterator
from time import monotonic
from typing import Any

from .client import USER_AGENT, EngineClient
from .deadline import Deadline, break_stream
from .errors import EngineError
from .http_source import keep_alive, refusal
from .translate import FAILURES, translate, translated

CHUNK = 1 << 14
MOST_HEAD = 1 << 16  # bytes of an answer's head; of a refusal, with its text
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]{1,6})", re.IGNORECASE)
_WAIT = 0.5  # seconds; a safety net only: what arrives and what closes wakes the waiting one up
_NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError, TimeoutError)


class Hijacked:
    """A `PullSource` that one can write to.

    TLS must not be read and written at the same moment, by two threads: so nobody blocks within a socket's methods.
    """

    def __init__(self, connection: Any, early: bytes, *, timeout: float) -> None:
        self._connection = connection
        self._socket = connection.sock
        self._early = early
        self._timeout = timeout
        self._lock = threading.Lock()
        self._closed = False
        self._socket.settimeout(0)

    def read(self) -> Iterator[bytes]:
        if self._early:
            yield self._early
        try:
            while True:
                data = self._receive()
                if data == b"":
                    return
                if data is None:
                    self._wait(select.POLLIN)
                else:
                    yield data
        finally:
            self._connection.close()

    def write(self, data: bytes) -> None:
        """Raises EngineError when the connection is gone or the program takes nothing for the timeout."""
        until = monotonic() + self._timeout
        rest = memoryview(data)
        with translated():
            while rest:
                sent = self._send(rest)
                rest = rest[sent:]
                if rest and monotonic() > until:
                    raise TimeoutError(f"the other end takes no input for {self._timeout:.3g} s")
                if not sent:
                    self._wait(select.POLLOUT)

    def abort(self) -> None:
        self._closed = True
        break_stream(self._socket)

    def _receive(self) -> bytes | None:
        """None when there is nothing now, b"" at the end."""
        with self._lock:
            try:
                return b"" if self._closed else bytes(self._socket.recv(CHUNK))
            except _NOT_NOW:
                return None
            except FAILURES as error:
                if self._closed:
                    return b""
                raise translate(error) from error

    def _send(self, data: memoryview) -> int:
        with self._lock:
            if self._closed:
                raise EngineError("engine_gone", "the connection is closed")
            try:
                return int(self._socket.send(bytes(data[:CHUNK])))
            except _NOT_NOW:
                return 0

    def _wait(self, what: int) -> None:
        waiting = select.poll()
        try:
            waiting.register(self._socket.fileno(), what)
        except ValueError:  # closed meanwhile
            return
        waiting.poll(_WAIT * 1000)


def hijack(
    client: EngineClient,
    path: str,
    body: dict[str, Any] | None = None,
    *,
    upgrade: str = "tcp",
    headers: Iterable[tuple[str, str]] = (),
) -> Hijacked:
    """POST `body` and take the connection over. Raises `EngineError`; EngineRejected when the engine says no."""
    connection = client.new_connection()
    data = b"" if body is None else json.dumps(body).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: {USER_AGENT}\r\nConnection: Upgrade\r\n"
        f"Upgrade: {upgrade}\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n"
        + "".join(f"{name}: {value}\r\n" for name, value in headers)
        + "\r\n"
    )
    try:
        with translated(), Deadline(min(client.timeout, max(client.seconds_left(), 0.001))) as deadline:
            connection.connect()
            deadline.watch(connection.sock)
            connection.sock.sendall(head.encode() + data)
            early = _read_answer(connection.sock)
        keep_alive(connection.sock)
        return Hijacked(connection, early, timeout=client.timeout)
    except BaseException:
        connection.close()
        raise


def _read_answer(stream: Any) -> bytes:
    """What came after the head of a good answer, already."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += _more(stream, received)
    head, _, rest = received.partition(b"\r\n\r\n")
    words = head.split(b"\r\n", 1)[0].split(b" ", 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():
        raise EngineError("engine_not_docker", "it answers in another language than HTTP")
    status = int(words[1])
    if status in (101, 200):
        return rest
    length = _LENGTH.search(head)
    while len(rest) < int(length[1] if length else 0):
        rest += _more(stream, rest)
    raise refusal(status, rest, ())


def _more(stream: Any, received: bytes) -> bytes:
    chunk: bytes = stream.recv(CHUNK)
    if not chunk or len(received) > MOST_HEAD:
        raise ConnectionError("the engine hung up instead of handing the connection over")
    return chunk
