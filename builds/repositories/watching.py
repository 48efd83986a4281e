"""Who waits for a git server waits no longer than agreed, however slowly it sends, and not at all once nobody asks."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import ContextVar, Token
from dataclasses import dataclass
from math import inf
from time import monotonic
from types import TracebackType
from typing import Any, Self

from builds.repositories.errors import GitError
from nodes.engine.deadline import break_stream

_running: ContextVar[Watch | None] = ContextVar("git_watch", default=None)
_LOOK_EVERY = 0.2  # seconds


@dataclass(frozen=True, slots=True)
class Limits:
    """`max_bytes` of all answers, and so of the repository's pack; times in seconds. `interrupted` is asked several
    times a second, from a thread of its own, whether anybody still wants the files; `heard` is told the bytes so far,
    with every piece that arrives and now and then while they are unpacked and looked through."""

    max_bytes: int
    connect: float = 10.0
    silence: float = 60.0  # without a single byte; of that also the head of an answer
    total: float = inf
    interrupted: Callable[[], bool] = lambda: False
    heard: Callable[[int], None] = lambda _count: None


class Interrupted(Exception):
    """`Limits.interrupted` said so."""


class Watch:
    """Counts what arrives and breaks the connection in use when one of the limits is reached."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.received = 0
        self._until = monotonic() + limits.total
        self._moved = monotonic()
        self._stream: Any = None
        self._broken: Exception | None = None
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._token: Token[Watch | None] | None = None

    def __enter__(self) -> Self:
        self._token = _running.set(self)
        threading.Thread(target=self._look, name="git watch", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._token is not None:
            _running.reset(self._token)
        with self._lock:
            self._stream, broken = None, self._broken
        # How an answer looks that we broke ourselves means nothing.
        if broken is not None and (error is None or isinstance(error, Exception)):
            raise broken from None

    def count(self, size: int, at_most: int) -> None:
        """So many bytes more have arrived."""
        self._moved = monotonic()
        self.received += size
        if self.received > at_most:
            megabytes = at_most // 1_000_000
            raise GitError("git_too_large", f"more than {at_most} bytes arrived", limit=megabytes)
        self.limits.heard(self.received)

    def use(self, stream: Any) -> None:
        """The socket that is waited for from now on."""
        with self._lock:
            self._stream, self._moved = stream, monotonic()
            if self._broken is not None:
                raise self._broken

    def rest(self) -> None:
        """Nobody is waited for any more."""
        with self._lock:
            self._stream = None

    def check(self) -> None:
        """Work without the network goes on. Raises what the limits say of it."""
        if (reason := self._reason(silent=False)) is not None:
            raise reason
        self.limits.heard(self.received)

    def _look(self) -> None:
        while not self._ended.wait(_LOOK_EVERY):
            if (reason := self._reason(silent=True)) is None:
                continue
            with self._lock:
                stream, self._stream = self._stream, None
                self._broken = reason if not self._ended.is_set() else None
            if stream is not None:
                break_stream(stream)
            return

    def _reason(self, *, silent: bool) -> Exception | None:
        now, limits = monotonic(), self.limits
        if limits.interrupted():
            return Interrupted()
        if now > self._until:
            return GitError("git_too_slow", f"not complete within {limits.total:.3g} s", limit=round(limits.total))
        if silent and self._stream is not None and now - self._moved > limits.silence:
            return GitError("git_unreachable", f"no answer for {limits.silence:.3g} s")
        return None


class Watched:
    """For connection classes: whoever waits for an answer in a `Watch` is interrupted by it."""

    sock: Any

    def getresponse(self) -> Any:
        watch = _running.get()
        if watch is not None:
            watch.use(self.sock)
        return super().getresponse()  # type: ignore[misc]
