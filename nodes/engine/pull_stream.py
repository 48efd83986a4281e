"""A running pull, seen by the one who waits for it. Pure: where the bytes come from is a `PullSource`."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from types import TracebackType
from typing import Protocol, Self

from .errors import EngineError
from .pull_buffer import EventBuffer
from .pull_events import EventDecoder
from .types import PullEvent

TICK = 0.1  # seconds; how late a consumer may be with what it does between events
JOIN_WITHIN = 0.3  # seconds


class PullSource(Protocol):
    """The engine's side of one pull: an HTTP response, or the script of a fake."""

    def read(self) -> Iterator[bytes]:
        """Chunks of the stream; blocks between them as long as the engine is silent. Raises only `EngineError`s."""
        ...

    def abort(self) -> None:
        """Make the engine stop, and a blocked `read` end soon, in whatever way: nobody listens any more. May come from
        any thread, at any moment, any number of times."""
        ...


class PullStream:
    """Iterate it for `PullEvent`s, and for None whenever `tick` seconds passed without an event.

    The ticks let a consumer send heartbeats, notice a cancellation and judge a stall without a second thread. There is
    no time limit: a pull may take days, and be silent for minutes. The iteration ends

    - normally when the engine said how it went (`status_line`), or after `close`;
    - with `EngineRejected` when the engine refused (`status` is its HTTP status) or failed underway (None);
    - with `EngineError` when the engine could not be reached or the stream broke (engine_gone).

    A normal end is not yet a success: inspect the image for its digest. One thread reads ahead, so that a consumer who
    is busy with a database never slows a pull down; what it would skip anyway is merged (see `EventBuffer`).
    """

    def __init__(self, source: PullSource, *, tick: float = TICK) -> None:
        self.digest = ""  # "sha256:…", from the line "Digest: …"
        self.status_line = ""  # "Downloaded newer image for …" or "Image is up to date for …"
        self._source = source
        self._tick = tick
        self._buffer = EventBuffer()
        self._reader = threading.Thread(target=self._read, name="engine-pull", daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> PullEvent | None:
        event = self._buffer.take(timeout=self._tick)
        if event is not None and not event.layer:
            self._note(event.status)
        return event

    def close(self) -> None:
        """Stop. An engine stops downloading within half a second, unless somebody else pulls the same image.

        Safe from any thread and after the end; a consumer blocked in the iteration comes to its end at once.
        """
        self._buffer.close()
        self._source.abort()
        if threading.current_thread() is not self._reader:
            self._reader.join(JOIN_WITHIN)

    def _note(self, status: str) -> None:
        if status.startswith("Digest: "):
            self.digest = status.removeprefix("Digest: ")
        elif status.startswith("Status: "):
            self.status_line = status.removeprefix("Status: ")

    def _read(self) -> None:
        # Should this thread die of a programming error, the consumer must still come to an end.
        outcome: EngineError | None = EngineError("engine_gone", "the reader of the pull stream died")
        try:
            outcome = self._pump()
        finally:
            self._buffer.finish(outcome)

    def _pump(self) -> EngineError | None:
        """Move events into the buffer until the end. Returns how it ended: None for well."""
        decoder = EventDecoder()
        concluded = False
        try:
            for chunk in self._source.read():
                for event in decoder.feed(chunk):
                    concluded = concluded or (not event.layer and event.status.startswith("Status: "))
                    if not self._buffer.put(event):
                        return None
        except EngineError as error:
            return error
        finally:
            self._source.abort()
        if concluded:
            return None
        return EngineError("engine_gone", "the pull stream ended without saying how the pull went")
