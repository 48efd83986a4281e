"""A time limit for one whole exchange with an engine: its headers and its body, however slowly they trickle."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from contextvars import ContextVar, Token
from time import monotonic
from types import TracebackType
from typing import Any, Self

from .errors import EngineError

_running: ContextVar[Deadline | None] = ContextVar("engine_deadline", default=None)


class Deadline:
    """Breaks the connection that is in use when its time is up; the block then ends with `TimeoutError`.

    The timeout of a socket starts anew with every byte. A server that sends one a second would hold us for ever.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._until = monotonic() + seconds
        self._lock = threading.Lock()
        self._stream: Any = None
        self._expired = False
        self._broken = False  # what ended before there was a connection to break has words of its own
        self._timer = threading.Timer(seconds, self._expire)
        self._timer.daemon = True
        self._token: Token[Deadline | None] | None = None

    def __enter__(self) -> Self:
        self._token = _running.set(self)
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        if self._token is not None:
            _running.reset(self._token)
        with self._lock:
            self._stream = None
            broken = self._broken
        # What an answer that we broke ourselves looks like to the libraries means nothing; it may even look complete.
        if broken and (error is None or (isinstance(error, Exception) and not isinstance(error, EngineError))):
            raise TimeoutError(f"no complete answer within {self._seconds:.3g} s") from None

    def seconds_left(self) -> float:
        return max(self._until - monotonic(), 0.001)

    def watch(self, stream: Any) -> None:
        """The connection (a socket or an ssh channel) that the answer comes through."""
        with self._lock:
            self._stream = stream
            self._broken = self._expired
        if self._broken:
            raise TimeoutError

    def _expire(self) -> None:
        with self._lock:
            self._expired = True
            stream, self._stream = self._stream, None
            self._broken = stream is not None
        if stream is not None:
            break_stream(stream)


def seconds_left(at_most: float) -> float:
    """For one step of an exchange: `at_most`, or what the `Deadline` around it leaves."""
    deadline = _running.get()
    return at_most if deadline is None else min(at_most, deadline.seconds_left())


class Watched:
    """For connection classes: whoever waits for an answer in a `Deadline` is interrupted by it."""

    sock: Any

    def getresponse(self) -> Any:
        deadline = _running.get()
        if deadline is not None:
            deadline.watch(self.sock)
        return super().getresponse()  # type: ignore[misc]


def break_stream(stream: Any) -> None:
    """End a connection under whoever is blocked in it: closing the descriptor would not wake that thread up."""
    with suppress(OSError, EOFError):
        if isinstance(stream, socket.socket):
            # Past SSLSocket's own method, which takes the TLS state away from under the reader.
            socket.socket.shutdown(stream, socket.SHUT_RDWR)
        else:
            stream.close()  # an ssh channel
