"""Images on their way out of one engine and into another, as the tar archives of `docker save`. Pure.

Nothing here keeps an archive: chunks go from one connection to the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any, Self

from .errors import EngineRejected
from .evidence import clean
from .following import Following
from .pull_events import MessageDecoder, progress_of
from .pull_stream import PullSource
from .shapes import LONG, SHORT, text
from .types import LoadEvent

_LOADED = re.compile(r"Loaded image(?: ID)?: (\S+)")


class SavedImage:
    """An archive that an engine packs while it is read. Read it once, in one thread; close it from any."""

    def __init__(self, source: PullSource) -> None:
        self._source = source

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def chunks(self) -> Iterator[bytes]:
        """Blocks between chunks as long as the engine is silent. Raises EngineRejected when the engine refuses, and
        EngineError when it cannot be reached or the connection breaks."""
        return self._source.read()

    def close(self) -> None:
        """The engine stops packing; who is blocked in `chunks` comes to an end."""
        self._source.abort()


class LoadDecoder(MessageDecoder):
    """What an engine says of an archive that it takes in. It must name an image in the end."""

    def __init__(self) -> None:
        super().__init__()
        self._named = False

    def feed(self, chunk: bytes) -> Iterator[LoadEvent]:
        for message in self.messages(chunk):
            event = _event(message)
            self._named = self._named or bool(event.loaded)
            yield event

    def finish(self) -> Iterable[LoadEvent]:
        """Raises EngineRejected when no image was named: some engines take an archive without any in silence."""
        if not self._named:
            raise EngineRejected(None, "the engine names no image that it loaded")
        return ()


LoadStream = Following[LoadEvent]


def _event(message: dict[str, Any]) -> LoadEvent:
    words = clean(text(message.get("stream"), LONG))
    found = _LOADED.match(words)
    current, total, _units = progress_of(message)
    return LoadEvent(
        status=text(message.get("status")) or words,
        layer=text(message.get("id"), SHORT),
        current=current,
        total=total,
        loaded=found[1] if found else "",
    )
