"""A shell inside a container, seen through a terminal. Pure: where the bytes go is a `TerminalLine`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from .errors import EngineError
from .following import Following
from .pull_stream import TICK, PullSource


class TerminalLine(PullSource, Protocol):
    """The engine's side of a terminal."""

    def write(self, data: bytes) -> None:
        """Raises EngineError when the connection is gone, or the program takes no input for too long."""
        ...


class _Raw:
    """What a terminal shows is bytes: who draws it knows what to do with half a character."""

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        yield chunk

    def finish(self) -> Iterator[bytes]:
        return iter(())


class Terminal(Following[bytes]):
    """Iterate it for what the program shows, and for None whenever a tick passed without anything; the iteration ends
    when the program does. `write`, `resize` and `close` may come from other threads."""

    def __init__(self, line: TerminalLine, resize: Callable[[int, int], None], *, tick: float = TICK) -> None:
        self._line = line
        self._resize = resize
        super().__init__(line, _Raw(), tick=tick)

    def write(self, data: bytes) -> None:
        """Raises EngineError(engine_gone) after the end."""
        if self.ended:
            raise EngineError("engine_gone", "the terminal is closed")
        self._line.write(data)

    def resize(self, *, columns: int, rows: int) -> None:
        self._resize(columns, rows)
