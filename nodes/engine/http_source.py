"""The engine's side of a stream: one HTTP connection of its own, breakable from its first moment to its last."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from urllib3.connection import HTTPConnection

from .client import USER_AGENT, EngineClient
from .deadline import break_stream
from .errors import EngineError, EngineRejected
from .evidence import clean
from .translate import FAILURES, answer_code, translate

CHUNK = 1 << 16
# A peer that vanishes without a word, in the middle of a stream that has no time limit, is noticed after a minute.
_KEEPALIVE = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 30),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
)


class Body:
    """Chunks to send, and what making them raised: not to be taken for a failure of the connection."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self.failure: Exception | None = None
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._chunks
        except Exception as error:
            self.failure = error
            raise


class HttpSource:
    """A request whose answer has no end in sight, without the SDK.

    An engine answers a pull only once it has the manifest. With a registry that hangs the SDK's call therefore blocks
    for ever, before there is a response that one could close; here the socket is at hand as soon as it exists.

    `body`: chunks that are sent as they come, without time limit. What its iteration raises, `read` raises.
    """

    def __init__(
        self,
        client: EngineClient,
        *,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        secrets: Sequence[str] = (),
        body: Iterable[bytes] | None = None,
    ) -> None:
        self._client = client
        self._method = method
        self._path = path
        self._headers = {"User-Agent": USER_AGENT, **(headers or {})}
        self._secrets = secrets
        self._body = None if body is None else Body(body)
        self._lock = threading.Lock()
        self._socket: Any = None
        self._aborted = False

    def read(self) -> Iterator[bytes]:
        """Chunks of a 200 answer, without time limit. Raises EngineRejected for any other answer."""
        connection = self._client.new_connection()
        try:
            yield from self._exchange(connection)
        except FAILURES as error:
            if self._body is not None and error is self._body.failure:
                raise
            raise translate(error, secrets=self._secrets) from error
        finally:
            connection.close()

    def abort(self) -> None:
        with self._lock:
            self._aborted = True
            stream, self._socket = self._socket, None
        if stream is not None:
            break_stream(stream)

    def _exchange(self, connection: HTTPConnection) -> Iterator[bytes]:
        connection.connect()
        if not self._hold(connection.sock):
            return
        self._send(connection)
        connection.timeout = None
        response = connection.getresponse()
        try:
            if response.status != 200:
                raise refusal(response.status, response.read(CHUNK), self._secrets)
            yield from self._stream(response)
        finally:
            response.close()

    def _send(self, connection: HTTPConnection) -> None:
        if self._body is None:
            connection.request(self._method, self._path, headers=self._headers, preload_content=False)
            return
        connection.sock.settimeout(None)
        # An engine that refuses what comes does not wait for its end, and its answer says why. One that is gone gives
        # none, and that is noticed when it is read.
        with suppress(OSError):
            connection.request(self._method, self._path, self._body, self._headers, chunked=True, preload_content=False)
        if self._body.failure is not None:
            raise self._body.failure

    def _hold(self, stream: Any) -> bool:
        """Make the open socket known to `abort`. False when that has been called already."""
        keep_alive(stream)
        with self._lock:
            if not self._aborted:
                self._socket = stream
            return not self._aborted

    def _stream(self, response: Any) -> Iterator[bytes]:
        try:
            yield from response.stream(CHUNK, decode_content=False)
        except FAILURES as error:
            raise EngineError("engine_gone", clean(str(error) or type(error).__name__)) from error


def keep_alive(stream: Any) -> None:
    """For connections over which nothing may come for long."""
    if isinstance(stream, socket.socket) and stream.family in (socket.AF_INET, socket.AF_INET6):
        for option in _KEEPALIVE:
            stream.setsockopt(*option)


def refusal(status: int, body: bytes, secrets: Sequence[str]) -> EngineError:
    """What an answer other than the one hoped for means."""
    try:
        message = json.loads(body)["message"]
    except (ValueError, KeyError, TypeError, RecursionError):
        message = body.decode(errors="replace")
    text = clean(str(message), secrets=secrets) or f"HTTP {status}"
    code = answer_code(status, text, connecting=False)
    return EngineError(code, text) if code else EngineRejected(status, text)
