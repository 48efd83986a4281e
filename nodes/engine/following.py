"""A stream of values, seen by the one who waits for them. Pure: where the bytes come from is a `PullSource`."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable
from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar

from .container_types import ContainerEvent, LogText
from .errors import EngineError
from .pull_stream import JOIN_WITHIN, TICK, PullSource

MOST_PENDING = 64  # values; a chunk of a log has up to 64 KiB
T = TypeVar("T")
Made = TypeVar("Made", covariant=True)


class Decoder(Protocol[Made]):
    """Makes values of chunks."""

    def feed(self, chunk: bytes) -> Iterable[Made]: ...

    def finish(self) -> Iterable[Made]:
        """What is left when the stream has ended well."""
        ...


class Following(Generic[T]):
    """Iterate it for values, and for None whenever `tick` seconds passed without one.

    The iteration ends normally when the engine ended the stream, or after `close`; with `EngineRejected` when the
    engine refused, with `EngineError` when it could not be reached or the connection broke. Nothing is lost with a slow
    consumer: then the engine waits.
    """

    def __init__(
        self, source: PullSource, decoder: Decoder[T], *, tick: float = TICK, most: int = MOST_PENDING
    ) -> None:
        self._source = source
        self._decoder = decoder
        self._tick = tick
        self._most = most  # values that may be pending
        self._changed = threading.Condition()
        self._pending: deque[T] = deque()
        self._failure: Exception | None = None
        self._finished = False
        self._closed = False
        self._reader = threading.Thread(target=self._read, name="engine-stream", daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T | None:
        with self._changed:
            self._changed.wait_for(lambda: self._pending or self._finished or self._closed, self._tick)
            if self._pending and not self._closed:
                self._changed.notify_all()
                return self._pending.popleft()
            if not self._finished and not self._closed:
                return None
            if self._failure is not None and not self._closed:
                raise self._failure
            raise StopIteration

    @property
    def ended(self) -> bool:
        """Nothing more will come; what came before may still be pending."""
        with self._changed:
            return self._finished or self._closed

    @property
    def ended_well(self) -> bool:
        """The engine ended it, without an error."""
        with self._changed:
            return self._finished and self._failure is None and not self._closed

    def close(self) -> None:
        """Stop. Safe from any thread and after the end; who is blocked in the iteration comes to its end at once."""
        with self._changed:
            self._closed = True
            self._pending.clear()
            self._changed.notify_all()
        self._source.abort()
        if threading.current_thread() is not self._reader:
            self._reader.join(JOIN_WITHIN)

    def _read(self) -> None:
        # Should this thread die of a programming error, the consumer must still come to an end.
        failure: Exception | None = EngineError("engine_gone", "the reader of the stream died")
        try:
            failure = self._pump()
        finally:
            with self._changed:
                self._failure = failure
                self._finished = True
                self._changed.notify_all()

    def _pump(self) -> Exception | None:
        """Returns how the stream ended: None for well. Whatever goes wrong is the consumer's to know: what is sent to
        the engine comes from somebody who may raise anything."""
        try:
            for chunk in self._source.read():
                if not self._put(self._decoder.feed(chunk)):
                    return None
            self._put(self._decoder.finish())
        except Exception as error:  # noqa: BLE001
            return error
        finally:
            self._source.abort()
        return None

    def _put(self, values: Iterable[T]) -> bool:
        """Waits while too much is pending. False when nobody wants it any more."""
        for value in values:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or len(self._pending) < self._most)
                if self._closed:
                    return False
                self._pending.append(value)
                self._changed.notify_all()
        return not self._closed


LogStream = Following[LogText]
EventStream = Following[ContainerEvent]
